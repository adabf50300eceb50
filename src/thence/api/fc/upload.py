"""Uploading code as Serverless Devs does: a temporary key, then one PUT as to an object storage.

`GET /tempBucketToken` (for those who may ask) answers a key for one object of the bucket BUCKET, and the
vendor's storage clients (`ali-oss`, `oss2`) put the archive there. They name the bucket in the path,
or in the host: `ali-oss`, given an address, writes BUCKET and a host of the vendor into `Host`.

Nothing else of an object storage is here: what was uploaded is read by CreateFunction and
UpdateFunction (code.py) and can be neither downloaded nor listed. The clients have an account's
number before the object's name, whichever they were set up with; it names nothing here.
"""

from __future__ import annotations

import base64
import logging
import re
from xml.sax.saxutils import escape

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ...clock import Clock, iso
from ...errors import PayloadTooLarge, StoreUnavailable, ThenceError
from ...lifecycle.ids import format_id
from ...signing import oss
from ...signing.interface import Refused, Verified
from ...signing.window import Window
from ..shared.answer import COMMON, answer
from ..shared.segments import split
from .call import Call
from .route import V2, Route
from .state import FcState
from .uploads import KEY_SECONDS, OBJECT, TooSlow, too_large

log = logging.getLogger("thence.api.fc")

BUCKET = "thence-code"
REQUEST_ID = "x-oss-request-id"
_PATH = f"/{BUCKET}/"
_HOST = f"{BUCKET}.".encode()
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
# What clients add and what would change nothing here.
_TAKEN = (oss.DATE, oss.SECURITY_TOKEN, b"x-oss-user-agent", b"x-oss-storage-class")
_META = b"x-oss-meta-"


class OssError(ThenceError):
    """An error in the words of the vendor's object storage: HTTP status, `Code`, `Message`."""

    code = "oss"
    title = "The upload was refused"

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.oss_code = code


# ---------------------------------------------------------------- names


def object_of(name: str) -> str | None:
    """What we call an object that a client calls `ACCOUNT/OBJECT`; None: no name of an upload."""
    account, slash, object = name.rpartition("/")
    if slash and _ACCOUNT.fullmatch(account) is None:
        return None
    return object if OBJECT.fullmatch(object) else None


async def get_temp_bucket_token(call: Call) -> Response:
    made = call.state.upload_keys.make()
    credentials = {
        "AccessKeyId": made.access_key_id,
        "AccessKeySecret": made.secret,
        "SecurityToken": made.security_token,
        "Expiration": (iso(made.expires_at) or "")[:19] + "Z",
    }
    return answer(
        {
            "credentials": credentials,
            "ossRegion": call.state.region,
            "ossBucket": BUCKET,
            "objectName": made.object,
        }
    )


ROUTES = (Route("GetTempBucketToken", "GET", "/tempBucketToken", get_temp_bucket_token, V2),)


# ---------------------------------------------------------------- the bucket


class UploadApp:
    """Answers everything below `/BUCKET/`, and requests to a host `BUCKET.…` that are signed as the
    storage's clients do. The only keys it takes are temporary ones."""

    def __init__(self, state: FcState) -> None:
        self._state = state
        self._clock = state.context.clock
        self._window = Window(self._clock)

    def takes(self, scope: Scope) -> bool:
        if scope["path"].startswith(_PATH):
            return True
        by_host = signed = False
        for name, value in scope["headers"]:
            if name == b"host":
                by_host = value.lower().startswith(_HOST)
            elif name == b"authorization":
                signed = value.startswith(oss.SCHEME + b" ")
        return by_host and signed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = format_id(self._state.engine.new_id())
        try:
            response = await self._answer(Request(scope, receive), scope)
        except ClientDisconnect:
            return  # nobody is there to be answered, and nothing was kept
        except ThenceError as error:
            response = _refusal(_translated(error), request_id, self._clock)
        except Exception:  # whatever a mistake of ours is, the caller learns nothing of its inside
            log.exception("an upload failed")
            response = _refusal(
                OssError(500, "InternalError", "an internal error has occurred"),
                request_id,
                self._clock,
            )
        response.headers[REQUEST_ID] = request_id
        await response(scope, receive, send)

    async def _answer(self, request: Request, scope: Scope) -> Response:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        named = path.removeprefix(_PATH.encode() if path.startswith(_PATH.encode()) else b"/")
        caller = oss.verify(
            scope["method"],
            BUCKET.encode(),
            named,
            scope["query_string"],
            scope["headers"],
            self._state.upload_keys.key,
            self._window,
        )
        if scope["method"] != "PUT":
            raise OssError(405, "MethodNotAllowed", "objects can be put here, and nothing else")
        object = self._object(caller, named)
        _check_headers(scope)
        uploads = self._state.uploads
        length = request.headers.get("content-length", "")
        if length.isascii() and length.isdecimal() and int(length) > uploads.bytes_max:
            raise too_large(uploads.bytes_max)
        stored = await uploads.store(object, request.stream(), caller.body_md5)
        return Response(
            status_code=200,
            headers={
                **COMMON,
                "etag": f'"{stored.md5.hex().upper()}"',
                "content-md5": base64.b64encode(stored.md5).decode(),
                "x-oss-hash-crc64ecma": str(stored.crc),
            },
        )

    def _object(self, caller: Verified, named: bytes) -> str:
        """The object of the path, which must be the one that the key was made for."""
        key = self._state.upload_keys.find(caller.access_key_id)
        segments = split(named) or []
        if key is None or object_of("/".join(segments)) != key.object:
            raise OssError(
                *(403, "AccessDenied"),
                "the temporary credentials are for one object, whose name is the account's, '/' and "
                "the objectName that came with them; put that one",
            )
        return key.object


def _check_headers(scope: Scope) -> None:
    for name, _ in scope["headers"]:
        if name.startswith(b"x-oss-") and name not in _TAKEN and not name.startswith(_META):
            shown = name.decode("latin-1")[:64]
            raise OssError(501, "NotImplemented", f"{shown}: there is nothing like it here")


# ---------------------------------------------------------------- errors


def _translated(error: ThenceError) -> OssError:
    if isinstance(error, OssError):
        return error
    if isinstance(error, Refused):
        return _not_proven(error)
    if isinstance(error, PayloadTooLarge):
        return OssError(400, "EntityTooLarge", error.detail)
    if isinstance(error, TooSlow):
        return OssError(400, "RequestTimeout", error.detail)
    if isinstance(error, StoreUnavailable):
        log.error("%s", error.detail)
        return OssError(503, "ServiceUnavailable", error.detail)
    return OssError(500, "InternalError", "an internal error has occurred")


def _not_proven(refused: Refused) -> OssError:
    match refused.kind:
        case "missing":
            status, code = 403, "AccessDenied"
        case "access_key":
            return OssError(
                *(403, "InvalidAccessKeyId"),
                "the access key id is none of the temporary ones, which are good for "
                f"{KEY_SECONDS // 60} minutes and until the service ends; ask for tempBucketToken again",
            )
        case "signature":
            status, code = 403, "SignatureDoesNotMatch"
        case "date":
            status, code = 403, "RequestTimeTooSkewed"
        case "token":
            status, code = 403, "InvalidSecurityToken"
        case "body":
            status, code = 400, "InvalidDigest"
        case _:
            status, code = 400, "InvalidArgument"
    return OssError(status, code, refused.detail)


def _refusal(error: OssError, request_id: str, clock: Clock) -> Response:
    fields = {"Code": error.oss_code, "Message": error.detail, "RequestId": request_id}
    if error.oss_code == "RequestTimeTooSkewed":
        fields["ServerTime"] = iso(clock.wall()) or ""  # by which clients correct theirs
    lines = "".join(f"  <{name}>{_text(value)}</{name}>\n" for name, value in fields.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n{lines}</Error>\n'
    headers = {**COMMON, "content-type": "application/xml"}
    return Response(body, error.status, headers)


def _text(value: str) -> str:
    return escape("".join(character if character.isprintable() else "?" for character in value))
