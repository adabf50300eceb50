"""What waits, runs and is up is looked at once in every minute."""

from __future__ import annotations

import asyncio
from typing import Any

from thence.api.metrics.samples import Samples
from thence.api.metrics.tally import Tally
from thence.engine.stats import sum_up
from thence.errors import StoreUnavailable
from thence.notices import InstanceEnded, InstanceStarted, Notices
from thence.store.records import FunctionCounts
from thence.testing.clock import VirtualClock

START = 1_767_323_040_000  # the start of a minute


class Engine:
    """What is sampled, and where it is counted."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.minutes = self
        self.rows: list[FunctionCounts] = []
        self.counted: list[tuple[int, str, str, float]] = []
        self.away = False
        self.functions = self

    def names(self) -> list[str]:
        return [row.function for row in self.rows]

    async def stats(self) -> Any:
        if self.away:
            raise StoreUnavailable("gone.")
        return sum_up(self.rows)

    def count(self, function: str, metric: str, value: float) -> None:
        self.counted.append((self.clock.now() - START, function, metric, value))


def made(now: int) -> tuple[Engine, Samples, Notices, VirtualClock]:
    clock, notices = VirtualClock(now), Notices()
    engine: Any = Engine(clock)
    samples = Samples(engine, Tally(notices, engine.minutes.count, clock), clock, notices)
    return engine, samples, notices, clock


async def test_a_look_counts_what_there_is_and_nothing_else():
    engine, samples, notices, _clock = made(START + 30_000)
    engine.rows = [
        FunctionCounts(1, "busy", waiting=7, running=2, oldest_due_at=START + 25_000),
        FunctionCounts(2, "idle", accepted=9),
    ]
    for name in ("a", "b", "c"):
        notices.publish(InstanceStarted("busy", name, 5))
    notices.publish(InstanceEnded("busy", "c", "idle"))
    notices.publish(InstanceStarted("gone", "d", 5))
    notices.publish(InstanceEnded("gone", "d", "idle"))
    await samples.once()
    assert [(metric, value) for _, name, metric, value in engine.counted if name == "busy"] == [
        ("waiting_max", 7),
        ("running_max", 2),
        ("oldest_waiting_ms_max", 5_000),
        ("instances_max", 2),
    ]
    assert {name for _, name, _, _ in engine.counted} == {"busy"}


async def test_every_minute_is_looked_at_once_also_after_a_slow_or_failed_look():
    engine, samples, _notices, clock = made(START + 50_000)
    engine.rows = [FunctionCounts(1, "f", waiting=1)]
    samples.loop.start()
    await clock.advance(0)
    engine.away = True
    await clock.advance(40)
    engine.away = False
    await clock.advance(300)
    await samples.loop.stop()
    minutes = [at // 60_000 for at, _, _, _ in engine.counted]
    assert minutes == list(range(7)), engine.counted


async def test_a_stopped_one_looks_no_more():
    engine, samples, _notices, clock = made(START)
    samples.loop.start()
    await clock.advance(0)
    await samples.loop.stop()
    engine.rows = [FunctionCounts(1, "f", waiting=1)]
    await clock.advance(300)
    await asyncio.sleep(0)
    assert engine.counted == []
