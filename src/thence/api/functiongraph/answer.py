"""Answers: JSON, raw bytes, nothing; and errors (reference 1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from .errors import FssError

COMMON = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
JSON = "application/json"
_encode = msgspec.json.Encoder().encode


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(_encode(value), status, {**COMMON, "content-type": JSON, **(headers or {})})


def empty(status: int = 204) -> Response:
    return Response(status_code=status, headers=COMMON)


def refusal(error: FssError) -> Response:
    response = answer({"error_code": error.fss_code, "error_msg": error.detail}, error.status)
    if error.status == 503:
        response.headers["retry-after"] = "1"
    return response
