"""The whole life of a request in virtual time: three retries, the validity period, and a notification
to each target."""

from __future__ import annotations

import json
from typing import Any

from thence.testing.answers import Error, Forever, Ok

from .conftest import PROJECT, REGION, at, urn

DAY = 86_400
SLOW = {"lease_seconds": 7200.0}  # fewer renewals on the way through a day


def target(kind: str, **param: Any) -> dict[str, str]:
    return {"destination": kind, "param": json.dumps(param)}


OBS = target("OBS", bucket="results", prefix="ok/", expires=1)
SMN = target("SMN", topic_urn=f"urn:smn:{REGION}:{PROJECT}:alerts")
DIS = target("DIS", stream_name="stream")
NEXT = target("FunctionGraph", func_urn=urn("next"))


async def objects(door: Any, bucket: str = "results") -> list[Any]:
    found = await door.engine.parts.store.mailbox_read("bucket", bucket, 0, 100)
    return list(found)


async def test_three_retries_then_failed_and_told(door: Any) -> None:
    await door.function(answers=[Error("disk is full", type="OSError")])
    await door.settings_of(
        max_async_retry_attempts=3, destination_config={"on_success": OBS, "on_failure": SMN}
    )
    id = await door.start(data=b'{"n":1}')
    await door.clock.advance(3600)
    assert len(door.service.starts("f")) == 4
    record = await door.record(id)
    assert (record["status"], record["error_code"]) == ("FAIL", 4002)
    [message] = await door.service.mail("topic:alerts")
    assert message["request_context"] == {
        "request_id": id,
        "function_urn": urn(),
        "condition": "UnhandledInvocationError",
        "approximate_invoke_count": 4,
    }
    assert message["request_payload"] == '{"n":1}'
    assert message["response_context"] == {"status_code": 500, "function_error": ""}
    assert json.loads(message["response_payload"])["errorType"] == "OSError"
    assert await objects(door) == []


async def test_a_retry_that_succeeds_is_a_success(door: Any) -> None:
    await door.function(answers=[Error(), Error(), Ok("hello world!")])
    await door.settings_of(
        max_async_retry_attempts=3, destination_config={"on_success": DIS, "on_failure": SMN}
    )
    id = await door.start()
    await door.clock.advance(3600)
    assert (await door.record(id))["status"] == "SUCCESS"
    [message] = await door.service.mail("stream:stream")
    assert message["request_context"]["condition"] == ""
    assert message["request_context"]["approximate_invoke_count"] == 3
    assert message["response_context"] == {"status_code": 200, "function_error": ""}
    assert message["response_payload"] == '"hello world!"'
    assert await door.service.mail("topic:alerts") == []


async def test_past_its_validity_it_is_dropped_and_told(door: Any) -> None:
    await door.function(answers=[Forever()], concurrency=1, timeout_seconds=DAY)
    await door.settings_of(
        max_async_event_age_in_seconds=60, destination_config={"on_failure": SMN}
    )
    await door.start()
    late = await door.start()
    await door.clock.advance(59)
    assert (await door.record(late))["status"] == "WAIT"
    await door.clock.advance(2)
    assert (await door.record(late))["status"] == "DISCARD"
    [message] = await door.service.mail("topic:alerts")
    assert message["request_context"]["condition"] == "AsyncEventExpired"
    assert message["request_context"]["approximate_invoke_count"] == 0


async def test_a_retry_that_would_come_after_the_validity_is_not_made(door: Any) -> None:
    await door.function(answers=[Error(seconds=30)])
    await door.settings_of(max_async_event_age_in_seconds=30, max_async_retry_attempts=3)
    id = await door.start()
    await door.clock.advance(100)
    assert len(door.service.starts("f")) == 1
    record = await door.record(id)
    assert (record["status"], record["error_code"]) == ("DISCARD", 150408)
    assert "It failed on purpose." in record["error_message"]


async def test_an_object_has_its_prefix_and_goes_when_it_expires(make_door: Any) -> None:
    door = await make_door(options=SLOW)
    await door.function(answers=[Ok({"sum": 5})])
    await door.settings_of(destination_config={"on_success": OBS})
    id = await door.start()
    await door.service.settle()
    [found] = await objects(door)
    assert found.key.startswith("ok/") and found.key.endswith(".json")
    assert json.loads(found.body)["request_context"]["request_id"] == id
    await door.clock.advance(DAY - 3600)
    assert len(await objects(door)) == 1
    await door.clock.advance(2 * 3600)
    assert await objects(door) == []


async def test_an_object_without_an_expiry_stays(make_door: Any) -> None:
    door = await make_door(options=SLOW)
    await door.function()
    await door.settings_of(destination_config={"on_success": target("OBS", bucket="results")})
    await door.start()
    await door.clock.advance(2 * DAY)
    assert len(await objects(door)) == 1


async def test_the_next_function_gets_the_message_as_its_event(door: Any) -> None:
    events: list[Any] = []
    await door.function(answers=[Ok({"sum": 5})])
    await door.function("next", answers=lambda run: events.append(json.loads(run.payload)))
    await door.settings_of(destination_config={"on_success": NEXT})
    id = await door.start()
    await door.service.settle()
    [event] = events
    assert event["request_context"]["request_id"] == id
    assert event["response_payload"] == '{"sum":5}'
    found = (await door.get(at(urn("next"), "async-invocations"))).json["invocations"]
    assert [entry["status"] for entry in found] == ["SUCCESS"]


async def test_a_result_over_256_kb_is_empty_in_the_message_and_whole_in_our_own_record(
    door: Any,
) -> None:
    text = "x" * (256 * 1024)
    await door.function(answers=[Ok(text)])
    await door.settings_of(destination_config={"on_success": DIS})
    id = await door.start()
    await door.service.settle()
    [message] = await door.service.mail("stream:stream")
    assert message["response_payload"] == ""
    assert await door.service.result(id) == text


async def test_settings_that_are_deleted_count_no_more(door: Any) -> None:
    await door.function(answers=[Error()])
    await door.settings_of(max_async_retry_attempts=3, destination_config={"on_failure": SMN})
    await door.delete(at(urn(), "async-invoke-config"))
    id = await door.start()
    await door.clock.advance(3600)
    assert (await door.record(id))["status"] == "FAIL"
    assert len(door.service.starts("f")) == 1
    assert await door.service.mail("topic:alerts") == []
