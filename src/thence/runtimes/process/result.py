"""In the instance: what a handler returned, as the bytes that are stored.

`bytes` stay as they are. Everything else becomes JSON: what JSON has, and dates, UUIDs, sets,
dataclasses and the like by msgspec's rules.
"""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec

from .failure import HandlerFault


def _refuse(value: Any) -> NoReturn:
    kind = type(value)
    raise TypeError(f"{kind.__module__}.{kind.__qualname__}")


_encode = msgspec.json.Encoder(enc_hook=_refuse).encode


def write(value: Any, bytes_max: int) -> tuple[bytes, bool]:
    """(the bytes, whether they are raw). Raises HandlerFault: ResultNotSerializable naming the
    type, or ResultTooLarge naming the limit."""
    raw = isinstance(value, (bytes, bytearray, memoryview))
    data = bytes(value) if raw else _json(value)
    if len(data) > bytes_max:
        raise HandlerFault(
            "ResultTooLarge",
            f"the handler returned {len(data)} bytes; the limit is {bytes_max}. "
            "Return a reference to where the result was stored instead.",
        )
    return data, raw


def _json(value: Any) -> bytes:
    try:
        return _encode(value)
    except TypeError as error:
        named = str(error)
    except (ValueError, RecursionError, OverflowError) as error:
        # Text that is not Unicode, a structure that holds itself, a number out of range.
        named = f"{type(value).__module__}.{type(value).__qualname__} ({error})"
    raise HandlerFault(
        "ResultNotSerializable",
        f"the handler returned something that cannot be written as JSON: {named}. "
        "Return text, numbers, lists, dicts or bytes.",
    )
