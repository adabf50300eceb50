"""A function's code: read from a request, shown, changed, downloaded (reference 10).

The digest that clients see is the SHA-512 of the archive, also where the code came inline: then it is
that of the archive which was made of it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.responses import FileResponse, Response

from ...catalog.code import pack
from ...catalog.function import FunctionSpec
from ...engine.deployed_code import Code
from ...engine.plan import Plan
from ...errors import InvalidCode
from ...runtimes.kinds import source_file
from ..shared.answer import COMMON, answer
from ..shared.code_link import ZIP
from ..shared.vendor_call import JSON_BYTES_MAX
from .call import Call
from .errors import FssError, invalid
from .found import latest, shown, wanted
from .function_input import CODE_TYPES, CodeInput, CreateInput, FunctionCode, read, wrong
from .function_spec import with_attributes
from .function_view import show_code
from .route import Route

ARCHIVE_BYTES_MAX = 50 * 1024 * 1024  # FSS.1071
INLINE_BYTES_MAX = 10 * 1024  # FSS.1072
BODY_BYTES_MAX = JSON_BYTES_MAX + (ARCHIVE_BYTES_MAX + 2) // 3 * 4
_ZIP_BEGINS = b"PK\x03\x04"


# ---------------------------------------------------------------- operations


async def show_function_code(call: Call) -> Response:
    function = wanted(call)
    archive = function.code_digest
    folder = f"/v2/{call.state.project}/fgs/function-code"
    link = call.state.links.link(call.request.scope, folder, archive)
    found = await shown(call, function)
    return answer({**show_code(found), "func_code": {"file": "", "link": link}})


async def update_function_code(call: Call) -> Response:
    given = read(await call.object(), CodeInput)
    before = latest(call)
    archive = await read_archive(given, before.spec, call.context.limits.code_bytes_max)

    async def decide() -> Plan:
        spec = with_attributes(latest(call).spec, **about(given))
        return call.engine.functions.plans.put_function(before.name, spec, code)

    async with kept(call, archive) as code:
        await call.engine.functions.change(decide)
        function = latest(call)
    return answer({**show_code(await shown(call, function)), "func_code": {"file": "", "link": ""}})


async def download(call: Call) -> Response:
    """No credentials are asked: the link is the permission."""
    archive = call.path["archive"].removesuffix(ZIP)
    query = call.query
    why = call.state.links.refused(archive, query.get("expires", ""), query.get("signature", ""))
    if why is not None:
        raise FssError(403, "FSS.0403", why)
    path = call.engine.functions.archive_path(archive)
    if not await asyncio.to_thread(path.is_file):
        raise FssError(404, "FSS.0404", "the code of this link is deployed no more")
    return FileResponse(path, headers=COMMON, media_type="application/zip", filename="code.zip")


# ---------------------------------------------------------------- for others


@asynccontextmanager
async def kept(call: Call, archive: bytes) -> AsyncIterator[Code | None]:
    """See DeployedCode.kept; what is wrong with the archive in the vendor's code."""
    try:
        async with call.engine.functions.code_kept(archive) as code:
            yield code
    except InvalidCode as error:
        raise invalid(error.detail, "FSS.1011") from None


def about(given: CodeInput | CreateInput) -> dict[str, str]:
    """What is kept of how the code came."""
    return {"code_type": given.code_type or "zip", "code_filename": given.code_filename or ""}


async def read_archive(
    given: CodeInput | CreateInput, spec: FunctionSpec, archive_max: int
) -> bytes:
    """The archive of a request. Inline code becomes the file with the handler of `spec`. Raises FssError."""
    if given.code_type not in CODE_TYPES:
        raise wrong(
            f"code_type: {(given.code_type or '')[:40]!r} is not taken here; it must be one of "
            f"{', '.join(CODE_TYPES)}"
        )
    if given.code_url:
        raise wrong(
            "code_url: there is no object storage here that code could be read from; send the "
            "archive in func_code.file"
        )
    code = given.func_code or FunctionCode()
    if not code.file:
        raise invalid("func_code.file: the code is missing; send it in base64", "FSS.1012")
    return await asyncio.to_thread(
        _archive, given.code_type, code.file, source_file(spec), archive_max
    )


def _archive(code_type: str, text: str, source: str, archive_max: int) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"func_code.file: it is not valid base64 ({error})", "FSS.1011") from None
    if code_type == "inline":
        if len(data) > INLINE_BYTES_MAX:
            raise FssError(
                413,
                "FSS.1072",
                f"func_code.file: {len(data)} bytes of inline code; at most {INLINE_BYTES_MAX}. "
                "Send an archive, with code_type zip",
            )
        if not data.startswith(_ZIP_BEGINS):
            return pack([(source, data)])
    limit = min(ARCHIVE_BYTES_MAX, archive_max)
    if len(data) > limit:
        raise FssError(
            413, "FSS.1071", f"func_code.file: {len(data)} bytes of code; at most {limit}"
        )
    return data


ONE = "/fgs/functions/{function_urn}/code"
ROUTES = (
    Route("show_function_code", "GET", ONE, show_function_code),
    Route("update_function_code", "PUT", ONE, update_function_code, BODY_BYTES_MAX),
    Route("download_code", "GET", "/fgs/function-code/{archive}", download, open=True),
)
