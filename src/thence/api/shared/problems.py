"""Every error as an RFC 9457 problem: the one place where errors get HTTP statuses.

    {"type": "/problems/<code>", "title": "…", "status": 404, "detail": "A sentence.",
     "code": "<code>", …facts}

The facts are the error's fields (`field`, `limit`, …), docs/reference/api.md lists the codes.
"""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from ...errors import (
    Conflict,
    Draining,
    IdempotencyMismatch,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    ThenceError,
    Throttled,
    Unauthorized,
    Unavailable,
)
from .error_table import by_kind

MEDIA_TYPE = "application/problem+json"

_STATUSES: tuple[tuple[type[ThenceError], int], ...] = (
    (InvalidInput, 400),
    (IdempotencyMismatch, 422),
    (PayloadTooLarge, 413),
    (NotFound, 404),
    (Conflict, 409),
    (Unauthorized, 401),
    (Throttled, 429),
    (Draining, 503),
    (Unavailable, 503),
)


class HttpError(ThenceError):
    """A request that HTTP itself forbids; `status` and `headers` go with it."""

    status: ClassVar[int] = 400
    code = "bad_request"
    title = "The request is not valid HTTP"
    headers: Mapping[str, str] = {}


class Malformed(HttpError):
    pass


class RouteNotFound(HttpError):
    status, code, title = 404, "route_not_found", "There is nothing at that path"


class MethodNotAllowed(HttpError):
    status, code, title = 405, "method_not_allowed", "That path does not take this method"

    def __init__(self, detail: str, allow: str) -> None:
        super().__init__(detail, allow=allow)
        self.headers = {"allow": allow}


class UnsupportedMediaType(HttpError):
    status, code, title = 415, "unsupported_media_type", "The body is of a type not taken here"


class HeadersTooLarge(HttpError):
    status, code, title = 431, "headers_too_large", "The request's header is too large"


class TargetTooLong(HttpError):
    status, code, title = 414, "target_too_long", "The request's target is too long"


class UnsupportedVersion(HttpError):
    status, code = 505, "http_version_not_supported"
    title = "That version of HTTP is not spoken here"


class TooSlow(HttpError):
    status, code, title = 408, "request_timeout", "The request took too long to come"


class ForeignOrigin(HttpError):
    status, code, title = 403, "foreign_origin", "Requests of other sites' pages are refused"


class Gone(HttpError):
    status, code, title = 410, "gone", "Its retention has ended"


class NoResult(HttpError):
    status, code, title = 404, "no_result", "There is no result"


class NoLog(HttpError):
    status, code, title = 404, "no_log", "There is no log"


class TooManyConnections(HttpError):
    status, code, title = 503, "too_many_connections", "Too many connections are open"
    headers = {"retry-after": "5"}


class NotReady(HttpError):
    status, code, title = 503, "not_ready", "The service cannot take work now"
    headers = {"retry-after": "1"}


class FunctionFailed(HttpError):
    """A synchronous call whose function did not answer; the code says how it ended."""

    status, code, title = 502, "function_error", "The function ended with an error"

    def __init__(self, status: int, code: str, title: str, detail: str, **fields: Any) -> None:
        super().__init__(detail, **fields)
        self.status_now, self.code_now, self.title_now = status, code, title


def status_of(error: ThenceError) -> int:
    if isinstance(error, FunctionFailed):
        return error.status_now
    if isinstance(error, HttpError):
        return error.status
    return by_kind(_STATUSES, error, 500)


def body_of(error: ThenceError) -> dict[str, Any]:
    """The problem as an object."""
    failed = isinstance(error, FunctionFailed)
    code = error.code_now if isinstance(error, FunctionFailed) else error.code
    title = error.title_now if isinstance(error, FunctionFailed) else error.title
    problem = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status_of(error),
        "detail": error.detail,
        "code": code,
    }
    reserved = {*problem, "retry_after_seconds"}
    problem.update((name, value) for name, value in error.fields.items() if name not in reserved)
    if isinstance(error, Unavailable) and not failed:
        problem["retry_after_seconds"] = error.retry_after_seconds
    return problem


def headers_of(error: ThenceError) -> dict[str, str]:
    headers = {"content-type": MEDIA_TYPE, "cache-control": "no-store"}
    if isinstance(error, Unavailable):
        headers["retry-after"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = 'Bearer realm="thence"'
    if isinstance(error, HttpError):
        headers.update(error.headers)
    return headers


def internal() -> ThenceError:
    """What a caller learns of a mistake of ours: nothing but where to look."""
    return ThenceError("The service made a mistake with this request; see its log.")


def raw(error: ThenceError, *, date: bytes = b"", close: bool = False) -> bytes:
    """The whole HTTP/1.1 answer, for the protocol."""
    status = status_of(error)
    body = encode(body_of(error))
    lines = [f"HTTP/1.1 {status} {_phrase(status)}"]
    lines.extend(f"{name}: {value}" for name, value in headers_of(error).items())
    lines.append(f"content-length: {len(body)}")
    if date:
        lines.append(f"date: {date.decode()}")
    if close:
        lines.append("connection: close")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def encode(problem: dict[str, Any]) -> bytes:
    return msgspec.json.encode(problem, enc_hook=str)


def _phrase(status: int) -> str:
    return http.HTTPStatus(status).phrase


__all__ = [
    "FunctionFailed",
    "HttpError",
    "body_of",
    "headers_of",
    "internal",
    "raw",
    "status_of",
]
