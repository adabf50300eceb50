"""Vendors' records of whole lives of invocations, in virtual time: retries, platform errors for five
hours, expiry, limits, a function as the destination."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from thence.lifecycle.states import State
from thence.testing import Error, Ok, PlatformError, Service, Throttle
from thence.testing.clock import START_MS

FIVE_HOURS = 5 * 3600


@pytest.fixture
async def s() -> AsyncIterator[Service]:
    async with Service() as service:
        yield service


def box(kind: str, form: str, limit: int = 0) -> dict[str, Any]:
    return {"type": kind, "name": "box", "form": form, "record_bytes_max": limit}


async def test_a_function_error_is_told_after_the_last_retry(s: Service) -> None:
    await s.function("s$f", answers=[Error("no", type="ValueError")], on_failure=box("queue", "fc"))
    id = await s.invoke("s$f", b'{"n": 1}')
    await s.clock.advance(600)
    [record] = await s.mail("queue:box")
    assert json.loads(record.pop("responsePayload"))["errorMessage"] == "no"
    assert record == {
        "timestamp": START_MS,
        "requestContext": {
            "requestId": id,
            "functionArn": "acs:fc:::services/s.LATEST/functions/f",
            "condition": "UnhandledInvocationError",
            "approximateInvokeCount": 4,
        },
        "requestPayload": '{"n": 1}',
        "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
    }


@pytest.mark.parametrize(
    ("answer", "condition", "status"),
    [
        (Throttle(), "FunctionResourceExhausted", 429),
        (PlatformError(), "FunctionServerError", 500),
    ],
)
async def test_platform_errors_are_told_after_five_hours(
    s: Service, answer: Any, condition: str, status: int
) -> None:
    await s.function("f", answers=[answer], on_failure=box("topic", "fc"))
    id = await s.invoke("f")
    await s.clock.advance(FIVE_HOURS - 1)
    assert await s.mail("topic:box") == []
    await s.clock.advance(2)
    [record] = await s.mail("topic:box")
    assert record["requestContext"]["condition"] == condition
    assert record["requestContext"]["approximateInvokeCount"] == (await s.show(id)).attempt > 60
    assert record["responseContext"] == {"statusCode": status, "functionError": ""}
    assert record["responsePayload"] == ""


async def test_what_never_ran_is_told_as_expired(s: Service) -> None:
    await s.function(
        "f", concurrency=0, max_event_age_seconds=60, on_failure=box("stream", "fc-eventbridge")
    )
    await s.invoke("f", b"x")
    await s.clock.advance(61)
    [event] = await s.mail("stream:box")
    context = event["data"]["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("AsyncEventExpired", 0)
    assert (event["type"], event["aliyuneventbusname"]) == ("fc:AsyncInvoke:failed", "box")


async def test_a_notification_tells_three_retries(s: Service) -> None:
    await s.function(
        "p$f", answers=[Error("full", type="OSError")], on_failure=box("bucket", "functiongraph")
    )
    await s.invoke("p$f", {"n": 1})
    await s.clock.advance(600)
    [message] = await s.mail("bucket:box")
    assert message["request_context"]["approximate_invoke_count"] == 4
    assert message["request_context"]["function_urn"].endswith(":function:p:f:latest")
    assert "function invocation exception, error: full" in message["response_payload"]


async def test_a_function_gets_the_record_as_its_payload(s: Service) -> None:
    seen: list[bytes] = []

    def target(run: Any) -> Any:
        seen.append(run.payload)
        return Ok("thanks")

    await s.function("target", answers=target)
    await s.function(
        "f", answers=["done"], on_success={**box("function", "fc", 131_072), "name": "target"}
    )
    await s.invoke("f", b"x" * 100_000)
    await s.clock.advance(5)
    [payload] = seen
    record = json.loads(payload)
    assert record["requestPayload"] == "x" * 100_000 and record["responsePayload"] == '"done"'


@pytest.mark.parametrize("kind", ["queue", "function"])
async def test_a_record_over_the_limit_is_a_dead_letter_at_once(s: Service, kind: str) -> None:
    await s.function("box", answers=["thanks"])
    await s.function("f", answers=["done"], on_success=box(kind, "fc", 131_072))
    id = await s.invoke("f", b"x" * 131_072)
    await s.clock.advance(5)
    view = await s.show(id)
    [delivery] = view.deliveries
    assert view.state is State.SUCCEEDED and delivery.attempts_made == 1
    assert (delivery.state, delivery.reason) == ("dead", "rejected")
    [tried] = delivery.attempts
    assert tried.status == 413 and "131072" in tried.error and "record_bytes_max" in tried.error
    assert await s.mail("queue:box") == [] and s.starts("box") == []
    assert await s.verify() == []


async def test_the_largest_record_of_functiongraph_fits_a_function(s: Service) -> None:
    """256 KiB of event and as much of result, all of characters that JSON writes as six bytes."""
    most = b"\x01" * (256 * 1024)
    seen: list[int] = []

    def target(run: Any) -> Any:
        seen.append(len(run.payload))
        return Ok("thanks")

    await s.function("target", answers=target)
    await s.function(
        "f", answers=[Ok(most)], on_success={**box("function", "functiongraph"), "name": "target"}
    )
    await s.invoke("f", most)
    await s.clock.advance(5)
    assert seen and seen[0] > 3 * 1024 * 1024
