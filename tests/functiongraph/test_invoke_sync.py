"""Synchronous calls: v0 and v1, the headers, the log, limits, errors, and the 90 seconds."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from thence.api.functiongraph.section import FunctionGraphSettings
from thence.catalog.control import Control
from thence.config.settings import Limits
from thence.lifecycle.ids import parse_id
from thence.lifecycle.outcome import Fault, Outcome
from thence.runtimes.interface import Ended
from thence.testing.answers import Crash, Error, Forever, Ok, OutOfMemory, PlatformError

from .conftest import at, urn

SYNC = "invocations"
V1 = {"X-CFF-Request-Version": "v1"}
NAMES = [
    "ImportError", "HandlerNotFound", "HandlerNotCallable", "ResultTooLarge",
    "ResultNotSerializable", "InitializerFailed", "InitializerTimedOut", "InvalidEvent",
]  # fmt: skip
TAIL = {"X-Cff-Log-Type": "tail"}


async def call(door: Any, which: str = "", data: bytes = b'{"k": "v"}', **headers: str) -> Any:
    return await door.post(at(which or urn(), SYNC), data=data, headers=headers)


async def test_v0_is_the_return_value_as_it_is(door: Any) -> None:
    await door.function(answers=[Ok({"sum": 5})])
    found = await call(door)
    assert (found.status, found.body) == (200, b'{"sum":5}')
    assert found.headers["content-type"] == "application/json"
    assert found.headers["x-cff-response-version"] == "v0"
    assert found.headers["x-func-err-code"] == "0"
    assert found.headers["x-is-func-err"] == "false"
    assert parse_id(found.headers["x-cff-request-id"]) is not None
    assert found.headers["x-request-id"] == found.headers["x-cff-request-id"]
    assert "x-cff-function-log" not in found.headers
    assert (await door.engine.stats()).accepted == 0


async def test_v1_has_the_result_as_a_text_the_log_and_a_status(door: Any) -> None:
    await door.function(answers=[Ok({"sum": 5}, log=b"adding\n")])
    found = await call(door, **V1, **TAIL)
    assert found.json == {
        "request_id": found.headers["x-cff-request-id"],
        "result": '{"sum":5}',
        "log": "adding\n",
        "status": 200,
    }
    assert base64.b64decode(found.headers["x-cff-function-log"]) == b"adding\n"
    without = await call(door, **V1)
    assert without.json["log"] == ""


async def test_the_log_is_its_last_2000_bytes_and_never_half_a_character(door: Any) -> None:
    log = b"x" * 99 + "é".encode() * 1000 + b"y"
    await door.function(answers=[Ok(1, log=log)])
    found = await call(door, **V1, **TAIL)
    assert base64.b64decode(found.headers["x-cff-function-log"]) == log[-2000:]
    assert found.json["log"] == "é" * 999 + "y"


async def test_the_summary_measures_the_run(door: Any, monkeypatch: Any) -> None:
    await door.function(memory_mb=512)

    async def invoke(_lane: Any, _payload: bytes, **settings: Any) -> Any:
        assert settings["measure"] is True
        function = door.engine.functions.get("f")
        ended = Ended(
            Outcome.OK, duration_us=3101, result=b"1", memory_bytes=36_920_000, function=function
        )
        return 1 << 80, ended

    monkeypatch.setattr(door.engine.parts.invoke, "invoke", invoke)
    found = await call(door)
    assert json.loads(found.headers["x-cff-invoke-summary"]) == {
        "duration": 3.101,
        "billingDuration": 4,
        "memorySize": 512,
        "memoryUsed": 35.21,
    }
    assert found.headers["x-cff-billing-duration"] == "4"


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        (Error("disk is full", type="OSError"), "4002"),
        # At the same limit, the runtime has only looked first.
        (Error("7000000 bytes", type="ResultTooLarge", fault=Fault.RESULT_SIZE), "4008"),
        (Error("a set", type="ResultNotSerializable", fault=Fault.RESULT), "4007"),
        (Error("no module", type="ImportError", fault=Fault.LOAD), "4001"),
        (Error("bad syntax", type="SyntaxError", fault=Fault.LOAD), "4001"),
        (Error("no key", type="InitializerFailed", fault=Fault.INITIALIZER), "4009"),
        (Error("not JSON", type="InvalidEvent", fault=Fault.EVENT), "4002"),
        # Whatever the user's own exceptions are called.
        *((Error("mine", type=name), "4002") for name in NAMES),
        (Forever(), "4010"),
        (Crash(), "4204"),
        (OutOfMemory(), "4205"),
    ],
)
async def test_a_failed_function_is_told_with_its_code(door: Any, ends: Any, code: str) -> None:
    await door.function(answers=[ends], timeout_seconds=3)
    for headers in ({}, V1):
        asked = asyncio.ensure_future(call(door, **headers))
        await door.clock.advance(3)
        found = await asked
        assert found.status == 200
        assert found.headers["x-func-err-code"] == code
        assert found.headers["x-is-func-err"] == "true"
        body = json.loads(found.json["result"]) if headers else found.json
        assert set(body) == {"errorMessage", "errorType", "stackTrace"}
        assert body["errorMessage"].startswith("function invocation exception, error: ")
        assert not headers or found.json["status"] == 500


async def test_a_result_over_the_runtimes_own_smaller_limit_is_4004(make_door: Any) -> None:
    door = await make_door(limits=Limits(result_bytes_max=1000))
    fault = Fault.RESULT_SIZE
    await door.function(answers=[Error("1001 bytes", type="ResultTooLarge", fault=fault)])
    assert (await call(door)).headers["x-func-err-code"] == "4004"


async def test_what_the_platform_cannot_do_is_an_fss_error(door: Any) -> None:
    await door.function(answers=[PlatformError("no room")])
    found = await call(door)
    assert found.error() == (500, "FSS.0500")


async def test_at_the_ceiling_a_call_is_refused_with_429(door: Any) -> None:
    await door.function(answers=[Ok(1, seconds=10)], concurrency=1)
    first = asyncio.ensure_future(call(door))
    await door.service.settle()
    second = await call(door)
    assert second.error() == (429, "FSS.0429")
    await door.clock.advance(10)
    assert (await first).status == 200


async def test_a_disabled_function_is_refused_also_while_it_runs(door: Any) -> None:
    await door.function(answers=[Forever()])
    asked = asyncio.ensure_future(call(door))
    await door.service.settle()
    await door.engine.functions.put_control("f", Control(disabled="closed"), abort=True)
    await door.service.settle()
    assert (await asked).error() == (403, "FSS.0403")
    assert (await call(door)).error() == (403, "FSS.0403")


async def test_six_megabytes_are_taken_and_a_byte_more_is_not(make_door: Any) -> None:
    door = await make_door(functiongraph=FunctionGraphSettings(sync_payload_bytes_max=100))
    assert FunctionGraphSettings().sync_payload_bytes_max == 6 * 1024 * 1024
    await door.function(answers=[Ok(b"1" * 100), Ok(b"1" * 101)])
    assert (await call(door, data=b"1" * 100)).status == 200
    found = await call(door, data=b"1" * 101)
    assert found.error() == (413, "FSS.1201")
    found = await call(door)
    assert (found.status, found.headers["x-func-err-code"]) == (200, "4008")
    assert found.json["errorType"] == "ResultTooLarge"


async def test_after_90_seconds_the_gateway_answers_and_the_run_goes_on(door: Any) -> None:
    await door.function(answers=[Ok("late", seconds=200)], timeout_seconds=900)
    asked = asyncio.ensure_future(call(door))
    await door.clock.advance(89.9)
    assert not asked.done()
    await door.clock.advance(0.2)
    found = await asked
    assert found.error() == (504, "FSS.0504")
    assert door.service.runtime.running()
    await door.clock.advance(120)
    assert not door.service.runtime.running()
    assert not door.state.unanswered
    # It counts as what it was: a run that ended well.
    assert door.context.metrics.tally.attempts["f", Outcome.OK] == 1


async def test_the_gateways_limit_is_a_setting(make_door: Any) -> None:
    door = await make_door(functiongraph=FunctionGraphSettings(gateway_seconds=5))
    await door.function(answers=[Ok(1, seconds=5.5)])
    asked = asyncio.ensure_future(call(door))
    await door.clock.advance(5)
    assert (await asked).error() == (504, "FSS.0504")


async def test_when_the_caller_goes_away_the_run_is_ended(door: Any) -> None:
    await door.function(answers=[Forever()])
    gone = asyncio.Event()
    asked = asyncio.ensure_future(door.post(at(urn(), SYNC), gone=gone))
    await door.service.settle()
    assert door.service.runtime.running()
    gone.set()
    await door.service.settle()
    assert (await asked).status == 0
    assert not door.service.runtime.running()


async def test_an_unknown_response_version_is_refused(door: Any) -> None:
    await door.function()
    found = await call(door, **{"X-CFF-Request-Version": "v2"})
    assert found.error() == (400, "FSS.0400")


async def test_what_does_not_exist_is_not_called(door: Any) -> None:
    assert (await call(door, urn("none"))).error() == (404, "FSS.1051")


async def test_a_full_node_is_503_and_a_full_function_429(make_door: Any) -> None:
    door = await make_door({"instances_max": 1, "sync_queue_seconds": 0.0})
    await door.function("other", answers=[Forever()], timeout_seconds=600, concurrency=1)
    await door.function(answers=["ok"])
    await door.start(urn("other"))
    assert (await call(door)).error() == (503, "FSS.0503")
    assert (await call(door, urn("other"))).error() == (429, "FSS.0429")
