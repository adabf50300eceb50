"""A resource with its ETag, instants, and errors with all five keys (reference 1.3)."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from starlette.responses import Response

from ...clock import iso
from ..shared.answer import answer
from .errors import FcError

_encode = msgspec.json.Encoder().encode


def resource(value: Any, status: int = 200) -> Response:
    """A resource with its ETag, which `If-Match` of an update or a deletion is compared with."""
    return answer(value, status, {"etag": etag(value)})


def etag(value: Any) -> str:
    """Of the resource as it is shown: it changes with every change that a client could see."""
    return hashlib.md5(_encode(value), usedforsecurity=False).hexdigest()


def stamp(ms: int) -> str:
    """An instant as resources show it: `2006-01-02T15:04:05Z`."""
    return f"{(iso(ms) or '')[:19]}Z"


def refusal(error: FcError, request_id: str) -> Response:
    """All five keys: each generation of clients reads others."""
    body = {
        "Code": error.fc_code,
        "Message": error.detail,
        "RequestId": request_id,
        "ErrorCode": error.fc_code,
        "ErrorMessage": error.detail,
    }
    response = answer(body, error.status)
    if error.status == 503:
        response.headers["retry-after"] = "1"
    return response
