"""What is where: the sums over all functions, and the difference that must be 0. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ..lifecycle.states import FINAL
from ..store.records import FunctionCounts

_SUMMED = ("accepted", "waiting", "running", *sorted(FINAL))


class Stats(Struct):
    """Sums of one snapshot of the store. `conservation_difference` is accepted less waiting,
    running and every final state (design §2, promise 2)."""

    functions: list[FunctionCounts]
    accepted: int = 0
    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0
    expired: int = 0
    invalid: int = 0
    oldest_accepted_at: int | None = None  # of all that wait, ms
    conservation_difference: int = 0


def sum_up(counts: Sequence[FunctionCounts]) -> Stats:
    sums = {name: sum(getattr(one, name) for one in counts) for name in map(str, _SUMMED)}
    oldest = [one.oldest_accepted_at for one in counts if one.oldest_accepted_at is not None]
    stats = Stats(list(counts), **sums, oldest_accepted_at=min(oldest, default=None))
    elsewhere = sum(sums.values()) - stats.accepted  # waiting, running or ended
    stats.conservation_difference = stats.accepted - elsewhere
    return stats
