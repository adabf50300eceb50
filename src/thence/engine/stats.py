"""What is where: the sums by name and over all functions, and the difference that must be 0. Pure.

The store counts by row: a name has one for `latest`, one for each published version, and those of
functions of that name that were deleted. Whoever looks asks by name."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ..lifecycle.states import FINAL
from ..store.records import FunctionCounts

_SUMMED = ("accepted", "waiting", "running", *sorted(FINAL))
_OF_A_NAME = (
    *_SUMMED,
    "delayed",
    "deliveries_pending",
    "deliveries_delivered",
    "deliveries_dead",
)


class Stats(Struct):
    """Sums of one snapshot of the store; in `functions` one for each name, with the number of its
    first row. `conservation_difference` is accepted less waiting, running and every final state
    (design §2, promise 2)."""

    functions: list[FunctionCounts]
    accepted: int = 0
    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0
    expired: int = 0
    invalid: int = 0
    oldest_due_at: int | None = None  # of all that wait and are due, ms
    conservation_difference: int = 0


def sum_up(counts: Sequence[FunctionCounts]) -> Stats:
    sums = {name: sum(getattr(row, name) for row in counts) for name in map(str, _SUMMED)}
    stats = Stats(_by_name(counts), **sums, oldest_due_at=_oldest(counts))
    elsewhere = sum(sums.values()) - stats.accepted  # waiting, running or ended
    stats.conservation_difference = stats.accepted - elsewhere
    return stats


def _by_name(counts: Sequence[FunctionCounts]) -> list[FunctionCounts]:
    """In the order in which the names come first."""
    rows: dict[str, list[FunctionCounts]] = {}
    for row in counts:
        rows.setdefault(row.function, []).append(row)
    return [
        FunctionCounts(
            same[0].function_id,
            name,
            oldest_due_at=_oldest(same),
            **{each: sum(getattr(row, each) for row in same) for each in map(str, _OF_A_NAME)},
        )
        for name, same in rows.items()
    ]


def _oldest(counts: Sequence[FunctionCounts]) -> int | None:
    known = (row.oldest_due_at for row in counts if row.oldest_due_at is not None)
    return min(known, default=None)
