"""Synchronous calls: the function's answer or how it failed, once, with nothing kept."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from thence.api.fc.code import crc64
from thence.api.fc.section import FcSettings
from thence.catalog.alias import Alias
from thence.catalog.control import Control
from thence.lifecycle.ids import parse_id
from thence.lifecycle.outcome import Outcome
from thence.runtimes.interface import Ended
from thence.testing.answers import (
    Crash,
    Error,
    Forever,
    Lost,
    Ok,
    OutOfMemory,
    PlatformError,
    Throttle,
)
from thence.testing.service import CODE

V3 = "/2023-03-30/functions/f/invocations"
V2 = "/2021-04-06/services/s/functions/f/invocations"
OLD = "/2016-08-15/services/s/functions/f/invocations"
each_generation = pytest.mark.parametrize(("path", "name"), [(V3, "f"), (V2, "s$f"), (OLD, "s$f")])
EXPOSED = (
    "Date,x-fc-request-id,x-fc-error-type,x-fc-code-checksum,x-fc-invocation-duration,"
    "x-fc-max-memory-usage,x-fc-log-result,x-fc-invocation-code-version"
)


async def nothing_kept(door: Any) -> None:
    stats = await door.engine.stats()
    assert stats.accepted == 0 and await door.service.verify() == []


@each_generation
@pytest.mark.parametrize("headers", [{}, {"x-fc-invocation-type": "Sync"}])
async def test_the_answer_is_the_functions_bytes(
    door: Any, path: str, name: str, headers: dict[str, str]
) -> None:
    await door.service.function(name, answers=[Ok(b"\x00\xff bytes")])
    answer = await door.post(path, data=b'{"a":1}', headers=headers)
    assert answer.status == 200 and answer.body == b"\x00\xff bytes"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "x-fc-error-type" not in answer.headers and "x-fc-log-result" not in answer.headers
    assert door.service.scripts.starts[0].payload == b'{"a":1}'
    await nothing_kept(door)


async def test_an_answer_has_every_header(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await door.service.function("f", answers=[Ok("x", seconds=1.5)])
    runtime, measured = door.service.runtime, []

    def submit(run: Any) -> None:
        measured.append(run.measure)
        done = run.done

        def filled(run: Any, ended: Ended) -> None:
            ended.memory_bytes, ended.instance = 26_738_688, "i-1"
            done(run, ended)

        run.done = filled
        type(runtime).submit(runtime, run)

    monkeypatch.setattr(runtime, "submit", submit)
    task = asyncio.ensure_future(door.post(V3))
    await door.clock.advance(2)
    headers = (await task).headers
    assert measured == [True]
    assert parse_id(headers["x-fc-request-id"]) == door.service.scripts.starts[0].id
    assert headers["x-fc-invocation-duration"] == "1500"
    assert headers["x-fc-max-memory-usage"] == "25.50"
    assert headers["x-fc-code-checksum"] == crc64(CODE)
    assert headers["x-fc-invocation-service-version"] == "LATEST"
    assert headers["x-fc-invocation-code-version"] == "latest"
    assert headers["x-fc-instance-id"] == "i-1"
    assert headers["access-control-expose-headers"] == EXPOSED


@pytest.mark.parametrize("mark", ["$", "%24", "."])
async def test_a_qualifier_may_stand_behind_a_dollar_in_the_oldest_paths(
    door: Any, mark: str
) -> None:
    """As aliyun-fc2 before 2.1 writes it."""
    await door.service.function("s$f", answers=["x"])
    await door.engine.functions.publish_version("s$f")
    await door.engine.functions.put_alias("s$f", Alias("prod", "1"), create=True)
    found = await door.post(OLD.replace("/s/", f"/s{mark}prod/"))
    assert found.headers["x-fc-invocation-service-version"] == "1"
    home = f"/2016-08-15/services/s{mark}prod/functions"
    assert [function["functionName"] for function in (await door.get(home)).json["functions"]] == [
        "f"
    ]
    assert (await door.get(f"{home}/f")).status == (await door.get(f"{home}/f/code")).status == 200


@each_generation
async def test_the_version_that_answered_is_named(door: Any, path: str, name: str) -> None:
    await door.service.function(name, answers=["x"])
    await door.engine.functions.publish_version(name)
    await door.engine.functions.publish_version(name)
    await door.engine.functions.put_alias(name, Alias("prod", "1", {"2": 1.0}), create=True)
    path = path.replace("/s/", "/s.prod/") if path == OLD else f"{path}?qualifier=prod"
    headers = (await door.post(path)).headers
    assert headers["x-fc-invocation-service-version"] == "2"
    assert headers["x-fc-invocation-code-version"] == "2"


@pytest.mark.parametrize(
    ("answers", "body"),
    [
        (Error("no", "ValueError"), '"errorMessage": "no"'),
        (Crash(), "Process exited unexpectedly before completing request (duration: 0ms)"),
        (OutOfMemory(), "Process exited unexpectedly before completing request (duration: 0ms)"),
    ],
)
async def test_a_function_that_failed_is_200_with_its_error_and_is_not_tried_again(
    door: Any, answers: Any, body: str
) -> None:
    await door.service.function("f", answers=[answers], max_retries=3)
    answer = await door.post(V3)
    assert answer.status == 200 and body in answer.body.decode() and answer.json["errorMessage"]
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert answer.headers["content-type"] == "application/octet-stream"
    await door.clock.advance(3600)
    assert len(door.service.scripts.starts) == 1
    await nothing_kept(door)


async def test_a_function_that_ran_out_of_time_says_so(door: Any) -> None:
    await door.service.function("f", answers=[Forever()], timeout_seconds=3)
    task = asyncio.ensure_future(door.post(V3))
    await door.clock.advance(3)
    answer = await task
    assert answer.status == 200 and answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert answer.json == {"errorMessage": "Function timed out after 3 seconds"}


@pytest.mark.parametrize("failed", [False, True])
async def test_the_tail_is_the_last_4_kib_of_the_log(door: Any, failed: bool) -> None:
    log = b"a" * 5000 + b"end"
    await door.service.function("f", answers=[Error(log=log) if failed else Ok(log=log)])
    headers = (await door.post(V3, headers={"x-fc-log-type": "Tail"})).headers
    assert base64.b64decode(headers["x-fc-log-result"]) == log[-4096:]


async def test_a_tail_without_output_is_empty(door: Any) -> None:
    await door.service.function("f", answers=["x"])
    assert (await door.post(V3, headers={"x-fc-log-type": "Tail"})).headers["x-fc-log-result"] == ""
    headers = {"x-fc-log-type": "None"}
    assert "x-fc-log-result" not in (await door.post(V3, headers=headers)).headers


@each_generation
@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            {"x-fc-invocation-type": "async"},
            "InvocationType is set to an invalid value (allowed: Sync | Async, actual: 'async')",
        ),
        (
            {"x-fc-log-type": "Invalid"},
            "LogType is set to an invalid value (allowed: Tail | None, actual: 'Invalid')",
        ),
    ],
)
async def test_a_header_of_no_meaning_is_refused(
    door: Any, path: str, name: str, headers: dict[str, str], message: str
) -> None:
    await door.service.function(name)
    assert (await door.post(path, headers=headers)).error() == (400, "InvalidArgument", message)
    assert door.service.scripts.starts == []


async def test_what_only_an_asynchronous_call_can_have_is_not_looked_at(door: Any) -> None:
    await door.service.function("f", answers=["x"])
    headers = {"x-fc-async-task-id": "t", "x-fc-async-delay": "60"}
    answer = await door.post(V3, headers=headers)
    assert answer.status == 200 and "x-fc-async-task-id" not in answer.headers


@each_generation
async def test_at_the_ceiling_a_call_is_429_at_once(door: Any, path: str, name: str) -> None:
    await door.service.function(name, answers=[Forever()], concurrency=1)
    held = asyncio.ensure_future(door.post(path))
    await door.service.settle()
    assert (await door.post(path)).error()[:2] == (429, "ResourceExhausted")
    assert len(door.service.scripts.starts) == 1
    held.cancel()


async def test_at_the_ceiling_of_all_versions_a_call_is_429_at_once(door: Any) -> None:
    await door.service.function("f", answers=[Forever()])
    await door.engine.functions.put_control("f", Control(limit=1))
    held = asyncio.ensure_future(door.post(V3))
    await door.service.settle()
    assert (await door.post(V3)).error()[:2] == (429, "ResourceExhausted")
    await door.engine.functions.put_control("f", Control(limit=0))
    assert (await door.post(V3)).error()[:2] == (429, "ResourceExhausted")
    held.cancel()


@pytest.mark.parametrize(
    ("answers", "status", "code"),
    [
        (Throttle(), 429, "ResourceExhausted"),
        (PlatformError(), 500, "InternalServerError"),
        (Lost(), 500, "InternalServerError"),
    ],
)
async def test_trouble_of_the_platform_has_its_status_and_is_not_tried_again(
    door: Any, answers: Any, status: int, code: str
) -> None:
    await door.service.function("f", answers=[answers, "ok"])
    answer = await door.post(V3)
    assert answer.error()[:2] == (status, code) and "x-fc-error-type" not in answer.headers
    await door.clock.advance(3600)
    assert len(door.service.scripts.starts) == 1


async def test_no_room_to_run_it_is_503(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await door.service.function("f")
    ended = Ended(Outcome.NO_RESOURCES, error_type="InstanceNotStarted", error_message="no memory")
    monkeypatch.setattr(door.service.runtime, "submit", lambda run: run.done(run, ended))
    assert (await door.post(V3)).error()[:2] == (503, "ResourceThrottled")


async def test_a_service_that_shuts_down_is_503(door: Any) -> None:
    await door.service.function("f")
    door.engine.parts.invoke.closed = True
    assert (await door.post(V3)).error()[:2] == (503, "ResourceThrottled")


async def test_a_disabled_function_takes_no_call_and_ends_those_that_run(door: Any) -> None:
    await door.service.function("f", answers=[Forever()])
    held = asyncio.ensure_future(door.post(V3))
    await door.service.settle()
    await door.engine.functions.put_control("f", Control(disabled="broken"), abort=True)
    assert (await held).error()[:2] == (403, "AccessDenied")
    status, code, message = (await door.post(V3)).error()
    assert (status, code) == (403, "AccessDenied") and "broken" in message


async def test_a_caller_that_goes_away_ends_the_run(door: Any) -> None:
    await door.service.function("f", answers=[Forever()], concurrency=1)
    gone = asyncio.Event()
    held = asyncio.ensure_future(door.request("POST", V3, gone=gone))
    await door.service.settle()
    assert door.service.runtime.running()
    gone.set()
    assert (await held).status == 0
    await door.service.settle()
    assert not door.service.runtime.running()
    door.service.scripts.set("f", ["free"])
    assert (await door.post(V3)).body == b'"free"'


@each_generation
async def test_32_mib_are_taken_and_no_byte_more(door: Any, path: str, name: str) -> None:
    await door.service.function(name, answers=["x"])
    limit = 32 * 1024 * 1024
    assert (await door.post(path, data=b"x" * limit)).status == 200
    assert (await door.post(path, data=b"x" * (limit + 1))).error() == (
        400,
        "EntityTooLarge",
        "payload size exceeds maximum allowed size (33554432 bytes)",
    )
    pieces = [b"x" * (limit // 2)] * 2 + [b"x"]
    assert (await door.post(path, data=pieces)).error()[1] == "EntityTooLarge"


async def test_the_limit_is_a_setting(make_door: Any) -> None:
    door = await make_door(fc=FcSettings(sync_payload_bytes_max=3))
    await door.service.function("f")
    assert (await door.post(V3, data=b"abc")).status == 200
    assert "(3 bytes)" in (await door.post(V3, data=b"abcd")).error()[2]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (V3.replace("/f/", "/g/"), "FunctionNotFound"),
        (f"{V3}?qualifier=7", "VersionNotFound"),
        (f"{V3}?qualifier=x", "AliasNotFound"),
        (V2, "ServiceNotFound"),
    ],
)
async def test_what_is_not_there_is_404(door: Any, path: str, code: str) -> None:
    await door.service.function("f")
    assert (await door.post(path)).error()[:2] == (404, code)


async def test_a_function_deleted_while_it_runs_still_answers(door: Any) -> None:
    await door.service.function("f", answers=[Ok("late", seconds=1)])
    held = asyncio.ensure_future(door.post(V3))
    await door.service.settle()
    await door.engine.functions.delete("f")
    await door.clock.advance(1)
    answer = await held
    assert answer.status == 200 and answer.body == b'"late"'


async def test_a_full_node_is_503_and_a_full_function_429(make_door: Any) -> None:
    door = await make_door({"instances_max": 1, "sync_queue_seconds": 0.0})
    await door.service.function("other", answers=[Forever()], timeout_seconds=600, concurrency=1)
    await door.service.function("f", answers=["ok"])
    await door.service.invoke("other")
    await door.service.settle()
    assert (await door.post(V3)).error()[:2] == (503, "ResourceThrottled")
    found = await door.post(V3.replace("/f/", "/other/"))
    assert found.error()[:2] == (429, "ResourceExhausted")
