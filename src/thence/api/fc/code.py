"""A function's code archive: read from a request, its checksum, and its download.

The checksum is CRC-64/XZ in decimal: the vendor's `codeChecksum`, by which clients know whether an
upload is needed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import OrderedDict

import fastcrc
from msgspec import Struct
from starlette.responses import FileResponse, Response

from ...catalog.function import Function
from ...engine.engine import Engine
from ..shared.answer import COMMON, answer
from ..shared.code_link import ZIP
from .call import Call
from .errors import FcError, invalid
from .function_input import CodeInput
from .route import V2, V3, Route
from .services import wanted
from .upload import BUCKET, object_of

KNOWN_MAX = 4096  # checksums in memory


# ---------------------------------------------------------------- checksums

_known: OrderedDict[str, str] = OrderedDict()
"""By digest of the archive, so that it is right for every service of the process."""


async def checksum(engine: Engine, function: Function) -> str:
    """The checksum of a function's archive. Raises StoreUnavailable where it cannot be read."""
    digest = function.code_digest
    found = _known.get(digest)
    if found is None:
        found = await asyncio.to_thread(lambda: crc64(engine.functions.archive(digest)))
        remember(digest, found)
    return found


def remember(digest: str, found: str) -> None:
    _known[digest] = found
    while len(_known) > KNOWN_MAX:
        _known.popitem(last=False)


def crc64(data: bytes) -> str:
    return str(fastcrc.crc64.xz(data))


# ---------------------------------------------------------------- in a request


class Archive(Struct, frozen=True):
    data: bytes
    checksum: str


async def read_archive(call: Call, code: CodeInput | None) -> Archive | None:
    """The archive of a request, with its checksums verified; None where it brings none."""
    if code is None:
        return None
    if code.oss_bucket_name or code.oss_object_name:
        archive = await _uploaded(call, code)
    elif code.zip_file:
        archive = await asyncio.to_thread(_decode, code.zip_file)
    else:
        return None
    for where, said in (
        ("code.checksum", code.checksum),
        ("x-fc-code-checksum", call.header("x-fc-code-checksum")),
    ):
        said = (said or "").strip('" ')  # one client writes headers as JSON texts
        if said and said != archive.checksum:
            raise invalid(
                f"{where}: {said[:40]!r} is not the CRC-64 of the archive that was sent, "
                f"{archive.checksum}"
            )
    return archive


async def _uploaded(call: Call, code: CodeInput) -> Archive:
    """What was put where a temporary key allowed it (upload.py)."""
    bucket, name = code.oss_bucket_name or "", code.oss_object_name or ""
    if code.zip_file:
        raise invalid("code.zipFile: there is code.ossBucketName too; send one of the two")
    if bucket != BUCKET:
        raise invalid(
            f"code.ossBucketName: {bucket[:80]!r} cannot be read, there is no object storage here "
            f"but {BUCKET!r}, to which tempBucketToken lets clients upload; send the archive in "
            "code.zipFile"
        )
    object = object_of(name)
    data = None if object is None else await call.state.uploads.read(object)
    if data is None:
        raise invalid(
            f"code.ossObjectName: {name[:120]!r} was not uploaded, or it is more than a day old; "
            "upload it again"
        )
    return Archive(data, await asyncio.to_thread(crc64, data))


def _decode(text: str) -> Archive:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"code.zipFile: it is not valid base64 ({error})") from None
    return Archive(data, crc64(data))


# ---------------------------------------------------------------- downloading


async def get_function_code(call: Call) -> Response:
    function = wanted(call, call.qualifier)
    digest = function.code_digest
    folder = f"/{call.generation}/function-code"
    shown = {
        "url": call.state.links.link(call.request.scope, folder, digest),
        "checksum": await checksum(call.engine, function),
    }
    return answer(shown)


async def download(call: Call) -> Response:
    """No credentials are asked: the link is the permission."""
    digest = call.path["archive"].removesuffix(ZIP)
    query = call.query
    why = call.state.links.refused(digest, query.get("expires", ""), query.get("signature", ""))
    if why is not None:
        raise FcError(403, "AccessDenied", why)
    path = call.engine.functions.archive_path(digest)
    if not await asyncio.to_thread(path.is_file):
        raise FcError(404, "FunctionNotFound", "the code of this link is deployed no more")
    return FileResponse(path, headers=COMMON, media_type="application/zip", filename="code.zip")


ROUTES = (
    Route("GetFunctionCode", "GET", "/functions/{function}/code", get_function_code, V3),
    Route(
        "GetFunctionCode",
        "GET",
        "/services/{service}/functions/{function}/code",
        get_function_code,
        V2,
    ),
    Route("DownloadCode", "GET", "/function-code/{archive}", download, (*V3, *V2), open=True),
)
