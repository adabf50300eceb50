"""Instants and numbers that no store can keep, and ids of such a time, at every door: an answer, never an
error of the service."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import FUNCTIONS, PROJECT, at, urn

VALUES = [
    "9999-12-31T23:59:59", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "999999999999999", "140737488355328", "9223372036854775807",
    "99999999999999999999", "-1", "%D9%A3", "NaN", "1e999", "inf",
]  # fmt: skip
IDS = ["7fffffff-ffff-7fff-bfff-ffffffffffff", "ffffffff-ffff-7fff-bfff-ffffffffffff"]


def asked(value: str) -> list[str]:
    native = ["invocations", "dead-letters", "deliveries", "stats/deliveries", "status-log"]
    found = [
        f"/v1/{item}?{name}={value}" for item in native for name in ("since", "until", "limit")
    ]
    for name in ("startedTimeBegin", "startedTimeEnd", "limit"):
        found.append(f"/2023-03-30/functions/f/async-tasks?{name}={value}")
    for name in ("startTime", "endTime"):
        found.append(f"/2023-03-30/metrics/FunctionEnqueueCount?{name}={value}")
    for path in ("async-invocations", "active-async-invocations"):
        for name in ("query_begin_time", "query_end_time", "limit", "marker"):
            found.append(at(urn(), f"{path}?{name}={value}"))
    for name in ("start_time", "end_time", "limit"):
        found.append(f"/v2/{PROJECT}/fgs/function/report?{name}={value}")
    found.append(at(urn(), f"statistics/{value}"))
    found.append(f"{FUNCTIONS}?marker={value}&maxitems={value}")
    return found


async def test_no_instant_is_too_large_to_be_asked_for(door: Any) -> None:
    await door.function()
    await door.start()
    answers = {path: await door.get(path) for value in VALUES for path in asked(value)}
    assert {
        path: answer.body for path, answer in answers.items() if answer.status not in (200, 400)
    } == {}


@pytest.mark.parametrize("id", IDS)
async def test_an_id_of_such_an_instant_is_one_that_there_is_not(door: Any, id: str) -> None:
    await door.function()
    for path in ("", "/payload", "/result", "/log"):
        assert (await door.get(f"/v1/invocations/{id}{path}")).status == 404
    assert (await door.get(f"/v1/deliveries/{id}")).status == 404
    assert (await door.get(f"/2023-03-30/functions/f/async-tasks/{id}")).status == 404
    assert await door.record(id) is None
    found = await door.post(at(urn(), "cancel"), json={"request_id": id})
    assert found.error() == (400, "FSS.0400")
