"""Counts by function and by minute."""

from __future__ import annotations

from msgspec import Struct


class FunctionCounts(Struct):
    """Per function: waiting now, running now, and counters since the store was made."""

    function_id: int
    function: str
    waiting: int = 0
    delayed: int = 0  # of waiting: not due yet
    running: int = 0
    oldest_due_at: int | None = None  # of the waiting that are due: since when it could have begun
    accepted: int = 0
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0
    expired: int = 0
    invalid: int = 0
    deliveries_pending: int = 0
    deliveries_delivered: int = 0
    deliveries_dead: int = 0


class MinuteCount(Struct, gc=False):
    """How much one metric of one function counted in one minute. What is counted twice in a minute
    is merged as `merged` says, in memory and in the store."""

    minute: int  # its start, ms
    function: str
    metric: str
    value: float


def merged(metric: str, before: float, value: float) -> float:
    """Two values of one metric in one minute: of a metric whose name ends in `_max` the higher one,
    in `_min` the lower one, of any other their sum."""
    if metric.endswith("_max"):
        return max(before, value)
    if metric.endswith("_min"):
        return min(before, value)
    return before + value
