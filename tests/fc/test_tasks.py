"""Task records: every state as it happens, events, bodies, stopping; in all three generations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thence.api.fc.task_view import STATES, STATUSES
from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.config.settings import Retention
from thence.lifecycle.policy import RetryWait
from thence.lifecycle.states import State
from thence.testing.answers import Error, Forever, Ok, PlatformError, Throttle
from thence.testing.clock import START_MS

V3 = "/2023-03-30/functions/f"
V2 = "/2021-04-06/services/s/functions/f"
OLD = "/2016-08-15/services/s/functions/f"
GENERATIONS = [(V3, "f"), (V2, "s$f"), (OLD, "s$f")]
each_generation = pytest.mark.parametrize(("base", "name"), GENERATIONS)
UNHANDLED = "UnhandledInvocationError"


async def deploy(door: Any, name: str = "f", answers: Any = None, **config: Any) -> None:
    spec = {key: config.pop(key) for key in ("concurrency", "timeout_seconds") if key in config}
    await door.service.function(name, answers=answers, **spec)
    config.setdefault("retry_wait", RetryWait(first_seconds=10, factor=1, jitter="none"))
    await door.engine.functions.put_async_config(name, "latest", AsyncConfig(listed=True, **config))


async def start(door: Any, base: str, id: str = "t", query: str = "", **more: Any) -> str:
    headers = {"x-fc-invocation-type": "Async", "x-fc-async-task-id": id, **more.pop("headers", {})}
    answer = await door.post(f"{base}/invocations{query}", headers=headers, **more)
    assert answer.status == 202, answer.body
    await door.service.settle()
    return str(answer.headers["x-fc-request-id"])


def one(base: str, id: str = "t") -> str:
    return f"{base}/{'async-tasks' if base == V3 else 'stateful-async-invocations'}/{id}"


def stop(base: str, id: str = "t") -> str:
    return one(base, id) + ("/stop" if base == V3 else "")


async def get(door: Any, base: str = V3, id: str = "t", query: str = "") -> Any:
    answer = await door.get(one(base, id) + query)
    assert answer.status == 200, answer.body
    return answer.json


def events(task: Any) -> list[tuple[str, float, Any]]:
    """(status, seconds since the first instant, detail); the ids count from 1."""
    assert [event["eventId"] for event in task["events"]] == [
        number + 1 for number in range(len(task["events"]))
    ]
    return [
        (event["status"], (event["timestamp"] - START_MS) / 1000, json.loads(event["eventDetail"]))
        for event in task["events"]
    ]


# ---------------------------------------------------------------- the record


async def test_a_record_of_fc_3_has_its_fields(door: Any) -> None:
    await deploy(door, answers=[Ok({"r": 1}, seconds=2)])
    id = await start(door, V3, data=b'{"a":1}')
    await door.clock.advance(5)
    task = await get(door)
    assert events(task) == [
        ("Enqueued", 0, {}),
        ("Dequeued", 0, {}),
        ("Running", 0, {}),
        ("Succeeded", 2, {}),
    ]
    del task["events"]
    assert task == {
        "taskId": "t",
        "requestId": id,
        "functionArn": "acs:fc:local:thence:functions/f",
        "qualifier": "LATEST",
        "status": "Succeeded",
        "startedTime": START_MS,
        "endTime": START_MS + 2000,
        "durationMs": 2000,
        "alreadyRetriedTimes": 0,
        "instanceId": "",
        "taskPayload": '{"a":1}',
        "returnPayload": '{"r":1}',
        "taskErrorMessage": "",
        "destinationStatus": "",
    }


@pytest.mark.parametrize("base", [V2, OLD])
async def test_a_record_of_fc_2_has_its_fields(door: Any, base: str) -> None:
    await deploy(door, "s$f", answers=["r"])
    id = await start(door, base, data=b"p")
    task = await get(door, base)
    del task["events"]
    assert task == {
        "invocationId": "t",
        "requestId": id,
        "serviceName": "s",
        "functionName": "f",
        "qualifier": "LATEST",
        "status": "Succeeded",
        "startedTime": START_MS,
        "endTime": START_MS,
        "durationMs": 0,
        "alreadyRetriedTimes": 0,
        "instanceId": "",
        "invocationPayload": "p",
        "returnPayload": '"r"',
        "invocationErrorMessage": "",
        "destinationStatus": "",
    }


async def test_bytes_that_are_no_text_are_shown_in_base64(door: Any) -> None:
    await deploy(door, answers=[Ok(b"\xff\xfe")])
    await start(door, V3, data=b"\xff")
    task = await get(door)
    assert (task["taskPayload"], task["returnPayload"]) == ("/w==", "//4=")
    assert task["taskPayloadEncoding"] == task["returnPayloadEncoding"] == "base64"


async def test_an_answer_of_over_1_mib_is_left_out(door: Any) -> None:
    await deploy(door, answers=[Ok(b"x" * 1024 * 1024), Ok(b"x" * (1024 * 1024 + 1))])
    await start(door, V3, "whole")
    await start(door, V3, "over")
    assert len((await get(door, id="whole"))["returnPayload"]) == 1024 * 1024
    assert "returnPayload" not in await get(door, id="over")


# ---------------------------------------------------------------- states


@each_generation
async def test_waiting_is_enqueued(door: Any, base: str, name: str) -> None:
    await deploy(door, name, concurrency=0)
    await start(door, base)
    task = await get(door, base)
    assert task["status"] == "Enqueued" and events(task) == [("Enqueued", 0, {})]
    assert "endTime" not in task and task["durationMs"] == 0


async def test_taken_but_not_begun_is_dequeued_then_running(make_door: Any) -> None:
    door = await make_door({"ahead": 1})
    await deploy(door, answers=[Ok(seconds=5), Forever()], concurrency=1)
    await start(door, V3, "first")
    await start(door, V3, "second")
    assert (await get(door, id="first"))["status"] == "Running"
    task = await get(door, id="second")
    assert task["status"] == "Dequeued"
    assert events(task) == [("Enqueued", 0, {}), ("Dequeued", 0, {})]
    await door.clock.advance(7)
    task = await get(door, id="second")
    assert task["status"] == "Running" and events(task)[-1][0] == "Running"
    assert task["durationMs"] > 0


async def test_between_attempts_is_retrying_and_counts(door: Any) -> None:
    await deploy(door, answers=[Error("no"), Error("no"), "yes"], max_retries=3)
    await start(door, V3)
    task = await get(door)
    assert task["status"] == "Retrying" and task["alreadyRetriedTimes"] == 0
    assert task["taskErrorMessage"] == UNHANDLED and "returnPayload" not in task
    await door.clock.advance(10)
    assert (await get(door))["alreadyRetriedTimes"] == 1
    await door.clock.advance(10)
    task = await get(door)
    assert (task["status"], task["alreadyRetriedTimes"]) == ("Succeeded", 2)
    assert task["taskErrorMessage"] == ""
    failed = {"Error": UNHANDLED}
    assert events(task) == [
        ("Enqueued", 0, {}),
        ("Dequeued", 0, {}),
        ("Running", 0, {}),
        ("Retrying", 0, failed),
        ("Dequeued", 10, {}),
        ("Running", 10, {}),
        ("Retrying", 10, failed),
        ("Dequeued", 20, {}),
        ("Running", 20, {}),
        ("Succeeded", 20, {}),
    ]


@each_generation
async def test_a_failed_task_says_how(door: Any, base: str, name: str) -> None:
    await deploy(door, name, answers=[Error("no", "ValueError")], max_retries=0)
    await start(door, base)
    task = await get(door, base)
    assert task["status"] == "Failed"
    assert task["taskErrorMessage" if base == V3 else "invocationErrorMessage"] == UNHANDLED
    assert json.loads(task["returnPayload"])["errorType"] == "ValueError"
    assert events(task)[-1] == ("Failed", 0, {"Error": UNHANDLED})


@pytest.mark.parametrize(
    ("answer", "name"),
    [(Throttle(), "ResourceExhausted"), (PlatformError(), "InternalServerError")],
)
async def test_trouble_of_the_platform_is_named_while_it_is_tried_again(
    door: Any, answer: Any, name: str
) -> None:
    await deploy(door, answers=[answer, "ok"])
    await start(door, V3)
    task = await get(door)
    assert task["status"] == "Retrying" and task["taskErrorMessage"] == name
    assert events(task) == [("Enqueued", 0, {}), ("Retrying", 0, {"Error": name})]
    await door.clock.advance(0.5)
    task = await get(door)
    assert task["status"] == "Succeeded" and task["alreadyRetriedTimes"] == 1


async def test_stopping_and_stopped(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await deploy(door, answers=[Forever()])
    await start(door, V3)
    runtime = door.service.runtime
    with monkeypatch.context() as patch:
        patch.setattr(runtime, "stop", lambda id: True)  # an instance that takes its time
        assert (await door.put(stop(V3))).status == 202
        task = await get(door)
        assert task["status"] == "Stopping" and events(task)[-1][0] == "Running"
        assert (await door.put(stop(V3))).status == 202  # once more changes nothing
    runtime.stop(await door.engine.invocations.by_caller_id("f", "t"))
    await door.service.settle()
    task = await get(door)
    assert task["status"] == "Stopped" and events(task)[-1] == ("Stopped", 0, {})
    assert task["taskErrorMessage"] == ""


async def test_too_old_is_expired_and_never_ran(door: Any) -> None:
    await deploy(door, concurrency=0, max_event_age_seconds=60)
    await start(door, V3)
    await door.clock.advance(61)
    task = await get(door)
    assert task["status"] == "Expired" and door.service.scripts.starts == []
    assert [event[0] for event in events(task)] == ["Enqueued", "Expired"]
    assert task["taskErrorMessage"] and "returnPayload" not in task


async def test_of_a_deleted_version_is_invalid(door: Any) -> None:
    await deploy(door, concurrency=0)
    await door.engine.functions.publish_version("f")
    await door.engine.functions.put_async_config("f", "1", AsyncConfig(listed=True))
    await start(door, V3, query="?qualifier=1")
    await door.engine.functions.delete_version("f", "1")
    await door.service.settle()
    task = await get(door, query="?qualifier=1")
    assert task["status"] == "Invalid" and events(task)[-1][0] == "Invalid"


def test_every_state_has_a_status_and_every_status_a_state() -> None:
    assert set(STATES) == set(State)
    assert set(STATUSES) == {
        "Enqueued", "Dequeued", "Running", "Retrying", "Stopping", "Stopped", "Succeeded",
        "Failed", "Expired", "Invalid",
    }  # fmt: skip


# ---------------------------------------------------------------- the callback's state


BOX = {"type": "queue", "name": "q"}
HOOK = {"type": "webhook", "url": "http://receiver/x"}


@pytest.mark.parametrize("failing", [False, True])
async def test_the_state_of_the_callback_is_shown(door: Any, failing: bool) -> None:
    receiver = door.service.receiver(HOOK["url"])
    receiver.answers(503, 200)
    answers = [Error("no")] if failing else ["ok"]
    owed = {"on_failure" if failing else "on_success": HOOK}
    await deploy(door, answers=answers, max_retries=0, **owed)
    await start(door, V3)
    assert (await get(door))["destinationStatus"] == "Running"
    await door.clock.advance(0.5)
    assert (await get(door))["destinationStatus"] == "Succeeded"


async def test_a_callback_that_was_refused_failed(door: Any) -> None:
    door.service.receiver(HOOK["url"]).answers(400)
    await deploy(door, answers=["ok"], on_success=HOOK)
    await start(door, V3)
    assert (await get(door))["destinationStatus"] == "Failed"


async def test_stopping_a_task_that_has_ended_leaves_its_callback_alone(door: Any) -> None:
    door.service.receiver(HOOK["url"]).answers(503, 200)
    await deploy(door, answers=["ok"], on_success=HOOK)
    await start(door, V3)
    assert (await door.put(stop(V3))).error()[:2] == (400, "InvalidArgument")
    await door.clock.advance(0.5)
    assert (await get(door))["destinationStatus"] == "Succeeded"


async def test_a_stopped_task_calls_its_failure_destination(door: Any) -> None:
    await deploy(door, concurrency=0, on_failure=BOX, stop_notifies=True)
    await start(door, V3)
    assert (await door.put(stop(V3))).status == 202
    await door.service.settle()
    assert (await get(door))["destinationStatus"] == "Succeeded"
    assert len(await door.service.mail("queue:q")) == 1


# ---------------------------------------------------------------- stopping


@each_generation
async def test_a_waiting_task_that_is_stopped_never_runs(door: Any, base: str, name: str) -> None:
    await deploy(door, name)
    await start(door, base, headers={"x-fc-async-delay": "60"})
    answer = await door.put(stop(base))
    assert answer.status == 202 and answer.body == b""
    assert (await get(door, base))["status"] == "Stopped"
    await door.clock.advance(120)
    assert door.service.scripts.starts == []


@each_generation
async def test_a_running_task_that_is_stopped_is_interrupted(
    door: Any, base: str, name: str
) -> None:
    await deploy(door, name, answers=[Forever()])
    await start(door, base)
    assert (await door.put(stop(base))).status == 202
    await door.service.settle()
    assert (await get(door, base))["status"] == "Stopped" and not door.service.runtime.running()


@each_generation
async def test_a_task_that_has_ended_cannot_be_stopped(door: Any, base: str, name: str) -> None:
    await deploy(door, name, answers=["ok"])
    await start(door, base)
    status, code, message = (await door.put(stop(base))).error()
    assert (status, code) == (400, "InvalidArgument") and "Succeeded" in message
    assert (await get(door, base))["status"] == "Succeeded"


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize(
    ("base", "name", "code"),
    [
        (V3, "f", "AsyncTaskNotFound"),
        (V2, "s$f", "StatefulAsyncInvocationNotFound"),
        (OLD, "s$f", "StatefulAsyncInvocationNotFound"),
    ],
)
async def test_what_is_no_task_is_404(door: Any, base: str, name: str, code: str) -> None:
    await deploy(door, name, answers=["ok"])
    status, found, message = (await door.get(one(base, "nobody"))).error()
    assert (status, found) == (404, code) and "'nobody'" in message
    assert (await door.put(stop(base, "nobody"))).error()[:2] == (404, code)
    await door.engine.functions.put_async_config(name, "latest", AsyncConfig(listed=False))
    id = await start(door, base, "plain")
    for unlisted in ("plain", id):
        assert (await door.get(one(base, unlisted))).error()[:2] == (404, code)
    assert (await door.service.show(id)).state == "succeeded"  # it has its history all the same


@each_generation
async def test_the_function_is_looked_for_first(door: Any, base: str, name: str) -> None:
    for answer in (
        await door.get(one(base)),
        await door.put(stop(base)),
        await door.get(one(base).rpartition("/")[0]),
    ):
        code = "FunctionNotFound" if base == V3 else "ServiceNotFound"
        assert answer.error()[:2] == (404, code)


async def test_a_task_is_found_under_the_qualifier_that_its_call_named(door: Any) -> None:
    await deploy(door)
    await door.engine.functions.publish_version("f")
    await door.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    for qualifier in ("1", "prod"):
        await door.engine.functions.put_async_config("f", qualifier, AsyncConfig(listed=True))
    await start(door, V3, "of-latest")
    await start(door, V3, "of-1", "?qualifier=1")
    await start(door, V3, "of-prod", "?qualifier=prod")
    for id, right in (("of-latest", ""), ("of-1", "1"), ("of-prod", "prod")):
        for asked in ("", "LATEST", "1", "prod"):
            answer = await door.get(f"{one(V3, id)}?qualifier={asked}")
            found = asked.replace("LATEST", "") == right
            assert answer.status == (200 if found else 404), (id, asked)
    arn = (await get(door, id="of-prod", query="?qualifier=prod"))["functionArn"]
    assert arn == "acs:fc:local:thence:functions/f/prod"
    # Once an alias is gone, its tasks are still there.
    await door.engine.functions.delete_alias("f", "prod")
    assert (await get(door, id="of-prod", query="?qualifier=prod"))["qualifier"] == "prod"


async def test_the_oldest_generation_names_the_qualifier_in_the_path(door: Any) -> None:
    await deploy(door, "s$f", answers=["ok"])
    await door.engine.functions.publish_version("s$f")
    await door.engine.functions.put_async_config("s$f", "1", AsyncConfig(listed=True))
    base = OLD.replace("/s/", "/s.1/")
    await start(door, base)
    assert (await get(door, base))["qualifier"] == "1"
    assert (await door.get(one(OLD))).status == 404


async def test_ids_belong_to_one_function(door: Any) -> None:
    await deploy(door, answers=["of f"])
    await deploy(door, "g", answers=["of g"])
    await start(door, V3)
    await start(door, f"{V3[:-1]}g")
    assert (await get(door))["returnPayload"] == '"of f"'
    assert (await door.get(f"{V3[:-1]}g/async-tasks/t")).json["returnPayload"] == '"of g"'


async def test_a_task_is_kept_as_long_as_the_retention_says_by_default_7_days(
    make_door: Any,
) -> None:
    assert Retention().history_days == Retention().result_days == Retention().payload_days == 7
    kept = ("history", "payload", "result")
    door = await make_door({f"{item}_retention_seconds": 7200 for item in kept})
    await deploy(door, answers=["ok"])
    await start(door, V3)
    await door.clock.advance(7000)
    assert (await get(door))["returnPayload"] == '"ok"'
    await door.clock.advance(7200)
    assert (await door.get(one(V3))).error()[:2] == (404, "AsyncTaskNotFound")
    assert (await start(door, V3)) and (await get(door))["status"] == "Succeeded"  # its id is free
