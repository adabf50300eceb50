"""How long the door's requests are tried and wait, and what their records say when that ends: in
virtual time, through the door."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from thence.lifecycle.states import Reason
from thence.testing.answers import Error, Forever, Ok, PlatformError, Throttle

from .conftest import at, urn

HOUR = 3600
DAY = 24 * HOUR
NO_ROOM = PlatformError("no instance", type="InstanceNotStarted")
SMN = {"destination": "SMN", "param": '{"topic_urn": "urn:smn:local-1:%s:bad"}'}


def smn(door: Any) -> dict[str, str]:
    return {**SMN, "param": SMN["param"] % door.settings.account_id}


async def deploy(door: Any, answers: Any, age: int = DAY, **spec: Any) -> None:
    await door.function(answers=answers, **{"timeout_seconds": 2 * DAY, **spec})
    await door.settings_of(
        max_async_event_age_in_seconds=age, destination_config={"on_failure": smn(door)}
    )


async def message(door: Any) -> tuple[str, int, str, str]:
    """(condition, status code, function error, response) of the only notification."""
    [one] = await door.service.mail("topic:bad")
    response = one["response_context"]
    condition = one["request_context"]["condition"]
    return condition, response["status_code"], response["function_error"], one["response_payload"]


# ---------------------------------------------------------------- how often


@pytest.mark.parametrize(("settings", "retries"), [({}, 3), ({"retry_attempts_default": 1}, 1)])
async def test_settings_that_leave_the_retries_out_have_the_default(
    make_door: Any, settings: Any, retries: int
) -> None:
    from thence.api.functiongraph.section import FunctionGraphSettings

    door = await make_door(functiongraph=FunctionGraphSettings(**settings))
    await door.function(answers=[Error("no")])
    found = await door.settings_of(max_async_event_age_in_seconds=3600)
    assert found.json["max_async_retry_attempts"] == retries
    await door.start()
    await door.clock.advance(600)
    assert len(door.service.starts("f")) == 1 + retries


# ---------------------------------------------------------------- how long


@pytest.mark.parametrize("limit", ["instances", "node"])
async def test_what_waits_for_room_waits_until_its_validity_ends_and_not_for_five_hours(
    make_door: Any, limit: str
) -> None:
    door = await make_door({"instances_max": 1})
    runs = itertools.count()
    await deploy(door, lambda run: Ok(1, seconds=20 * HOUR) if next(runs) == 0 else Ok(2))
    if limit == "instances":
        put = await door.put(at(urn(), "config-max-instance"), json={"max_instance_num": 1})
        assert put.status == 200
        await door.start()
    else:
        await door.service.function(
            "other", answers=[Ok(1, seconds=20 * HOUR)], timeout_seconds=DAY
        )
        await door.service.invoke("other")
        next(runs)
    id = await door.start()
    await door.clock.advance(19 * HOUR)
    assert (await door.record(id))["status"] == "WAIT"
    await door.clock.advance(2 * HOUR)
    assert (await door.record(id))["status"] == "SUCCESS"
    assert await door.service.mail("topic:bad") == []


async def test_what_still_waits_at_the_end_of_its_validity_is_dropped_for_its_age(
    door: Any,
) -> None:
    await deploy(door, [Forever()], age=7 * HOUR, concurrency=1)
    await door.start()
    id = await door.start()
    await door.clock.advance(7 * HOUR - 0.001)
    assert (await door.record(id))["status"] == "WAIT"
    await door.clock.advance(0.001)
    record = await door.record(id)
    assert (record["status"], record["error_code"]) == ("DISCARD", 150408)
    assert (await message(door))[:2] == ("AsyncEventExpired", 500)


@pytest.mark.parametrize(
    ("answer", "code"), [(Throttle(), 150429), (PlatformError(), 150500), (NO_ROOM, 150430)]
)
async def test_errors_of_the_platform_are_tried_again_until_the_validity_ends(
    door: Any, answer: Any, code: int
) -> None:
    await deploy(door, [answer], age=10 * HOUR)
    id = await door.start()
    await door.clock.advance(9.9 * HOUR)
    record = await door.record(id)
    assert (record["status"], record["error_code"]) == ("WAIT", code)
    await door.clock.advance(0.1 * HOUR - 0.001)
    record = await door.record(id)  # the last try was a second before: it waits, as before
    assert (record["status"], record["error_code"]) == ("WAIT", code)
    await door.clock.advance(0.001)
    record = await door.record(id)
    assert (record["status"], record["error_code"]) == ("DISCARD", 150408)
    view = await door.service.show(id)
    assert view.ended_at == view.expires_at == view.accepted_at + 10 * HOUR * 1000
    starts = door.service.starts("f")
    assert starts[:4] == [0.0, 0.5, 1.5, 3.5] and starts[-1] == 10 * HOUR - 1
    assert max(after - before for before, after in itertools.pairwise(starts)) == 300


# ---------------------------------------------------------------- what ended it


@pytest.mark.parametrize(
    ("limited", "reason", "status", "code", "said"),
    [
        (True, Reason.CONCURRENCY_LIMIT, 429, 150429, "limit"),
        (False, Reason.NO_RESOURCES, 503, 150430, "no instance"),
    ],
)
async def test_a_function_with_a_time_for_limits_tells_which_one_ended_it_and_no_earlier_error(
    make_door: Any, limited: bool, reason: Reason, status: int, code: int, said: str
) -> None:
    """A function of another door, which has that time, with this door's settings."""
    door = await make_door({"platform_budget_seconds": 5.0, "instances_max": 1})
    runs = itertools.count()
    await deploy(
        door,
        lambda run: Error("earlier") if next(runs) == 0 else Forever(),
        contract="native",
        concurrency=1,
    )
    await door.service.function("other", answers=[Forever()], timeout_seconds=DAY)
    id = await door.start()  # fails, and is to be tried again
    if limited:
        await door.start()
    else:
        await door.service.invoke("other")
    await door.clock.advance(60)
    assert (await door.service.show(id)).reason is reason
    record = await door.record(id)
    assert (record["status"], record["error_code"]) == ("FAIL", code)
    assert said in record["error_message"] and "earlier" not in record["error_message"]
    condition, told, error, response = await message(door)
    assert (condition, told, response) == ("FunctionResourceExhausted", status, "")
    assert said in error and "earlier" not in error
