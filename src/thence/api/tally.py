"""Counting notices, cheaply: every handler is a few dictionary steps, for the hot path calls it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from ..clock import Clock
from ..notices import (
    AttemptEnded,
    AttemptLost,
    AttemptStarted,
    Committed,
    DeliveryAttempted,
    DeliveryEnded,
    InstanceEnded,
    InstanceStarted,
    InvocationThrottled,
    LateAnswerDropped,
    LoopFailed,
    Notices,
    StoreBack,
    StoreLost,
)
from .minutes import Minutes

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Histogram:
    """Counts by upper bound, and the sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: cumulative, the last one +Inf."""
        total = 0
        found: list[tuple[str, float]] = []
        for bound, count in zip((*self.bounds, None), self.counts, strict=True):
            total += count
            found.append(("+Inf" if bound is None else repr(float(bound)), total))
        return found


class Tally:
    """What this process has seen since it started."""

    def __init__(self, notices: Notices, clock: Clock) -> None:
        self._clock = clock
        self.attempts: Counter[tuple[str, str]] = Counter()  # function, outcome
        self.durations: dict[str, Histogram] = {}
        self.start_latency = Histogram(SECONDS)
        self.commit_seconds = Histogram(SECONDS)
        self.commit_size = Histogram(SIZES)
        self.throttled: Counter[str] = Counter()
        self.late: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.delivery_attempts: Counter[tuple[str, str]] = Counter()  # function, answered/failed
        self.delivery_ends: Counter[tuple[str, str]] = Counter()  # function, state
        self.instances: Counter[str] = Counter()
        self.instance_starts = Histogram(SECONDS)
        self.instance_ends: Counter[str] = Counter()  # reason
        self.store_losses = 0
        self.store_down_seconds = 0.0
        self.loop_failures: Counter[str] = Counter()
        self.minutes = Minutes()
        notices.on(AttemptStarted, self._started)
        notices.on(AttemptEnded, self._ended)
        notices.on(Committed, self._committed)
        notices.on(InvocationThrottled, lambda n: self.throttled.update((n.function,)))
        notices.on(LateAnswerDropped, lambda n: self.late.update((n.function,)))
        notices.on(AttemptLost, lambda n: self.lost.update((n.function,)))
        notices.on(DeliveryAttempted, self._tried)
        notices.on(DeliveryEnded, self._delivered)
        notices.on(InstanceStarted, self._instance_started)
        notices.on(InstanceEnded, self._instance_ended)
        notices.on(StoreLost, self._store_lost)
        notices.on(StoreBack, self._store_back)
        notices.on(LoopFailed, lambda n: self.loop_failures.update((n.loop,)))

    def _started(self, notice: AttemptStarted) -> None:
        self.start_latency.add(notice.wait_ms / 1000)

    def _ended(self, notice: AttemptEnded) -> None:
        name = notice.function
        key = (name, notice.outcome)
        self.attempts[key] = self.attempts.get(key, 0) + 1
        histogram = self.durations.get(name)
        if histogram is None:
            histogram = self.durations[name] = Histogram(SECONDS)
        histogram.add(notice.duration_us / 1_000_000)

    def _committed(self, notice: Committed) -> None:
        self.commit_seconds.add(notice.seconds)
        self.commit_size.add(notice.size)

    def _tried(self, notice: DeliveryAttempted) -> None:
        self.delivery_attempts[notice.function, "failed" if notice.error else "answered"] += 1

    def _delivered(self, notice: DeliveryEnded) -> None:
        self.delivery_ends[notice.function, notice.state] += 1
        if notice.state in ("delivered", "dead"):
            delivered = notice.state == "delivered"
            self.minutes.count(self._clock.now(), notice.function, delivered=delivered)

    def _instance_started(self, notice: InstanceStarted) -> None:
        self.instances[notice.function] += 1
        self.instance_starts.add(notice.start_ms / 1000)

    def _instance_ended(self, notice: InstanceEnded) -> None:
        self.instance_ends[notice.reason] += 1
        if self.instances[notice.function] > 0:
            self.instances[notice.function] -= 1

    def _store_lost(self, _notice: StoreLost) -> None:
        self.store_losses += 1

    def _store_back(self, notice: StoreBack) -> None:
        self.store_down_seconds += notice.seconds
