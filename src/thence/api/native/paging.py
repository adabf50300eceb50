"""Pages of what the engine has in memory: lists in one order, and where the next page begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ...catalog.version import QUALIFIER
from ...errors import InvalidInput
from ..shared.rest.call import Call

T = TypeVar("T")


def cut(found: Sequence[T], limit: int, place: Callable[[T], str]) -> tuple[list[T], str | None]:
    """The first `limit` of what lies behind the cursor, and the cursor behind those: the `place` of
    the last one; None where there are no more."""
    page = list(found[:limit])
    return page, place(page[-1]) if len(found) > limit else None


def after_name(call: Call) -> str:
    """The `cursor` of a list that is in the order of names; empty without one. Raises InvalidInput."""
    cursor: str = call.query["cursor"] or ""
    if cursor and QUALIFIER.fullmatch(cursor) is None:
        raise bad_cursor(cursor)
    return cursor


def bad_cursor(cursor: str) -> InvalidInput:
    return InvalidInput(
        f"cursor: {cursor[:60]!r} is not one of this list; take it from the page before.",
        field="cursor",
        value=cursor[:60],
    )
