"""Asynchronous calls: 202 and a request id once it is on disk; refusals before that."""

from __future__ import annotations

from typing import Any

import pytest

from thence.api.functiongraph.section import FunctionGraphSettings
from thence.catalog.alias import Alias
from thence.catalog.control import Control
from thence.lifecycle.ids import parse_id
from thence.testing.answers import Error, Ok

from .conftest import PROJECT, at, urn

ASYNC = "invocations-async"


async def accepted(door: Any) -> int:
    return int((await door.engine.stats()).accepted)


async def test_it_answers_202_with_nothing_but_the_request_id(door: Any) -> None:
    await door.function()
    found = await door.post(at(urn(), ASYNC), data=b'{"k": "v"}')
    assert found.status == 202
    assert list(found.json) == ["request_id"]
    assert found.headers["x-cff-request-id"] == found.json["request_id"]
    view = await door.service.show(found.json["request_id"])
    payload, _ = await door.engine.parts.store.payload(view.id)
    assert payload.data == b'{"k": "v"}'


@pytest.mark.parametrize(
    "form",
    ["f", "default:f", f"{PROJECT}:default:f", f"{PROJECT}:default:f:latest", urn(version=None)],
)
async def test_every_form_of_a_urn_names_the_function(door: Any, form: str) -> None:
    await door.function()
    await door.start(form)
    assert await accepted(door) == 1


async def test_an_alias_and_a_version_are_called_by_their_urns(door: Any) -> None:
    await door.function()
    await door.engine.functions.publish_version("f", version="v1")
    await door.engine.functions.put_alias("f", Alias(name="prod", version="v1"), create=True)
    by_alias = await door.start(urn(version="!prod"))
    by_version = await door.start(urn(version="v1"))
    assert (await door.service.show(by_alias)).version == "v1"
    assert (await door.record(by_alias, urn(version="!prod")))["status"] == "SUCCESS"
    assert (await door.record(by_version, urn(version="v1")))["status"] == "SUCCESS"
    assert await door.record(by_alias, urn(version="v1")) is None


async def test_a_body_of_256_kb_is_taken_and_a_byte_more_is_not(door: Any) -> None:
    await door.function()
    await door.start(data=b" " * (256 * 1024 - 1) + b"1")
    found = await door.post(at(urn(), ASYNC), data=b" " * (256 * 1024 + 1))
    assert found.error() == (413, "FSS.1201")
    assert "262144" in found.message()
    assert await accepted(door) == 1


async def test_the_limit_of_a_body_is_a_setting(make_door: Any) -> None:
    door = await make_door(functiongraph=FunctionGraphSettings(async_payload_bytes_max=10))
    await door.function()
    await door.start(data=b"1234567890")
    found = await door.post(at(urn(), ASYNC), data=b"12345678901")
    assert found.error() == (413, "FSS.1201")


@pytest.mark.parametrize(
    ("which", "code"),
    [
        (urn("none"), "FSS.1051"),
        (urn(version="v9"), "FSS.1052"),
        (urn(version="!none"), "FSS.1053"),
    ],
)
async def test_what_does_not_exist_takes_no_event(door: Any, which: str, code: str) -> None:
    await door.function()
    assert (await door.post(at(which, ASYNC))).error() == (404, code)
    assert await accepted(door) == 0


async def test_a_disabled_function_takes_no_event(door: Any) -> None:
    await door.function()
    await door.engine.functions.put_control("f", Control(disabled="closed"))
    assert (await door.post(at(urn(), ASYNC))).error() == (403, "FSS.0403")
    assert await accepted(door) == 0


async def test_without_settings_a_function_error_is_not_retried(door: Any) -> None:
    await door.function(answers=[Error("disk is full"), Ok(1)])
    id = await door.start()
    await door.clock.advance(3600)
    assert await door.record(id) == {
        "request_id": id,
        "status": "FAIL",
        "error_code": 4002,
        "error_message": "function invocation exception, error: disk is full",
        "start_time": "2026-01-01T00:00:00",
        "end_time": "2026-01-01T00:00:00",
    }


async def test_ids_are_those_of_the_invocations(door: Any) -> None:
    await door.function()
    id = await door.start()
    assert await door.engine.invocations.by_caller_id("f", id) == parse_id(id)


async def test_a_memory_size_that_the_vendor_has_is_taken_and_another_is_not(door: Any) -> None:
    await door.function()
    path = at(urn(), ASYNC)
    assert (await door.post(path, headers={"X-Cff-Instance-Memory": "512"})).status == 202
    found = await door.post(path, headers={"X-Cff-Instance-Memory": "100"})
    assert found.error() == (400, "FSS.1007")


async def test_a_trace_goes_on(door: Any) -> None:
    await door.function()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    found = await door.post(at(urn(), ASYNC), headers={"traceparent": trace})
    assert (await door.service.show(found.json["request_id"])).meta.traceparent == trace


async def test_a_function_may_run_for_twelve_hours(door: Any) -> None:
    await door.function(answers=[Ok(1, seconds=12 * 3600 - 1)], timeout_seconds=12 * 3600)
    id = await door.start()
    await door.clock.advance(12 * 3600 - 2)
    assert (await door.record(id))["status"] == "RUNNING"
    await door.clock.advance(2)
    assert (await door.record(id))["status"] == "SUCCESS"
