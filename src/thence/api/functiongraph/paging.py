"""Lists in pages: `marker` is how many to pass over, `maxitems` how many to answer (reference 10.2).

`next_marker` is the marker of the next page, 0 where there is none; `count` is of all pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from .call import Call

T = TypeVar("T")
ITEMS_MAX = 400
_MARKER_MAX = 10**9


def page(call: Call, found: Sequence[T]) -> tuple[Sequence[T], int]:
    """The part that is asked for, and the next marker. Raises FssError (FSS.1001)."""
    begin = call.number("marker", 0, _MARKER_MAX, 0)
    # More than the most is taken as the most; a negative number is an error (reference 10.2).
    most = min(call.number("maxitems", 0, _MARKER_MAX, ITEMS_MAX) or ITEMS_MAX, ITEMS_MAX)
    end = begin + most
    return found[begin:end], end if end < len(found) else 0


def paged(name: str, part: Sequence[Any], next_marker: int, count: int) -> dict[str, Any]:
    return {name: part, "next_marker": next_marker, "count": count}
