"""Answers of routes under `/v1`: bytes as they are, and problems."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from ....errors import ThenceError
from .. import problems
from ..answer import COMMON


def raw(data: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """Bytes of a caller or a function, as they are. A sandbox, should a browser show them."""
    given = content_type if content_type.isprintable() and content_type.isascii() else ""
    return Response(
        data,
        200,
        {
            **COMMON,
            "content-security-policy": "sandbox; default-src 'none'",
            "content-type": given or kind_of(data),
            **(headers or {}),
        },
    )


def kind_of(data: bytes) -> str:
    """application/json where the bytes are JSON, else application/octet-stream."""
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "application/octet-stream"
    return "application/json"


def problem(error: ThenceError) -> Response:
    return Response(
        problems.encode(problems.body_of(error)),
        problems.status_of(error),
        problems.headers_of(error),
    )
