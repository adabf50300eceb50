"""The vendor's metrics: by function, minute and hour, in virtual time; and as Prometheus series."""

from __future__ import annotations

from typing import Any

import pytest

from thence.api.fc.metric_table import METRICS
from thence.testing.answers import Error

MINUTE, HOUR = 60_000, 3_600_000
ASYNC = {"x-fc-invocation-type": "Async"}
PREFIX = "/2023-03-30"


@pytest.fixture
async def door(door: Any) -> Any:
    await door.service.function("f", answers=["ok"], on_success="queue:ok", on_failure="queue:bad")
    return door


async def calls(door: Any, number: int, path: str = f"{PREFIX}/functions/f") -> None:
    for _ in range(number):
        answer = await door.post(path + "/invocations", headers=ASYNC)
        assert answer.status == 202, answer.body
    await door.service.settle()


async def points(door: Any, metric: str, **query: Any) -> list[tuple[int, str, float]]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await door.get(f"{PREFIX}/metrics/{metric}?{text}")
    assert answer.status == 200, answer.body
    return [
        (datapoint["timestamp"], datapoint["functionName"], datapoint["value"])
        for datapoint in answer.json["datapoints"]
    ]


async def test_destinations_are_counted_by_the_minute_and_by_the_hour(door: Any) -> None:
    begin = door.clock.now() - door.clock.now() % MINUTE
    await calls(door, 2)
    await door.clock.advance(120)
    await calls(door, 3)
    later = begin + 2 * MINUTE
    # The spelling of the seed and that of another page are one metric.
    for name in ("FunctionDestinationSucceed", "FunctionDestinationSucceeded"):
        assert await points(door, name, functionName="f") == [(begin, "f", 2), (later, "f", 3)]
        hours = await points(door, name, functionName="f", period=3600)
        assert sum(value for _, _, value in hours) == 5
        assert all(at % HOUR == 0 for at, _, _ in hours)
    errors = await points(door, "FunctionDestinationErrors", functionName="f")
    assert [value for _, _, value in errors] == [0, 0]


async def test_a_record_that_cannot_be_delivered_is_a_destination_error(door: Any) -> None:
    target = {"type": "queue", "name": "small", "record_bytes_max": 10, "form": "fc"}
    await door.service.function("g", answers=["ok"], on_success=target)
    await calls(door, 1, f"{PREFIX}/functions/g")
    found = await points(door, "FunctionDestinationErrors", functionName="g")
    assert [value for _, _, value in found] == [1]


async def test_the_asynchronous_metrics_tell_of_enqueue_dequeue_latency_and_expiry(
    door: Any,
) -> None:
    await calls(door, 2)
    for name in ("FunctionEnqueueCount", "FunctionDequeueCount", "FunctionTotalInvocations"):
        assert [value for _, _, value in await points(door, name)] == [2], name
    assert [value for _, _, value in await points(door, "FunctionAsyncMessageLatencyMax")] == [0]
    await door.service.function("late", answers=["ok"], concurrency=0, max_event_age_seconds=5)
    await calls(door, 1, f"{PREFIX}/functions/late")
    await door.clock.advance(10)
    await door.service.settle()
    dropped = await points(door, "FunctionAsyncEventExpiredDropped", functionName="late")
    assert sum(value for _, _, value in dropped) == 1


async def test_function_errors_are_counted_each_attempt(door: Any) -> None:
    await door.service.function("bad", answers=[Error("no")], max_retries=2)
    await calls(door, 1, f"{PREFIX}/functions/bad")
    await door.clock.advance(600)
    await door.service.settle()
    found = await points(door, "FunctionFunctionErrors", functionName="bad", period=3600)
    assert sum(value for _, _, value in found) == 3


async def test_a_range_and_pages(door: Any) -> None:
    begin = door.clock.now() - door.clock.now() % MINUTE
    for _ in range(3):
        await calls(door, 1)
        await door.clock.advance(60)
    name = "FunctionEnqueueCount"
    middle = begin + MINUTE
    assert await points(door, name, startTime=middle, endTime=middle + MINUTE) == [(middle, "f", 1)]
    assert (
        await points(door, name, startTime="2001-01-01T00:00:00Z", endTime="2001-01-02T00:00:00Z")
        == []
    )
    found, token = [], ""
    while True:
        answer = await door.get(f"{PREFIX}/metrics/{name}?limit=1&nextToken={token}")
        found += [datapoint["timestamp"] for datapoint in answer.json["datapoints"]]
        token = answer.json.get("nextToken", "")
        if not token:
            break
    assert found == [begin, middle, middle + MINUTE]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("period=61", "period"),
        ("startTime=tomorrow", "startTime"),
        ("startTime=5&endTime=4", "startTime"),
        ("endTime=99999999999999&startTime=0", "31 days"),
        ("functionName=1x", "functionName"),
        ("serviceName=s", "serviceName"),
        ("limit=0", "limit"),
        ("nextToken=x", "nextToken"),
    ],
)
async def test_mistakes_are_named(door: Any, query: str, named: str) -> None:
    status, code, message = (
        await door.get(f"{PREFIX}/metrics/FunctionEnqueueCount?{query}")
    ).error()
    assert (status, code) == (400, "InvalidArgument") and named in message


async def test_unknown_metrics_are_refused_and_known_ones_listed(door: Any) -> None:
    assert "FunctionEnqueueCount" in (await door.get(f"{PREFIX}/metrics/Nothing")).error()[2]
    listed = (await door.get(f"{PREFIX}/metrics")).json["metrics"]
    assert [entry["metricName"] for entry in listed] == list(METRICS)
    assert all(entry["description"] and entry["unit"] for entry in listed)


async def test_prometheus_has_the_same_names(door: Any) -> None:
    await calls(door, 2)
    text = (await door.context.metrics.exposition()).decode()
    labels = '{functionName="f",serviceName=""}'
    for name, value in (
        ("FunctionDestinationSucceed_total", 2.0),
        ("FunctionDestinationSucceeded_total", 2.0),
        ("FunctionDestinationErrors_total", 0.0),
        ("FunctionEnqueueCount_total", 2.0),
        ("FunctionDequeueCount_total", 2.0),
        ("FunctionAsyncEventExpiredDropped_total", 0.0),
        ("FunctionAsyncMessagesBacklogV2", 0.0),
        ("FunctionAsyncMessagesInProcess", 0.0),
    ):
        assert f"acs_fc_{name}{labels} {value}" in text, name
