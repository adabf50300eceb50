"""Asynchronous calls: 202 and what comes with it, in all three generations."""

from __future__ import annotations

from typing import Any

import pytest

from thence.catalog.async_config import AsyncConfig

V3 = "/2023-03-30/functions/f/invocations"
V2 = "/2021-04-06/services/s/functions/f/invocations"
OLD = "/2016-08-15/services/s/functions/f/invocations"
ASYNC = {"x-fc-invocation-type": "Async"}
WAYS = [(V3, "f"), (V2, "s$f"), (OLD, "s$f")]


async def deploy(door: Any, name: str, listed: bool = False, **spec: Any) -> None:
    await door.service.function(name, **spec)
    if listed:
        await door.engine.put_async_config(name, "latest", AsyncConfig(listed=True))


@pytest.mark.parametrize(("path", "name"), WAYS)
async def test_an_accepted_call_is_202_with_its_id_and_runs(
    door: Any, path: str, name: str
) -> None:
    await deploy(door, name, answers=["done"])
    answer = await door.post(path, data=b'{"a":1}', headers=ASYNC)
    assert answer.status == 202 and answer.body == b"", answer.body
    id = answer.headers["x-fc-request-id"]
    await door.service.settle()
    view = await door.service.show(id)
    assert view.state == "succeeded" and view.function == name
    assert door.service.scripts.starts[0].payload == b'{"a":1}'
    assert answer.headers.get("x-fc-async-task-id") == (id if path == V3 else None)


@pytest.mark.parametrize(
    ("path", "name", "task"),
    [
        (V3, "f", "/2023-03-30/functions/f/async-tasks/t-1"),
        (V2, "s$f", "/2021-04-06/services/s/functions/f/stateful-async-invocations/t-1"),
        (OLD, "s$f", "/2016-08-15/services/s/functions/f/stateful-async-invocations/t-1"),
    ],
)
async def test_the_task_is_there_in_the_same_instant(
    door: Any, path: str, name: str, task: str
) -> None:
    await deploy(door, name, listed=True)
    accepted = await door.post(path, headers={**ASYNC, "x-fc-async-task-id": "t-1"})
    found = await door.get(task)
    assert found.status == 200 and accepted.headers["x-fc-async-task-id"] == "t-1"
    assert found.json["requestId"] == accepted.headers["x-fc-request-id"]
