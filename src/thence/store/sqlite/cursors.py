"""Pages of a list and their opaque cursors: the key below which (above which, for a list that is
oldest first) the next begins."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from typing import Any

from ...errors import InvalidInput

TOP = (1 << 63) - 1
SCAN = 20_000  # rows looked at for one page at most; a filter that matches little gets short pages


def of_instant(ms: int) -> int:
    """The lowest key of that millisecond; at the ends of time the lowest or the highest there is."""
    return max(0, min(ms << 16, TOP))


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


def page(
    db: sqlite3.Connection,
    text: str,
    scanned: str,
    values: dict[str, Any],
    limit: int,
    *,
    ascending: bool = False,
) -> tuple[list[tuple[Any, ...]], str | None]:
    """Rows of one page and the cursor of the next, by a statement that filters `:scan` rows below
    `:below` (or above `:above`), and one that tells how far that looked. Looks a little further
    each time, so that a filter that matches much reads little, and stops after SCAN rows."""
    rows: list[tuple[Any, ...]] = []
    moving = "above" if ascending else "below"
    edge, left, scan = values[moving], SCAN, limit + 1
    while left > 0:
        scan = min(scan, left)
        part = values | {moving: edge, "scan": scan, "limit": limit + 1 - len(rows)}
        rows += db.execute(text, part).fetchall()
        if len(rows) > limit:
            return rows[:limit], encode(rows[limit - 1][0])
        seen, furthest = db.execute(scanned, part).fetchone()
        if seen < scan:
            return rows, None
        edge, left, scan = furthest, left - seen, scan * 4
    return rows, encode(edge)
