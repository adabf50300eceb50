"""Metrics: one value a minute (an hour over a day), -1 where nothing was measured; and the queue's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from thence.testing.answers import Error, Forever, Ok, PlatformError

from .conftest import FUNCTIONS, PROJECT, at, urn

NAMES = {
    "count", "duration", "max_duration", "min_duration", "fail_count", "function_error_count",
    "system_error_count", "reject_count", "concurrency_num", "instance_num",
    "reserved_instance_num", "waiting_num", "oldest_waiting_ms", "discard_count",
}  # fmt: skip


async def series(door: Any, period: int = 5, which: str = "", path: str = "statistics") -> Any:
    found = await door.get(at(which or urn(), f"{path}/{period}"))
    assert found.status == 200, found.body
    return {name: [point["value"] for point in points] for name, points in found.json.items()}


async def test_there_is_one_point_a_minute_and_minus_one_without_data(door: Any) -> None:
    await door.function()
    found = (await door.get(at(urn(), "statistics/5"))).json
    assert set(found) == NAMES
    times = [point["timestamp"] for point in found["count"]]
    now = door.clock.now()
    assert times == [now - 60_000 * ago for ago in (4, 3, 2, 1, 0)]
    assert {point["value"] for points in found.values() for point in points} == {-1.0}


async def test_executions_failures_and_refusals_are_told_apart(door: Any) -> None:
    await door.function(
        answers=[Ok(1, seconds=2), Error(seconds=4), PlatformError()], concurrency=1
    )
    await door.start()
    await door.clock.advance(2)
    await door.start()
    busy = await door.post(at(urn(), "invocations"))
    assert busy.status == 429
    await door.clock.advance(4)
    assert (await door.post(at(urn(), "invocations"))).status == 500
    await asyncio.sleep(0)
    found = {name: values[-1] for name, values in (await series(door)).items()}
    expected = {
        "count": 3, "fail_count": 2, "function_error_count": 1, "system_error_count": 1,
        "reject_count": 1, "duration": 3000, "max_duration": 4000, "min_duration": 2000,
        "discard_count": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert await series(door, path="slareports") == await series(door)


async def test_a_list_of_functions_claims_no_failures_it_has_not_counted(door: Any) -> None:
    await door.function(answers=[Error()])
    await door.start()
    await door.clock.advance(1)
    assert (await series(door))["fail_count"][-1] == 1
    [listed] = (await door.get(FUNCTIONS)).json["functions"]
    assert "fail_count" not in listed


async def test_an_asynchronous_request_counts_when_it_is_executed(door: Any) -> None:
    await door.function(answers=[Ok(1, seconds=90), Ok(1)], concurrency=1)
    await door.start()
    await door.start()
    await door.clock.advance(95)
    assert (await series(door))["count"][-2:] == [0, 2]


async def test_the_queue_has_metrics_of_its_own(door: Any) -> None:
    await door.function(
        answers=[Forever()], concurrency=1, max_event_age_seconds=150, timeout_seconds=900
    )
    await door.context.metrics.start()
    for _ in range(3):
        await door.start()
    await door.clock.advance(100)
    found = await series(door)
    assert found["waiting_num"][-1] == 2
    assert found["oldest_waiting_ms"][-1] == 90_000
    await door.clock.advance(60)
    assert sum(value for value in (await series(door))["discard_count"] if value > 0) == 2
    await door.context.metrics.stop()


async def test_the_queue_is_in_prometheus_series(door: Any) -> None:
    await door.function(answers=[Forever()], concurrency=1, max_event_age_seconds=30)
    await door.start()
    await door.start()
    await door.clock.advance(10)

    async def text() -> str:
        return (await door.get("/metrics")).body.decode()

    assert 'thence_invocations_waiting{function="f"} 1.0' in await text()
    assert 'thence_oldest_waiting_seconds{function="f"} 10.0' in await text()
    await door.clock.advance(30)
    assert 'thence_invocations_ended_total{function="f",state="expired"} 1.0' in await text()


async def test_a_period_over_a_day_has_a_point_an_hour(door: Any) -> None:
    await door.function()
    await door.start()
    assert len((await series(door, 1440))["count"]) == 1440
    found = await series(door, 1441)
    assert len(found["count"]) == 25 and found["count"][-1] == 1


@pytest.mark.parametrize("period", ["0", "-1", "x", "44641", "1.5"])
async def test_a_period_out_of_range_is_refused(door: Any, period: str) -> None:
    await door.function()
    assert (await door.get(at(urn(), f"statistics/{period}"))).error() == (400, "FSS.1001")


async def test_all_functions_are_summed_up(door: Any) -> None:
    for name in ("f", "g"):
        await door.function(name)
        await door.start(urn(name))
    found = (await door.get(f"{FUNCTIONS}/statistics?filter=monitor_data&period=5")).json
    assert found["statistics"]["count"][-1]["value"] == 2
    refused = await door.get(f"{FUNCTIONS}/statistics?filter=monthly_report")
    assert refused.error() == (400, "FSS.1001") and "31 days" in refused.message()


async def test_the_functions_that_fail_most_come_first(door: Any) -> None:
    for name, number in (("f", 1), ("g", 3), ("h", 0)):
        await door.function(name, answers=[Error()] if number else [Ok(1)])
        for _ in range(max(1, number)):
            await door.start(urn(name))
    path = f"/v2/{PROJECT}/fgs/function/report"
    found = (await door.get(path)).json
    assert found["values"] == [
        {"key": urn("g", None), "value": 3},
        {"key": urn("f", None), "value": 1},
    ]
    assert (await door.get(f"{path}?limit=1")).json["count"] == 1
    assert len((await door.get(f"{path}?type=count")).json["values"]) == 3
    before = "start_time=2025-01-01T00:00:00&end_time=2025-01-02T00:00:00"
    assert (await door.get(f"{path}?{before}")).json["values"] == []
    ever = await door.get(f"{path}?start_time=1970-01-01T00:00:00&type=count")
    assert ever.status == 200 and len(ever.json["values"]) == 3
    seconds = await door.get(f"{path}?start_time=1767225600")
    assert seconds.error() == (400, "FSS.1001") and seconds.message().startswith("start_time")
    assert (await door.get(f"{path}?type=beauty")).error() == (400, "FSS.1001")


async def test_what_is_not_there_has_no_metrics(door: Any) -> None:
    assert (await door.get(at(urn("none"), "statistics/5"))).error() == (404, "FSS.1051")
