"""Answers: JSON from msgspec, and problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from ....errors import ThenceError
from .. import problems

_encode = msgspec.json.Encoder().encode
# Answers change by the moment and may be private; a browser must not guess at their type.
COMMON = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` as JSON."""
    return Response(
        _encode(value),
        status,
        {**COMMON, "content-type": "application/json", **(headers or {})},
    )


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


def empty() -> Response:
    return Response(status_code=204, headers=COMMON)
