"""Metrics for Prometheus: what the store counts (read at a scrape, at most once a second) and what
this process has seen. docs/reference/metrics.md lists each.

With ten thousand functions the text is 50 MB and takes seconds. So all that grows with the functions
is written by a thread, a few functions at a time (exposition.py), from a copy of what was counted, while
the event loop goes on answering; one text at a time, for all that asked before it was begun. What the
store counts is one snapshot. Of what this process has seen the counters are of one instant; the histograms
are copied a few in each turn of the event loop, so those of two functions may be of instants a few turns
apart. Each series is whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from ...clock import Clock
from ...engine.engine import Engine
from ...engine.stats import Stats
from ...errors import StoreUnavailable
from ...notices import Notices
from . import exposition
from .samples import Samples
from .tally import Histogram, Tally

CACHED_MS = 1000
Series = Callable[[Stats | None, Tally], Iterator[Metric]]
FINAL = ("succeeded", "failed", "stopped", "expired", "invalid")


class Metrics:
    """Counts notices from the moment it is made."""

    def __init__(self, engine: Engine, notices: Notices, clock: Clock, *, version: str) -> None:
        self._engine = engine
        self._clock = clock
        self.tally = Tally(notices, engine.minutes.count, clock)
        self._samples = Samples(engine, self.tally, clock, notices)
        self._stats: Stats | None = None
        self._stats_at = 0
        self._version = version
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[bytes] | None = None  # the text that is written next
        self._texts: set[asyncio.Task[bytes]] = set()  # that one, and the one that is written now
        self.up = False  # the store could be read at the last scrape
        self.more: list[Series] = []
        """Series of the doors."""
        self.by_function: list[Series] = []
        """Those that have one line or more for each function. Called in a thread: they read what they are
        given and nothing else."""

    async def start(self) -> None:
        """Begin to look at what is no event but a state. The engine has started."""
        self._samples.loop.start()

    async def stop(self) -> None:
        """Look no more. Idempotent."""
        await self._samples.loop.stop()
        self._next = None  # whoever still asks does not get one that never comes
        for text in self._texts:
            text.cancel()

    async def exposition(self) -> bytes:
        """All metrics in Prometheus' text format. When the store cannot be read, those of this
        process alone: a scrape must tell of a broken store, not break with it."""
        if self._next is None:
            self._next = asyncio.create_task(self._write())
            self._texts.add(self._next)
            self._next.add_done_callback(self._texts.discard)
        return await asyncio.shield(self._next)

    async def _write(self) -> bytes:
        """One at a time. Whoever asks while one is written is told the next, all of them the same: more
        who ask than can be written for do not make a line that grows."""
        async with self._turn:
            self._next = None
            now = self._clock.now()
            if self._stats is None or now - self._stats_at >= CACHED_MS:
                await self._read(now)
            taken = _Taken(
                list(self._of_service()),
                self._stats,
                now,
                await self.tally.copy(),
                self.by_function,
            )
            return await asyncio.to_thread(taken.text)

    async def _read(self, now: int) -> None:
        try:
            stats = without_deleted(await self._engine.stats(), self._engine.functions.names())
        except StoreUnavailable:
            self._stats, self.up = None, False
            return
        self.tally.keep([counts.function for counts in stats.functions])
        self._stats, self._stats_at, self.up = stats, now, True

    def _of_disk(self) -> Iterator[Metric]:
        health = self._engine.health
        for name, about, bytes in (
            ("disk_free_bytes", "Free on the data directory's disk.", health.disk_free_bytes),
            ("disk_reserve_bytes", "Kept back for a full disk.", health.disk_reserve_bytes),
        ):
            if bytes is not None:
                yield _gauge(name, about, bytes)

    def _of_service(self) -> Iterator[Metric]:
        yield _gauge("build_info", "The version that runs.", {(self._version,): 1}, ("version",))
        yield _gauge("store_up", "Whether the store could be read for this scrape.", self.up)
        health = self._engine.health
        down = health.store_down
        yield _gauge("store_writable", "Whether the store can write now.", not down)
        damaged = health.store_damaged
        yield _gauge("store_damaged", "Whether damage was found in the store.", damaged)
        yield from self._of_disk()
        log_bytes = health.store_log_bytes
        yield _gauge("store_log_bytes", "Size of the store's write-ahead log.", log_bytes)
        ahead = (self._clock.now() - self._clock.wall()) / 1000
        yield _gauge("clock_ahead_seconds", "Service time minus the machine's clock.", ahead)
        yield _gauge("draining", "Whether the service is shutting down.", health.draining)
        yield from _of_node(self._engine)
        for series in self.more:
            yield from series(self._stats, self.tally)


def without_deleted(stats: Stats, names: Iterable[str]) -> Stats:
    """Of functions that are deleted, only those that still have something waiting, running or owed:
    what they once did is told by the store until it is pruned, and by no series."""
    known = set(names)
    kept = [
        counts
        for counts in stats.functions
        if counts.function in known or counts.waiting or counts.running or counts.deliveries_pending
    ]
    return replace(stats, functions=kept)


class _Taken:
    """One scrape: nothing of it changes any more."""

    def __init__(
        self,
        service: list[Metric],
        stats: Stats | None,
        now: int,
        tally: Tally,
        by_function: list[Series],
    ) -> None:
        self._service = service
        self._stats = stats
        self._now = now
        self._tally = tally
        self._by_function = by_function

    def text(self) -> bytes:
        return exposition.write(self._pieces())

    def _pieces(self) -> Iterator[Iterable[Metric]]:
        stats = self._stats
        yield (*self._service, *([] if stats is None else _sums(stats)), *_of_process(self._tally))
        by_name = {} if stats is None else {counts.function: counts for counts in stats.functions}
        names, size = list({**by_name, **self._tally.functions()}), exposition.FUNCTIONS_A_PIECE
        parts = self._tally.parts(names, size)
        for number, part in enumerate(parts):
            some = names[number * size : (number + 1) * size]
            of_these = [by_name[name] for name in some if name in by_name]
            yield self._of(None if stats is None else replace(stats, functions=of_these), part)

    def _of(self, stats: Stats | None, tally: Tally) -> Iterator[Metric]:
        """Of some functions."""
        if stats is not None:
            yield from _of_store(stats, self._now)
        yield from _of_functions(tally)
        for series in self._by_function:
            yield from series(stats, tally)


def _sums(stats: Stats) -> Iterator[Metric]:
    yield _gauge(
        "conservation_difference",
        "accepted - (waiting + running + ended), from one snapshot. Must be 0.",
        stats.conservation_difference,
    )


def _of_store(stats: Stats, now: int) -> Iterator[Metric]:
    by = stats.functions
    label = ("function",)
    yield _gauge(
        "invocations_waiting", "The backlog.", {(f.function,): f.waiting for f in by}, label
    )
    yield _gauge(
        "invocations_delayed",
        "Of the backlog: not due yet.",
        {(f.function,): f.delayed for f in by},
        label,
    )
    yield _gauge(
        "invocations_running",
        "Attempts under way.",
        {(f.function,): f.running for f in by},
        label,
    )
    yield _gauge(
        "oldest_waiting_seconds",
        "Age of the oldest waiting invocation, 0 when none waits.",
        {
            (f.function,): 0.0 if f.oldest_due_at is None else max(0, now - f.oldest_due_at) / 1000
            for f in by
        },
        label,
    )
    yield _counter(
        "invocations_accepted",
        "Invocations accepted since the store was made.",
        {(f.function,): f.accepted for f in by},
        label,
    )
    yield _counter(
        "invocations_ended",
        "Invocations by their final state, since the store was made.",
        {(f.function, state): getattr(f, state) for f in by for state in FINAL},
        ("function", "state"),
    )
    yield _gauge(
        "deliveries_pending",
        "Deliveries that are owed.",
        {(f.function,): f.deliveries_pending for f in by},
        label,
    )
    yield _counter(
        "deliveries_ended",
        "Deliveries by their end, since the store was made.",
        {
            (f.function, state): getattr(f, f"deliveries_{state}")
            for f in by
            for state in ("delivered", "dead")
        },
        ("function", "state"),
    )


def _of_node(engine: Engine) -> Iterator[Metric]:
    node = engine.health.occupancy()
    yield _gauge(
        "node_instances_max",
        "Most instances of all functions together.",
        node.instances_max,
    )
    yield _gauge("node_instances_held", "Instances that work or are promised.", node.in_use)
    yield _gauge(
        "node_instances_kept_free",
        "Of the most: only for functions that hold none.",
        node.kept_free,
    )
    yield _gauge(
        "node_instances_kept_short",
        "Of those that are kept free: only for functions whose runs are short.",
        node.kept_short,
    )
    yield _gauge("node_functions_holding", "Functions that hold instances.", node.holders)
    yield _gauge(
        "node_functions_in_line",
        "Functions that could run more if the node had an instance for them.",
        engine.health.functions_in_line,
    )


def _of_functions(tally: Tally) -> Iterator[Metric]:
    label = ("function",)
    yield _counter("attempts", "Attempts by outcome.", tally.attempts, ("function", "outcome"))
    yield _histogram("attempt_duration_seconds", "How long attempts ran.", tally.durations, label)
    yield _counter(
        "invocations_begun",
        "Invocations whose first attempt was begun.",
        _one(tally.begun),
        label,
    )
    yield _histogram(
        "start_latency_seconds",
        "From due to the start of an attempt.",
        tally.start_latency,
        label,
    )
    yield _counter(
        "throttled",
        "Invocations that had to wait because their function was at its limit.",
        _one(tally.throttled),
        label,
    )
    yield _counter(
        "invocations_failed",
        "Invocations that ended as failed, by reason.",
        tally.failed,
        ("function", "reason"),
    )
    yield _counter(
        "late_answers_dropped",
        "Answers dropped because another attempt owned the invocation.",
        _one(tally.late),
        label,
    )
    yield _counter("attempts_lost", "Attempts nobody could answer for.", _one(tally.lost), label)
    yield _counter(
        "delivery_attempts",
        "Attempts of deliveries: answered, or failed.",
        tally.delivery_attempts,
        ("function", "result"),
    )
    yield _gauge("instances", "Instances that are up.", _one(tally.instances), label)


def _of_process(tally: Tally) -> Iterator[Metric]:
    yield _histogram("commit_seconds", "Time of a group commit.", {"": tally.commit_seconds})
    yield _histogram("commit_changes", "Changes in a group commit.", {"": tally.commit_size})
    yield _counter("store_losses", "Times the store stopped writing.", tally.store_losses)
    yield _counter(
        "store_down_seconds",
        "Time the store could not write, from when a write had failed.",
        tally.store_down_seconds,
    )
    yield _histogram(
        "instance_start_seconds",
        "From the start of an instance to ready.",
        {"": tally.instance_starts},
    )
    yield _counter(
        "instances_ended", "Instances ended, by reason.", _one(tally.instance_ends), ("reason",)
    )
    yield _counter(
        "loop_failures",
        "Failed rounds of the engine's loops.",
        _one(tally.loop_failures),
        ("loop",),
    )


def _one(counts: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items()}


Values = float | Mapping[Any, float]  # by the values of its labels, a tuple of str


def _gauge(name: str, text: str, values: Values, labels: tuple[str, ...] = ()) -> Metric:
    return _fill(GaugeMetricFamily(f"thence_{name}", text, labels=labels), values)


def _counter(name: str, text: str, values: Values, labels: tuple[str, ...] = ()) -> Metric:
    return _fill(CounterMetricFamily(f"thence_{name}", text, labels=labels), values)


def _fill(family: GaugeMetricFamily | CounterMetricFamily, values: Values) -> Metric:
    pairs = values.items() if isinstance(values, Mapping) else (((), float(values)),)
    for labels, value in pairs:
        family.add_metric([str(label) for label in labels], value)
    return family


def _histogram(
    name: str, text: str, histograms: Mapping[str, Histogram], labels: tuple[str, ...] = ()
) -> Metric:
    family = HistogramMetricFamily(f"thence_{name}", text, labels=labels)
    for label, histogram in histograms.items():
        family.add_metric([label] if labels else [], histogram.buckets(), histogram.sum)
    return family
