"""Many invocations in one request, and synchronous calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from thence.config.settings import Limits
from thence.lifecycle.outcome import Outcome
from thence.testing.answers import Crash, Error, Forever, Ok, OutOfMemory, PlatformError, Throttle

BATCH = "/v1/functions/f/invocations:batch"
INVOKE = "/v1/functions/f/invoke"
LINES = {"Content-Type": "application/x-ndjson"}


async def test_each_line_is_an_invocation(server: Any) -> None:
    await server.deploy()
    answer = await server.post(
        BATCH, data=b'{"n":1}\n"two"\r\n\n'.replace(b"\n\n", b"\n") + b"3", headers=LINES
    )
    body = answer.json
    assert answer.status == 202 and (body["accepted"], body["refused"]) == (3, 0)
    assert [item["line"] for item in body["items"]] == [1, 2, 3]
    payloads = [
        (await server.get(f"/v1/invocations/{item['id']}/payload")).body for item in body["items"]
    ]
    assert payloads == [b'{"n":1}', b'"two"', b"3"]


async def test_a_batch_with_a_key_is_accepted_once(server: Any) -> None:
    await server.deploy()
    headers = {**LINES, "Idempotency-Key": "b", "Thence-Delay-Seconds": "60"}
    first = (await server.post(BATCH, data=b"1\n2\n", headers=headers)).json
    again = (await server.post(BATCH, data=b"1\n2\n", headers=headers)).json
    assert [item["id"] for item in first["items"]] == [item["id"] for item in again["items"]]
    assert all(item["replayed"] for item in again["items"]) and await server.accepted() == 2
    mixed = (await server.post(BATCH, data=b"1\n3\n", headers=headers)).json
    assert (mixed["accepted"], mixed["refused"]) == (1, 1)
    assert mixed["items"][1]["problem"]["code"] == "idempotency_mismatch"


@pytest.mark.parametrize(
    ("data", "status", "field"),
    [
        (b"", 400, "body"),
        (b"\n\n", 400, "body"),
        (b"1\n{\n3", 400, "line 2"),
        (b"1\n\n3", 400, "line 2"),
        (b"1\n\xff", 400, "line 2"),
        (b"[" * 50_000, 400, "line 1"),
        (b"1\n" * 4, 400, "body"),
        (b'"' + b"x" * 101 + b'"', 413, None),
        (b"1" * 400, 413, None),
    ],
)
async def test_a_bad_batch_stores_nothing(
    make_server: Any, data: bytes, status: int, field: str
) -> None:
    deep = data.startswith(b"[")
    server = await make_server(
        limits=Limits(batch_max=3, payload_bytes_max=100_000 if deep else 100)
    )
    await server.deploy()
    answer = await server.post(BATCH, data=data, headers=LINES)
    assert answer.status == status and answer.problem().get("field") == field
    assert await server.accepted() == 0


async def test_a_batch_of_another_type_or_for_nobody_is_refused(server: Any) -> None:
    await server.deploy()
    answer = await server.post(BATCH, data=b"1", headers={"Content-Type": "text/csv"})
    assert answer.status == 415 and answer.problem()["field"] == "Content-Type"
    answer = await server.post(BATCH.replace("/f/", "/g/"), data=b"1", headers=LINES)
    assert answer.status == 404 and answer.problem()["code"] == "function_not_found"
    server.engine.parts.accept.closed = True
    assert (await server.post(BATCH, data=b"1\n2", headers=LINES)).status == 503


async def test_a_thousand_lines_are_taken_in_one_request(server: Any) -> None:
    await server.deploy(concurrency=0)
    answer = await server.post(BATCH, data=b'{"a":1}\n' * 1000, headers=LINES)
    assert (
        answer.json["accepted"] == 1000
        and len({item["id"] for item in answer.json["items"]}) == 1000
    )
    assert (await server.post(BATCH, data=b"1\n" * 1001, headers=LINES)).problem()["limit"] == 1000


# ---------------------------------------------------------------- synchronous calls


async def test_a_synchronous_call_answers_the_result_as_it_is(server: Any) -> None:
    await server.deploy(answers=[{"sum": 3}, b"\x00\x01"])
    answer = await server.post(INVOKE, data=b"{}")
    assert answer.status == 200 and answer.json == {"sum": 3}
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["thence-invocation-id"]) == 36
    assert float(answer.headers["thence-duration-ms"]) >= 0
    assert (await server.post(INVOKE, data=b"{}")).body == b"\x00\x01"
    assert await server.accepted() == 0  # nothing is kept


@pytest.mark.parametrize(
    ("scripted", "status", "code"),
    [
        (Error("no", type="ValueError", log=b"last words"), 502, "function_error"),
        (Crash(), 502, "function_crashed"),
        (OutOfMemory(), 502, "function_out_of_memory"),
        (Ok(1, seconds=60), 504, "function_timed_out"),
        (Throttle(retry_after_seconds=7), 429, "function_throttled"),
        (PlatformError(), 503, "platform_error"),
        (PlatformError(type="InstanceNotStarted"), 503, "platform_error"),
    ],
)
async def test_how_a_synchronous_call_failed_is_in_its_status(
    server: Any, scripted: Any, status: int, code: str
) -> None:
    await server.deploy(answers=[scripted], timeout_seconds=0.01)
    answer = await server.post(INVOKE, data=b"{}")
    problem = answer.problem()
    assert (answer.status, problem["code"]) == (status, code)
    assert problem["function"] == "f" and problem["outcome"] in {str(item) for item in Outcome}
    if code == "function_error":
        assert problem["error"]["type"] == "ValueError" and problem["log_tail"] == "last words"
    if status == 429:
        assert answer.headers["retry-after"] == "7"
    if problem["outcome"] == Outcome.NO_RESOURCES:
        assert answer.headers["retry-after"] == "1"


async def test_a_synchronous_call_of_a_paused_function_is_answered_429(server: Any) -> None:
    await server.deploy(concurrency=0)
    answer = await server.post(INVOKE, data=b"{}")
    assert answer.status == 429 and answer.problem()["code"] == "throttled"
    assert answer.headers["retry-after"]


async def test_bad_synchronous_calls_are_refused(server: Any) -> None:
    await server.deploy()
    for path, status in (
        (INVOKE.replace("/f/", "/g/"), 404),
        (INVOKE + "?qualifier=v1", 404),
        (INVOKE + "?x=1", 400),
    ):
        assert (await server.post(path, data=b"{}")).status == status
    assert (await server.post(INVOKE, data=b"x" * (1 << 21))).status == 413


async def test_when_the_caller_goes_its_call_is_ended(server: Any) -> None:
    await server.deploy(answers=[Forever()], concurrency=1)
    function = server.engine.parts.catalogue.get("f")

    async def used(slots: int) -> None:
        while server.engine.parts.runtime.limits(function)[0] != slots:  # noqa: ASYNC110
            await asyncio.sleep(0)  # a synchronous call gives no notice of its run

    asking = asyncio.ensure_future(server.post(INVOKE, data=b"{}"))
    await asyncio.wait_for(used(1), 20)
    asking.cancel()
    await asyncio.wait_for(used(0), 20)


@pytest.mark.parametrize("name", ["Idempotency-Key", "Thence-Delay-Seconds"])
async def test_a_synchronous_call_refuses_what_it_cannot_heed(server: Any, name: str) -> None:
    await server.deploy()
    answer = await server.post(INVOKE, data=b"{}", headers={name: "5"})
    assert (answer.status, answer.json["field"]) == (400, name)
    assert "/v1/functions/f/invocations" in answer.json["detail"]
