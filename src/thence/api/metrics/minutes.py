"""What is counted by function and minute: the metrics, and how their minutes are put together.

The engine keeps the counts (31 days) and the store merges them (store.records.merged), so they go
on over a restart. Vendors' doors make their own metrics of these. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ...lifecycle.outcome import Outcome
from ...store.records import MinuteCount, merged

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
BOUNDS_MS = (1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000)
"""Upper bounds of the buckets of `duration_ms_to_…`; the last bucket has none."""


def bucket(ms: float) -> str:
    """The metric that counts an execution which took so long."""
    for bound in BOUNDS_MS:
        if ms <= bound:
            return f"duration_ms_to_{bound}"
    return LAST_BUCKET


LAST_BUCKET = "duration_ms_to_inf"
BUCKETS = (*(f"duration_ms_to_{bound}" for bound in BOUNDS_MS), LAST_BUCKET)

ATTEMPTS = {outcome: f"attempts_{outcome}" for outcome in Outcome if outcome != "not_started"}

METRICS: dict[str, str] = {
    "accepted": "Invocations accepted.",
    "dequeued": "Invocations whose first attempt was begun.",
    "start_latency_ms": "Sum: from due to the begin of the first attempt.",
    "start_latency_ms_max": "The longest of these.",
    "attempts_ok": "Attempts that ended well.",
    "attempts_function_error": "Attempts that ended with an exception.",
    "attempts_timed_out": "Attempts ended at their time limit.",
    "attempts_crashed": "Attempts whose instance exited.",
    "attempts_out_of_memory": "Attempts that passed their memory limit.",
    "attempts_throttled": "Attempts refused at a concurrency limit (429).",
    "attempts_platform_error": "Attempts ended by an error of the platform (500).",
    "attempts_no_resources": "Attempts for which there was nothing to run them with (503).",
    "attempts_drained": "Attempts that a shutdown of the service cut off.",
    "attempts_lost": "Attempts nobody could answer for.",
    "attempts_stopped": "Attempts that were stopped.",
    "executions": "Attempts that ran the function's code to an end of its own making.",
    "duration_ms": "Sum: how long executions ran.",
    "duration_ms_max": "The longest execution.",
    "duration_ms_min": "The shortest execution.",
    **{name: f"Executions of at most {name[15:]} ms, and more than the bucket before."
       for name in BUCKETS[:-1]},
    LAST_BUCKET: f"Executions of more than {BOUNDS_MS[-1]} ms.",
    "memory_bytes_max": "The most that an instance used, in synchronous calls that measured it.",
    "throttled": "Invocations that had to wait because their function was at its limit.",
    "succeeded": "Invocations that ended as succeeded.",
    "failed": "Invocations that ended as failed.",
    "stopped": "Invocations that ended as stopped.",
    "expired": "Invocations that ended as expired.",
    "invalid": "Invocations that ended as invalid.",
    "failed_platform_errors_exhausted": "Of `failed`: errors of the platform (500) until the time for "
    "them ended.",
    "failed_concurrency_limit": "Of `failed`: at a concurrency limit (429) until that time ended.",
    "failed_no_resources": "Of `failed`: nothing to run it with (503) until that time ended.",
    "failed_suspected_poison": "Of `failed`: its attempts were lost too often.",
    "deliveries_delivered": "Deliveries that were delivered.",
    "deliveries_dead": "Deliveries that ended as dead letters.",
    "delivery_tries_failed": "Attempts of deliveries that failed.",
    "waiting_max": "The backlog, as sampled.",
    "running_max": "Attempts under way, as sampled.",
    "oldest_waiting_ms_max": "How long the oldest of those that are due has waited, as sampled.",
    "instances_max": "Instances that were up, as sampled.",
}  # fmt: skip
"""Every metric that is counted, with its meaning."""


def by_period(
    counts: Iterable[MinuteCount], period_ms: int = MINUTE_MS
) -> dict[tuple[int, str], dict[str, float]]:
    """(start of the period, ms; function) -> metric -> value, in the order of time and name.
    period_ms: a multiple of a minute, such as HOUR_MS."""
    found: dict[tuple[int, str], dict[str, float]] = {}
    for count in counts:
        place = found.setdefault((count.minute - count.minute % period_ms, count.function), {})
        before = place.get(count.metric)
        place[count.metric] = (
            count.value if before is None else merged(count.metric, before, count.value)
        )
    return dict(sorted(found.items()))


def average(values: Mapping[str, float], total: str, number: str) -> float | None:
    """Metric `total` over metric `number`; None where nothing was counted."""
    count = values.get(number, 0.0)
    return values.get(total, 0.0) / count if count else None


def quantile(values: Mapping[str, float], share: float) -> float | None:
    """Of the executions of a period, the duration in ms that `share` (0 to 1) of them did not pass:
    found in its bucket by an even spread, never outside what was seen. None without executions."""
    counts = [values.get(name, 0.0) for name in BUCKETS]
    total = sum(counts)
    if not total:
        return None
    lowest = values.get("duration_ms_min", 0.0)
    highest = values.get("duration_ms_max", float(BOUNDS_MS[-1]))
    rank, below, passed = share * total, 0.0, 0.0
    for bound, count in zip((*BOUNDS_MS, math.inf), counts, strict=True):
        if count and passed + count >= rank:
            low, high = max(below, lowest), min(bound, highest)
            found = low + max(0.0, high - low) * max(0.0, rank - passed) / count
            return min(found, highest)  # rounding must not lead past it
        passed, below = passed + count, bound
    return highest
