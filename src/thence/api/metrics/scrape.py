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
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace
from prometheus_client.core import Metric

from ...clock import Clock
from ...engine.engine import Engine
from ...engine.stats import Stats
from ...errors import StoreUnavailable
from ...notices import Notices
from . import exposition
from .families import gauge
from .samples import Samples
from .series import of_functions, of_node, of_process, of_store, sums
from .tally import Tally

CACHED_MS = 1000
Series = Callable[[Stats | None, Tally], Iterator[Metric]]


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
                yield gauge(name, about, bytes)

    def _of_service(self) -> Iterator[Metric]:
        yield gauge("build_info", "The version that runs.", {(self._version,): 1}, ("version",))
        yield gauge("store_up", "Whether the store could be read for this scrape.", self.up)
        health = self._engine.health
        down = health.store_down
        yield gauge("store_writable", "Whether the store can write now.", not down)
        damaged = health.store_damaged
        yield gauge("store_damaged", "Whether damage was found in the store.", damaged)
        yield from self._of_disk()
        log_bytes = health.store_log_bytes
        yield gauge("store_log_bytes", "Size of the store's write-ahead log.", log_bytes)
        ahead = (self._clock.now() - self._clock.wall()) / 1000
        yield gauge("clock_ahead_seconds", "Service time minus the machine's clock.", ahead)
        yield gauge("draining", "Whether the service is shutting down.", health.draining)
        yield from of_node(self._engine)
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
        yield (*self._service, *([] if stats is None else sums(stats)), *of_process(self._tally))
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
            yield from of_store(stats, self._now)
        yield from of_functions(tally)
        for series in self._by_function:
            yield from series(stats, tally)
