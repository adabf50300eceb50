"""Opaque cursors: the key below which the next page begins."""

from __future__ import annotations

import base64
import binascii

from ...errors import InvalidInput

TOP = (1 << 63) - 1
SCAN = 20_000  # rows looked at for one page at most; a filter that matches little gets short pages


def encode(below: int) -> str:
    return base64.urlsafe_b64encode(below.to_bytes(8, "big")).rstrip(b"=").decode()


def decode(cursor: str | None) -> int:
    """The key, or the top without a cursor. Raises InvalidInput for what encode() never made."""
    if cursor is None:
        return TOP
    try:
        data = base64.b64decode(cursor + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != 8 or data[0] & 0x80:
        raise InvalidInput(
            f"cursor: {cursor[:40]!r} is not a cursor of this list; use the one of the page before.",
            field="cursor",
            value=cursor[:40],
        )
    return int.from_bytes(data, "big")
