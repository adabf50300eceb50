"""Counting notices, cheaply: every handler is a few dictionary steps, for the fast path calls it.

What Prometheus reads begins at 0 with the process. What is counted by the minute is gathered here
only until the event loop's next round and then given to the engine, which keeps it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ...clock import Clock
from ...lifecycle.outcome import Outcome, billed
from ...lifecycle.states import Reason, State
from ...notices import (
    AttemptEnded,
    AttemptLost,
    AttemptStarted,
    Committed,
    DeliveryAttempted,
    DeliveryEnded,
    InstanceEnded,
    InstanceStarted,
    InvocationAccepted,
    InvocationSettled,
    InvocationThrottled,
    LateAnswerDropped,
    LoopFailed,
    Notices,
    StoreBack,
    StoreHit,
    StoreLost,
)
from .histogram import Histogram
from .minutes import ATTEMPTS, bucket

Count = Callable[[str, str, float], None]
"""(function, metric, value): counts it in this minute."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


_PLATFORMS = (
    Reason.PLATFORM_ERRORS_EXHAUSTED,
    Reason.CONCURRENCY_LIMIT,
    Reason.NO_RESOURCES,
    Reason.SUSPECTED_POISON,
)
"""Of failed invocations, those that the function's code did not end; see minutes.METRICS."""


BY_NAME = ("durations", "start_latency", "begun", "throttled", "late", "lost", "instances")
BY_PAIR = ("attempts", "failed", "delivery_attempts", "delivery_ends")
"""What a tally counts by function, and by function and something else."""
HISTOGRAMS_A_TURN = 1000  # copied; a millisecond


class Tally:
    """What this process has seen since it started."""

    def __init__(self, notices: Notices, count: Count, clock: Clock) -> None:
        self._count = count
        self._clock = clock
        self._minute: dict[str, dict[str, float]] = {}  # function -> metric -> not given away yet
        self.attempts: Counter[tuple[str, str]] = Counter()  # function, outcome
        self.durations: dict[str, Histogram] = {}
        self.begun: Counter[str] = Counter()
        self.start_latency: dict[str, Histogram] = {}
        self.commit_seconds = Histogram(SECONDS)
        self.commit_size = Histogram(SIZES)
        self.throttled: Counter[str] = Counter()
        self.failed: Counter[tuple[str, str]] = Counter()  # function, reason
        self.late: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.delivery_attempts: Counter[tuple[str, str]] = Counter()  # function, answered/failed
        self.delivery_ends: Counter[tuple[str, str]] = Counter()  # function, state
        self.instances: Counter[str] = Counter()
        self.instance_starts = Histogram(SECONDS)
        self.instance_ends: Counter[str] = Counter()  # reason
        self.store_losses = 0
        self._down_seconds = 0.0
        self._lost_at: int | None = None  # the store is away since then (ms)
        self.loop_failures: Counter[str] = Counter()
        notices.on(InvocationAccepted, lambda n: self._add(n.function, "accepted"))
        notices.on(InvocationSettled, self._settled)
        notices.on(AttemptStarted, self._started)
        notices.on(AttemptEnded, self._ended)
        notices.on(Committed, self._committed)
        notices.on(InvocationThrottled, self._throttled)
        notices.on(LateAnswerDropped, lambda n: self.late.update((n.function,)))
        notices.on(AttemptLost, self._lost_one)
        notices.on(DeliveryAttempted, self._tried)
        notices.on(DeliveryEnded, self._delivered)
        notices.on(InstanceStarted, self._instance_started)
        notices.on(InstanceEnded, self._instance_ended)
        notices.on(StoreLost, self._store_lost)
        notices.on(StoreHit, self._store_hit)
        notices.on(StoreBack, self._store_back)
        notices.on(LoopFailed, lambda n: self.loop_failures.update((n.loop,)))

    async def copy(self) -> Tally:
        """What was counted so far, for a reader in a thread: this one goes on being changed, also
        meanwhile, for the functions' histograms are copied in several turns of the event loop."""
        made = Tally.__new__(Tally)
        for name, value in vars(self).items():
            setattr(made, name, value.copy() if isinstance(value, (dict, Histogram)) else value)
        made._down_seconds, made._lost_at = self.store_down_seconds, None
        pairs = [(each, key) for each in (made.durations, made.start_latency) for key in each]
        for number, (histograms, key) in enumerate(pairs, 1):
            histograms[key] = histograms[key].copy()
            if not number % HISTOGRAMS_A_TURN:
                await asyncio.sleep(0)
        return made

    @property
    def store_down_seconds(self) -> float:
        """Those so far, where it is down now: an alarm must not wait until it is back."""
        if self._lost_at is None:
            return self._down_seconds
        return self._down_seconds + (self._clock.now() - self._lost_at) / 1000

    def functions(self) -> dict[str, None]:
        """Of which anything was counted, in the order of their coming."""
        found: dict[str, None] = {}
        for name in BY_NAME:
            found.update(dict.fromkeys(getattr(self, name)))
        for name in BY_PAIR:
            found.update(dict.fromkeys(pair[0] for pair in getattr(self, name)))
        return found

    def parts(self, names: Sequence[str], size: int) -> list[Tally]:
        """What was counted of so many of these functions at a time, and nothing else. Of a copy: the
        counts of the functions are shared with it."""
        made = [Tally.__new__(Tally) for _ in range(0, len(names), size)]
        place = {name: made[number // size] for number, name in enumerate(names)}
        for attribute in (*BY_NAME, *BY_PAIR):
            for part in made:
                setattr(part, attribute, Counter())
            for key, value in getattr(self, attribute).items():
                part = place[key if isinstance(key, str) else key[0]]
                getattr(part, attribute)[key] = value
        return made

    def keep(self, names: Collection[str]) -> None:
        """Forget all other functions, but for those whose instances are up. On a timer."""
        kept = {*names, *(name for name, up in self.instances.items() if up > 0)}
        for attribute in BY_NAME:
            counts: dict[str, Any] = getattr(self, attribute)
            for name in counts.keys() - kept:
                del counts[name]
        for attribute in BY_PAIR:
            pairs: dict[tuple[str, str], int] = getattr(self, attribute)
            for pair in [pair for pair in pairs if pair[0] not in kept]:
                del pairs[pair]

    def ran(self, function: str, outcome: Outcome, duration_us: int, memory_bytes: int = 0) -> None:
        """An attempt has ended. Of synchronous calls the engine publishes nothing: each door tells
        of its own. memory_bytes: the most that the instance used, 0 where it was not measured."""
        key = (function, outcome)
        self.attempts[key] = self.attempts.get(key, 0) + 1
        histogram = self.durations.get(function)
        if histogram is None:
            histogram = self.durations[function] = Histogram(SECONDS)
        histogram.add(duration_us / 1_000_000)
        metric = ATTEMPTS.get(outcome)
        if metric is None:
            return  # it never began, and will be claimed again
        counts = self._counts(function)
        counts[metric] = counts.get(metric, 0.0) + 1
        if memory_bytes > counts.get("memory_bytes_max", 0.0):
            counts["memory_bytes_max"] = float(memory_bytes)
        if billed(outcome):
            ms = duration_us / 1000
            to = bucket(ms)
            counts["executions"] = counts.get("executions", 0.0) + 1
            counts[to] = counts.get(to, 0.0) + 1
            _measure(counts, "duration_ms", ms)
            if ms < counts.get("duration_ms_min", ms + 1):
                counts["duration_ms_min"] = ms

    # ------------------------------------------------------------ the minute

    def _counts(self, function: str) -> dict[str, float]:
        counts = self._minute.get(function)
        if counts is None:
            if not self._minute:
                # In this very round of the loop: nothing is lost by an end of the service.
                asyncio.get_running_loop().call_soon(self._give)
            counts = self._minute[function] = {}
        return counts

    def _add(self, function: str, metric: str) -> None:
        counts = self._counts(function)
        counts[metric] = counts.get(metric, 0.0) + 1

    def _give(self) -> None:
        minute, self._minute = self._minute, {}
        for function, counts in minute.items():
            for metric, value in counts.items():
                self._count(function, metric, value)

    # ------------------------------------------------------------ what notices say

    def _started(self, notice: AttemptStarted) -> None:
        name = notice.function
        histogram = self.start_latency.get(name)
        if histogram is None:
            histogram = self.start_latency[name] = Histogram(SECONDS)
        histogram.add(notice.wait_ms / 1000)
        if notice.attempt == 1:
            self.begun[name] += 1
            counts = self._counts(name)
            counts["dequeued"] = counts.get("dequeued", 0.0) + 1
            _measure(counts, "start_latency_ms", float(notice.wait_ms))

    def _ended(self, notice: AttemptEnded) -> None:
        self.ran(notice.function, notice.outcome, notice.duration_us)

    def _settled(self, notice: InvocationSettled) -> None:
        self._add(notice.function, str(notice.state))
        if notice.state is State.FAILED:
            self.failed[notice.function, str(notice.reason)] += 1
            if notice.reason in _PLATFORMS:
                self._add(notice.function, f"failed_{notice.reason}")

    def _throttled(self, notice: InvocationThrottled) -> None:
        self.throttled[notice.function] += 1
        self._add(notice.function, "throttled")

    def _lost_one(self, notice: AttemptLost) -> None:
        self.lost[notice.function] += 1
        self._add(notice.function, ATTEMPTS[Outcome.LOST])

    def _committed(self, notice: Committed) -> None:
        self.commit_seconds.add(notice.seconds)
        self.commit_size.add(notice.size)

    def _tried(self, notice: DeliveryAttempted) -> None:
        self.delivery_attempts[notice.function, "failed" if notice.error else "answered"] += 1
        if notice.error:
            self._add(notice.function, "delivery_tries_failed")

    def _delivered(self, notice: DeliveryEnded) -> None:
        self.delivery_ends[notice.function, notice.state] += 1
        if notice.state in ("delivered", "dead"):
            self._add(notice.function, f"deliveries_{notice.state}")

    def _instance_started(self, notice: InstanceStarted) -> None:
        self.instances[notice.function] += 1
        self.instance_starts.add(notice.start_ms / 1000)

    def _instance_ended(self, notice: InstanceEnded) -> None:
        self.instance_ends[notice.reason] += 1
        if self.instances[notice.function] > 0:
            self.instances[notice.function] -= 1

    def _store_lost(self, _notice: StoreLost) -> None:
        self.store_losses += 1
        self._away()

    def _store_hit(self, _notice: StoreHit) -> None:
        self._away()  # and never back

    def _away(self) -> None:
        """From the first of several on: not each is followed by a StoreBack."""
        if self._lost_at is None:
            self._lost_at = self._clock.now()

    def _store_back(self, notice: StoreBack) -> None:
        if self._lost_at is None:
            self._down_seconds += notice.seconds  # nobody was told of its begin
        self._down_seconds, self._lost_at = self.store_down_seconds, None


def _measure(counts: dict[str, float], metric: str, value: float) -> None:
    """Its sum and its highest."""
    counts[metric] = counts.get(metric, 0.0) + value
    highest = metric + "_max"
    if value > counts.get(highest, -1.0):
        counts[highest] = value
