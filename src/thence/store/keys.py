"""128-bit ids as the two integers of a row: the growing top 64 bits and the random low 62.

One node never makes the same top half twice; two nodes may, in the same millisecond. So a driver for
many nodes has both as its key, or the id as it is.
"""

from __future__ import annotations

from ..lifecycle.ids import LOW_MASK

_VARIANT = 1 << 63


def whole(high: int, tail: int) -> int:
    """The 128-bit id of a row."""
    return high << 64 | _VARIANT | tail


def split(id: int) -> tuple[int, int]:
    """(id, tail) columns of a 128-bit id."""
    return id >> 64, id & LOW_MASK
