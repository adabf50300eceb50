"""In the instance: what is said of a result that cannot be kept, and what vendors make JSON of."""

from __future__ import annotations

import json
from typing import Any

from .failure import HandlerFault, InvalidResult, LargeResult


def bounded(data: bytes, bytes_max: int) -> bytes:
    """The same bytes. Raises HandlerFault: ResultTooLarge naming the limit."""
    if len(data) > bytes_max:
        raise too_large(len(data), bytes_max)
    return data


def too_large(size: int, bytes_max: int) -> HandlerFault:
    return LargeResult(
        "ResultTooLarge",
        f"the handler returned {size} bytes; the limit is {bytes_max}. "
        "Return a reference to where the result was stored instead.",
    )


def not_serializable(named: str) -> HandlerFault:
    """`named`: the type, and what is wrong with it."""
    return InvalidResult(
        "ResultNotSerializable",
        f"the handler returned something that cannot be written as JSON: {named}. "
        "Return text, numbers, lists, dicts or bytes.",
    )


def standard_json(value: Any) -> bytes:
    """As Python's own `json` writes it, which vendors' runtimes use: dates and the like are
    refused, there is a space after `:` and `,`, and all characters are ASCII. Raises HandlerFault:
    ResultNotSerializable (also for NaN and infinities, which JSON does not have)."""
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        kind = type(value)
        named = f"{kind.__module__}.{kind.__qualname__} ({error})"
    raise not_serializable(named)
