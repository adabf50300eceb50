"""Lists of tasks: every filter, pages, bodies; and the functions that have tasks."""

from __future__ import annotations

from typing import Any

import pytest

from thence.api.fc import tasks
from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.lifecycle.policy import RetryWait
from thence.testing.answers import Error, Forever, Ok
from thence.testing.clock import START_MS

V3 = "/2023-03-30/functions/f"
V2 = "/2021-04-06/services/s/functions/f"
OLD = "/2016-08-15/services/s/functions/f"
each_generation = pytest.mark.parametrize(("base", "name"), [(V3, "f"), (V2, "s$f"), (OLD, "s$f")])
ASYNC = {"x-fc-invocation-type": "Async"}
MIB = 1024 * 1024


async def deploy(door: Any, name: str = "f", answers: Any = None, **spec: Any) -> None:
    await door.service.function(name, answers=answers, **spec)
    config = AsyncConfig(
        listed=True, max_retries=1, retry_wait=RetryWait(first_seconds=3600, jitter="none")
    )
    await door.engine.functions.put_async_config(name, "latest", config)


async def start(door: Any, base: str, *ids: str, query: str = "", **more: Any) -> None:
    """Calls with these task ids, one each second."""
    for id in ids:
        headers = {**ASYNC, "x-fc-async-task-id": id, **more.get("headers", {})}
        rest = {"data": more.get("data", b"p-" + id.encode())}
        answer = await door.post(f"{base}/invocations{query}", headers=headers, **rest)
        assert answer.status == 202, answer.body
        await door.clock.advance(1)


async def page(door: Any, base: str = V3, **query: Any) -> tuple[list[Any], str]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    word = "async-tasks" if base == V3 else "stateful-async-invocations"
    answer = await door.get(f"{base}/{word}?{text}")
    assert answer.status == 200, answer.body
    shown = answer.json
    return shown["tasks" if base == V3 else "invocations"], shown.get("nextToken", "")


async def ids(door: Any, base: str = V3, **query: Any) -> list[str]:
    """The ids on the one page that there is."""
    found, token = await page(door, base, **query)
    assert token == ""
    return [entry["taskId" if base == V3 else "invocationId"] for entry in found]


# ---------------------------------------------------------------- order and pages


@each_generation
async def test_a_list_is_newest_first_unless_asked_otherwise(
    door: Any, base: str, name: str
) -> None:
    await deploy(door, name)
    await start(door, base, "a", "c", "b")
    assert await ids(door, base) == ["b", "c", "a"]
    assert await ids(door, base, sortOrderByTime="desc") == ["b", "c", "a"]
    assert await ids(door, base, sortOrderByTime="asc") == ["a", "c", "b"]


@each_generation
async def test_an_empty_list_has_its_array(door: Any, base: str, name: str) -> None:
    await deploy(door, name)
    assert await page(door, base) == ([], "")


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_hold_everything_once(door: Any, order: str) -> None:
    await deploy(door)
    names = [f"t{number:02d}" for number in range(25)]
    await start(door, V3, *names)
    found: list[str] = []
    sizes: list[int] = []
    query = {"sortOrderByTime": order, "limit": 10}
    token = ""
    while True:
        items, token = await page(door, **query, **({"nextToken": token} if token else {}))
        found += [item["taskId"] for item in items]
        sizes.append(len(items))
        if not token:
            break
    assert found == (names if order == "asc" else names[::-1]) and sizes == [10, 10, 5]


async def test_a_page_has_20_unless_asked_otherwise(door: Any) -> None:
    await deploy(door)
    await start(door, V3, *(f"t{number}" for number in range(21)))
    items, token = await page(door)
    assert len(items) == 20 and token
    assert len((await page(door, limit=100))[0]) == 21


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"nextToken": "nonsense"},
        {"status": "succeeded"},
        {"status": "Processed"},
        {"sortOrderByTime": "up"},
        {"includePayload": "perhaps"},
        {"startedTimeBegin": "yesterday"},
        {"startedTimeEnd": "-1"},
    ],
)
async def test_a_value_of_no_meaning_is_refused_by_name(door: Any, query: dict[str, Any]) -> None:
    await deploy(door)
    ((name, value),) = query.items()
    status, code, message = (await door.get(f"{V3}/async-tasks?{name}={value}")).error()
    assert (status, code) == (400, "InvalidArgument")
    assert message.startswith(name) and str(value) in message


async def test_a_page_is_filled_from_short_ones_of_the_store_within_a_bound(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deploy(door)
    await start(door, V3, *(f"t{number}" for number in range(8)))
    listed = door.engine.invocations.listed
    asked = []

    async def short(name: str, filter: Any, limit: int, *rest: Any, **more: Any) -> Any:
        asked.append(limit)
        return await listed(name, filter, 1, *rest, **more)

    monkeypatch.setattr(door.engine.invocations, "listed", short)
    items, token = await page(door, limit=5)
    assert len(items) == 5 and token and asked == [5, 4, 3, 2, 1]
    monkeypatch.setattr(tasks, "STORE_PAGES_MAX", 2)
    items, token = await page(door, limit=5)
    assert len(items) == 2 and token


# ---------------------------------------------------------------- filters


async def in_every_state(door: Any, base: str, name: str) -> None:
    """A task in each state that can be kept standing, named after it."""
    await deploy(
        door,
        name,
        [Ok(), Error(), Error(), Error(), Forever(), Forever()],
        concurrency=2,
    )
    await start(door, base, "Succeeded", "Failed")
    await door.clock.advance(3600)
    await start(door, base, "Retrying", "Running", "Running2", "Enqueued")
    await start(door, base, "Stopped", headers={"x-fc-async-delay": "7200"})
    stop = "async-tasks/Stopped/stop" if base == V3 else "stateful-async-invocations/Stopped"
    assert (await door.put(f"{base}/{stop}")).status == 202


@each_generation
async def test_a_status_finds_its_tasks_only(door: Any, base: str, name: str) -> None:
    await in_every_state(door, base, name)
    for status in ("Succeeded", "Failed", "Retrying", "Enqueued", "Stopped"):
        assert await ids(door, base, status=status) == [status]
    assert await ids(door, base, status="Running") == ["Running2", "Running"]
    for status in ("Dequeued", "Stopping", "Expired", "Invalid"):
        assert await ids(door, base, status=status) == []
    assert len(await ids(door, base)) == 7


async def test_dequeued_and_running_are_told_apart(make_door: Any) -> None:
    door = await make_door({"ahead": 1})
    await deploy(door, answers=[Forever()], concurrency=1)
    await start(door, V3, "runs", "taken")
    assert await ids(door, status="Running") == ["runs"]
    assert await ids(door, status="Dequeued") == ["taken"]


@each_generation
async def test_a_prefix_finds_ids_that_begin_so(door: Any, base: str, name: str) -> None:
    await deploy(door, name)
    await start(door, base, "job-1", "job-2", "other", "JOB-3", "job_4")
    word = "prefix" if base == V3 else "invocationIdPrefix"
    assert await ids(door, base, **{word: "job-"}) == ["job-2", "job-1"]
    assert await ids(door, base, **{word: "%25"}) == []
    assert len(await ids(door, base, **{word: ""})) == 5


@each_generation
async def test_times_are_those_of_the_calls_with_both_ends(door: Any, base: str, name: str) -> None:
    await deploy(door, name)
    await start(door, base, "t0", "t1", "t2", "t3")
    found = (await page(door, base))[0]
    assert [entry["startedTime"] for entry in found] == [START_MS + n * 1000 for n in (3, 2, 1, 0)]
    begin, end = START_MS + 1000, START_MS + 2000
    assert await ids(door, base, startedTimeBegin=begin, startedTimeEnd=end) == ["t2", "t1"]
    assert await ids(door, base, startedTimeBegin=begin + 1) == ["t3", "t2"]
    assert await ids(door, base, startedTimeEnd=end - 1) == ["t1", "t0"]


async def test_a_qualifier_finds_what_was_called_by_it(door: Any) -> None:
    await deploy(door)
    await door.engine.functions.publish_version("f")
    await door.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    for qualifier in ("1", "prod"):
        await door.engine.functions.put_async_config("f", qualifier, AsyncConfig(listed=True))
        await start(door, V3, f"by-{qualifier}", query=f"?qualifier={qualifier}")
    await start(door, V3, "by-none")
    assert await ids(door) == await ids(door, qualifier="LATEST") == ["by-none"]
    assert await ids(door, qualifier="1") == ["by-1"]
    assert await ids(door, qualifier="prod") == ["by-prod"]


async def test_filters_count_together(door: Any) -> None:
    await in_every_state(door, V3, "f")
    assert await ids(door, status="Running", prefix="Running2") == ["Running2"]
    assert await ids(door, status="Running", startedTimeEnd=START_MS) == []
    oldest = await ids(door, prefix="R", sortOrderByTime="asc")
    assert oldest == ["Retrying", "Running", "Running2"]


async def test_calls_outside_of_task_mode_are_not_listed(door: Any) -> None:
    await deploy(door)
    await start(door, V3, "task")
    await door.engine.functions.put_async_config("f", "latest", AsyncConfig())
    await start(door, V3, "plain")
    assert await ids(door) == ["task"]


# ---------------------------------------------------------------- bodies


@each_generation
async def test_bodies_are_shown_when_asked_for(door: Any, base: str, name: str) -> None:
    await deploy(door, name, ["r1", "r2"])
    await start(door, base, "a", "b")
    payload = "taskPayload" if base == V3 else "invocationPayload"
    for word in ("false", "False", ""):
        for item in (await page(door, base, includePayload=word))[0]:
            assert payload not in item and "returnPayload" not in item
    shown = (await page(door, base, includePayload="True"))[0]
    assert [(entry[payload], entry["returnPayload"]) for entry in shown] == [
        ("p-b", '"r2"'),
        ("p-a", '"r1"'),
    ]


async def test_a_page_of_large_bodies_ends_early_with_a_token(door: Any) -> None:
    await deploy(door, answers=[Ok(b"x" * MIB)])
    names = [f"t{number:02d}" for number in range(24)]
    await start(door, V3, *names)
    found, token, pages = [], "", 0
    while pages == 0 or token:
        more = {"nextToken": token} if token else {}
        items, token = await page(door, includePayload="true", limit=100, **more)
        assert sum(len(item["returnPayload"]) for item in items) <= 8 * MIB + 10 * MIB
        found += [item["taskId"] for item in items]
        pages += 1
    assert found == names[::-1] and pages == 3


# ---------------------------------------------------------------- which functions have tasks


@pytest.mark.parametrize("prefix", ["/2021-04-06", "/2016-08-15"])
async def test_functions_in_task_mode_are_listed_by_qualifier(door: Any, prefix: str) -> None:
    for name in ("f", "s$f", "s$g", "t$f"):
        await deploy(door, name)
    await door.engine.functions.publish_version("s$f")
    await door.engine.functions.put_async_config("s$f", "1", AsyncConfig(listed=True))
    await door.engine.functions.put_async_config("s$g", "latest", AsyncConfig(listed=False))
    answer = await door.get(f"{prefix}/stateful-async-invocation-functions?limit=2")
    first = answer.json
    assert first["data"] == [
        {"serviceName": "s", "functionName": "f", "qualifier": "1"},
        {"serviceName": "s", "functionName": "f", "qualifier": "LATEST"},
    ]
    rest = f"{prefix}/stateful-async-invocation-functions?nextToken={first['nextToken']}"
    second = (await door.get(rest)).json
    assert second["data"] == [{"serviceName": "t", "functionName": "f", "qualifier": "LATEST"}]
    assert not second.get("nextToken")


async def test_with_no_function_in_task_mode_the_array_is_there(door: Any) -> None:
    assert (await door.get("/2021-04-06/stateful-async-invocation-functions")).json == {"data": []}
