"""Counts a minute: added to the store in time, shown at once, kept in an outage."""

from __future__ import annotations

from typing import Any

from thence.engine import minutes
from thence.testing import Service
from thence.testing.clock import START_MS

ALL = (0, 1 << 50)


async def found(s: Service, **wanted: str) -> list[tuple[int, str, str, float]]:
    counts = await s.engine.minutes.read(*ALL, **wanted)
    return [
        ((count.minute - START_MS) // 60_000, count.function, count.metric, count.value)
        for count in counts
    ]


async def test_counts_are_shown_before_and_after_they_are_stored(s: Service) -> None:
    s.engine.minutes.count("f", "calls")
    s.engine.minutes.count("f", "calls", 2)
    s.engine.minutes.count("g", "ms_max", 7)
    s.engine.minutes.count("g", "ms_max", 5)
    expected = [(0, "f", "calls", 3.0), (0, "g", "ms_max", 7.0)]
    assert await found(s) == expected
    await s.clock.advance(59)
    s.engine.minutes.count("f", "calls")
    expected[0] = (0, "f", "calls", 4.0)
    await s.clock.advance(1)
    assert await found(s) == expected and s.engine.minutes._counts == {}
    s.engine.minutes.count("g", "ms_max", 9)
    s.engine.minutes.count("f", "calls")
    assert await found(s) == [(0, "f", "calls", 4.0), (0, "g", "ms_max", 7.0),
                              (1, "f", "calls", 1.0), (1, "g", "ms_max", 9.0)]  # fmt: skip


async def test_a_minute_stored_in_parts_is_one(s: Service) -> None:
    s.engine.minutes.count("f", "calls", 2)
    s.engine.minutes.count("f", "ms_max", 2)
    await s.engine.minutes.flush()
    s.engine.minutes.count("f", "calls", 3)
    s.engine.minutes.count("f", "ms_max", 1)
    assert await found(s) == [(0, "f", "calls", 5.0), (0, "f", "ms_max", 2.0)]
    await s.engine.minutes.flush()
    assert await found(s) == [(0, "f", "calls", 5.0), (0, "f", "ms_max", 2.0)]


async def test_a_range_a_function_and_a_metric_are_chosen(s: Service) -> None:
    for metric in ("a", "b"):
        for function in ("f", "g"):
            s.engine.minutes.count(function, metric)
    await s.clock.advance(60)
    s.engine.minutes.count("f", "a")
    assert await found(s, function="f", metric="a") == [(0, "f", "a", 1.0), (1, "f", "a", 1.0)]
    assert len(await found(s, function="g")) == 2 and len(await found(s, metric="b")) == 2
    minute = START_MS + 60_000
    assert len(await s.engine.minutes.read(minute, minute + 1)) == 1
    assert await s.engine.minutes.read(minute + 60_000, minute + 120_000) == []


async def test_a_drain_stores_what_was_counted(s: Service) -> None:
    s.engine.minutes.count("f", "calls")
    await s.restart()
    assert await found(s) == [(0, "f", "calls", 1.0)]


async def test_what_the_store_does_not_take_is_kept_for_the_next_time(s: Service) -> None:
    s.engine.minutes.count("f", "calls", 2)
    s.disk_full(90)
    await s.clock.advance(70)
    s.engine.minutes.count("f", "calls")
    assert await found(s) == [(0, "f", "calls", 2.0), (1, "f", "calls", 1.0)]
    await s.clock.advance(120)
    await s.crash()
    assert await found(s) == [(0, "f", "calls", 2.0), (1, "f", "calls", 1.0)]


async def test_a_reader_meets_no_half_stored_minute(s: Service) -> None:
    s.engine.minutes.count("f", "calls", 5)
    add = s.store.add_minutes
    seen: list[Any] = []

    async def slow(counts: Any) -> None:
        import asyncio

        reading = asyncio.ensure_future(found(s))
        await asyncio.sleep(0)
        s.engine.minutes.count("f", "calls", 1)
        await add(counts)
        seen.append(reading)

    s.store.__dict__["add_minutes"] = slow
    await s.engine.minutes.flush()
    assert await seen[0] == [(0, "f", "calls", 6.0)]


async def test_a_long_outage_costs_bounded_memory(s: Service, monkeypatch: Any) -> None:
    monkeypatch.setattr(minutes, "KEPT_MAX", 3)
    s.disk_full(10_000)
    for _ in range(6):
        s.engine.minutes.count("f", "calls")
        await s.clock.advance(60)
    kept = [minute for minute, *_ in await found(s)]
    assert len(kept) <= 4 and kept[-1] == 5  # the newest
