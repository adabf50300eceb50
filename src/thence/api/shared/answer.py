"""Answers that all doors give: JSON, and nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

# Answers change by the moment and may be private; a browser must not guess at their type.
COMMON = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
JSON = "application/json"
_encode = msgspec.json.Encoder().encode


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` as JSON."""
    return Response(_encode(value), status, {**COMMON, "content-type": JSON, **(headers or {})})


def empty(status: int = 204) -> Response:
    return Response(status_code=status, headers=COMMON)
