"""Counts by the minute: they are merged, and go when their time is over."""

from __future__ import annotations

import pytest

from thence.store.interface import Store
from thence.store.records import MinuteCount, merged

from .scene import NOW

MINUTE = 60_000


async def prune(store: Store, before: int, limit: int = 100) -> int:
    changed, _ = await store.prune(
        history_before=0, payload_before=0, result_before=0, journal_before=0,
        minutes_before=before, now=NOW, limit=limit,
    )  # fmt: skip
    return changed


async def test_what_is_added_to_a_minute_adds_up(store: Store) -> None:
    await store.add_minutes([MinuteCount(NOW, "f", "calls", 2), MinuteCount(NOW, "f", "calls", 1)])
    await store.add_minutes([MinuteCount(NOW, "f", "calls", 0.5)])
    assert await store.minutes(NOW, NOW + 1) == [MinuteCount(NOW, "f", "calls", 3.5)]


@pytest.mark.parametrize("metric", ["ms", "ms_max", "ms_min", "max", "climax", "_max"])
async def test_the_highest_and_the_lowest_of_a_minute_stay(store: Store, metric: str) -> None:
    expected = 5.0
    await store.add_minutes([MinuteCount(NOW, "f", metric, expected)])
    for value in (3.0, 8.0, 4.0):
        expected = merged(metric, expected, value)
        await store.add_minutes([MinuteCount(NOW, "f", metric, value)])
        assert await store.minutes(NOW, NOW + 1) == [MinuteCount(NOW, "f", metric, expected)]


async def test_minutes_come_by_minute_function_and_metric(store: Store) -> None:
    keys = [
        (NOW + n * MINUTE, function, metric)
        for n in (0, 1, 2)
        for function in ("a", "b")
        for metric in ("x", "y")
    ]
    await store.add_minutes([MinuteCount(*key, float(n)) for n, key in enumerate(keys)][::-1])
    counts = [MinuteCount(*key, float(n)) for n, key in enumerate(keys)]
    assert await store.minutes(0, NOW * 2) == counts
    assert await store.minutes(NOW + 1, NOW + 2 * MINUTE) == counts[4:8]
    assert await store.minutes(0, NOW * 2, function="b") == [
        count for count in counts if count.function == "b"
    ]
    assert await store.minutes(0, NOW * 2, metric="y") == [
        count for count in counts if count.metric == "y"
    ]
    assert await store.minutes(NOW, NOW + 1, function="a", metric="y") == [counts[1]]
    assert await store.minutes(0, NOW * 2, function="c") == []


@pytest.mark.parametrize("number", [0, 1, 64, 65, 300])
async def test_any_number_of_counts_is_added_at_once(store: Store, number: int) -> None:
    await store.add_minutes([MinuteCount(NOW, f"f{n:03}", "calls", 1) for n in range(number)])
    assert len(await store.minutes(NOW, NOW + 1)) == number


async def test_minutes_go_when_their_time_is_over_oldest_first_in_steps(store: Store) -> None:
    counts = [MinuteCount(NOW + n * MINUTE, "f", "calls", 1) for n in range(5)]
    await store.add_minutes(counts)
    assert await prune(store, 0) == 0
    assert await prune(store, NOW + 3 * MINUTE, limit=2) == 2
    assert await store.minutes(0, NOW * 2) == counts[2:]
    assert await prune(store, NOW + 3 * MINUTE, limit=2) == 1
    assert await prune(store, NOW + 3 * MINUTE, limit=2) == 0
    assert await store.minutes(0, NOW * 2) == counts[3:]
