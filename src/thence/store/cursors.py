"""Pages of a list and their opaque cursors: the key below which (above which, for a list that is
oldest first) the next begins."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ..errors import InvalidInput

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


class Search:
    """One page, looked for in steps: a statement that filters `scan` rows beyond `edge` and gives at
    most `wanted` of them, and one that tells how far that looked. It looks a little further each
    time, so that a filter that matches much reads little, and ends after SCAN rows."""

    def __init__(self, edge: int, limit: int) -> None:
        self.edge = edge
        self.scan = min(limit + 1, SCAN)
        self.rows: list[tuple[Any, ...]] = []
        self.cursor: str | None = None
        """Of the next page, once it has ended; None: this is the last."""
        self.ended = False
        self._limit = limit
        self._left = SCAN

    @property
    def wanted(self) -> int:
        """One more than the page holds: whether there is another page."""
        return self._limit + 1 - len(self.rows)

    def found(self, rows: list[tuple[Any, ...]]) -> None:
        """What the filtering statement gave; the first column is the key."""
        self.rows += rows
        if len(self.rows) > self._limit:
            del self.rows[self._limit :]
            self.cursor, self.ended = encode(self.rows[-1][0]), True

    def looked(self, seen: int, furthest: int) -> None:
        """So many rows were looked at, as far as that key."""
        self._left -= seen
        if seen < self.scan:
            self.ended = True
            return
        self.edge = furthest
        if self._left <= 0:
            self.cursor, self.ended = encode(furthest), True
        self.scan = min(self.scan * 4, self._left)
