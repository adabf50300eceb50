"""Invocation ids: UUIDv7, as 128-bit integers inside and as text at the doors.

The top 64 bits are 48 bits of milliseconds, the version and a 12-bit counter, and grow strictly
within one process (RFC 9562, method 1: the counter runs over into the timestamp). A store may
therefore use them as a growing 64-bit key. The low 62 bits are random.
"""

from __future__ import annotations

import random
import re

LOW_MASK = (1 << 62) - 1
_VARIANT = 1 << 63
_END = 1 << 127  # the top half of an id is a signed 64-bit key
_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class IdSource:
    """Makes growing ids. `floor` is the highest id already in the store, so that a clock that was
    set back never repeats one."""

    def __init__(self, rng: random.Random | None = None, floor: int = 0) -> None:
        self._bits = (rng or random.Random()).getrandbits
        self._last = 0
        self.above(floor)

    def above(self, floor: int) -> None:
        """From now on, only ids greater than `floor`."""
        high = floor >> 64
        self._last = max(self._last, (high >> 16 << 12) | (high & 0xFFF))

    def next(self, now_ms: int) -> int:
        """A new id, greater than every earlier one."""
        tick = now_ms << 12
        if tick <= self._last:
            tick = self._last + 1
        self._last = tick
        high = (tick >> 12 << 16) | 0x7000 | (tick & 0xFFF)
        return high << 64 | _VARIANT | self._bits(62)


def format_id(value: int) -> str:
    """`018f…-…-7…-8…-…`, 36 characters."""
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def parse_id(text: str) -> int | None:
    """The id, or None where the text is not one of ours: those have a time that a store can keep."""
    if _TEXT.fullmatch(text) is None:
        return None
    value = int(text.replace("-", ""), 16)
    return value if value < _END else None


def id_millis(value: int) -> int:
    """The millisecond at which the id was made (the accept time, near enough to list by)."""
    return value >> 80


def id_floor(ms: int) -> int:
    """The lowest id that can have been made at `ms`: a time as a cursor."""
    return ms << 80
