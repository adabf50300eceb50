"""The two tables of the seed alibaba-fc-retries, over their whole five hours of virtual time: deployed,
configured, called and looked at through the door."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import pytest

from thence.catalog.code import pack
from thence.catalog.control import Control
from thence.testing.answers import Crash, Error, Forever, OutOfMemory, PlatformError, Throttle

V3, V2 = "/2023-03-30", "/2021-04-06"
HOMES = {V3: f"{V3}/functions/f", V2: f"{V2}/services/s/functions/f"}
OURS = {V3: "f", V2: "s$f"}
ZIP = base64.b64encode(pack([("index.py", b"def handler(event, context): ...\n")])).decode()
FIVE_HOURS = 18_000.0
UNHANDLED = "UnhandledInvocationError"
NO_ROOM = PlatformError(type="InstanceNotStarted")
DESTINATIONS = {
    "onSuccess": {"destination": "acs:mns:::/queues/good/messages"},
    "onFailure": {"destination": "acs:mns:::/queues/bad/messages"},
}
INFRASTRUCTURE = [
    pytest.param(Throttle(), 429, "ResourceExhausted", "FunctionResourceExhausted", id="429"),
    pytest.param(PlatformError(), 500, "InternalServerError", "FunctionServerError", id="500"),
    pytest.param(NO_ROOM, 503, "ResourceThrottled", "FunctionResourceExhausted", id="503"),
]
each_generation = pytest.mark.parametrize("generation", [V3, V2])


async def deploy(
    door: Any, answers: Any, generation: str = V3, *, timeout: int = 60, **config: Any
) -> None:
    """The function, its destinations and its task mode, by the door's own operations."""
    home = HOMES[generation]
    door.service.scripts.set(OURS[generation], answers)
    if generation == V2:
        made = await door.post(f"{V2}/services", json={"serviceName": "s"})
        assert made.status == 200, made.body
    body = {
        "functionName": "f",
        "runtime": "python3.10",
        "handler": "index.handler",
        "code": {"zipFile": ZIP},
        "timeout": timeout,
    }
    made = await door.post(home.removesuffix("/f"), json=body)
    assert made.status == 200, made.body
    listed = {"asyncTask" if generation == V3 else "statefulInvocation": True}
    asked = {"destinationConfig": DESTINATIONS, **listed, **config}
    put = await door.put(f"{home}/async-invoke-config", json=asked)
    assert put.status == 200, put.body


async def call(door: Any, generation: str = V3, kind: str = "Async") -> str:
    """The request id of an accepted call."""
    answer = await door.post(
        f"{HOMES[generation]}/invocations",
        data=b'{"n": 1}',
        headers={"x-fc-invocation-type": kind},
    )
    assert answer.status == 202, answer.body
    await door.service.settle()
    return str(answer.headers["x-fc-request-id"])


async def task(door: Any, id: str, generation: str = V3) -> Any:
    word = "async-tasks" if generation == V3 else "stateful-async-invocations"
    answer = await door.get(f"{HOMES[generation]}/{word}/{id}")
    assert answer.status == 200, answer.body
    return answer.json


async def billed(door: Any, id: str) -> list[bool]:
    """Of each attempt, as the native door shows it."""
    answer = await door.get(f"/v1/invocations/{id}")
    return [attempt["billed"] for attempt in answer.json["attempts"]]


async def told(door: Any, id: str, box: str = "bad") -> tuple[str, int, int, str]:
    """(condition, count, status, error) of the only record; the other destination got none."""
    other = "good" if box == "bad" else "bad"
    assert await door.service.mail(f"queue:{other}") == []
    [record] = await door.service.mail(f"queue:{box}")
    context, response = record["requestContext"], record["responseContext"]
    assert context["requestId"] == id and record["requestPayload"] == '{"n": 1}'
    return (
        context["condition"],
        context["approximateInvokeCount"],
        response["statusCode"],
        response["functionError"],
    )


def doubling(cap: float) -> list[float]:
    """When attempts fall: 0.5 s, doubling, at most `cap`; the last one at the end of five hours."""
    found, wait = [0.0], 0.5
    while found[-1] < FIVE_HOURS:
        found.append(min(found[-1] + min(wait, cap), FIVE_HOURS))
        wait *= 2
    return found


# ---------------------------------------------------------------- function errors


@each_generation
async def test_function_errors_are_retried_three_times_by_default(
    door: Any, generation: str
) -> None:
    await deploy(door, [Error("no", type="ValueError")], generation)
    id = await call(door, generation)
    await door.clock.advance(600)
    starts = door.service.starts(OURS[generation])
    assert len(starts) == 4
    waits = [after - before for before, after in itertools.pairwise(starts)]
    # The vendor publishes no interval: 1 s, doubling, of which between half and all is waited.
    assert all(wait / 2 <= found <= wait for found, wait in zip(waits, (1, 2, 4), strict=True))
    assert await billed(door, id) == [True] * 4
    assert await told(door, id) == (UNHANDLED, 4, 200, UNHANDLED)
    shown = await task(door, id, generation)
    assert (shown["status"], shown["alreadyRetriedTimes"]) == ("Failed", 3)
    word = "taskErrorMessage" if generation == V3 else "invocationErrorMessage"
    assert shown[word] == UNHANDLED


@each_generation
@pytest.mark.parametrize("retries", range(9))
async def test_as_many_retries_as_are_configured(door: Any, generation: str, retries: int) -> None:
    await deploy(door, [Error()], generation, maxAsyncRetryAttempts=retries)
    id = await call(door, generation)
    await door.clock.advance(600)
    assert len(door.service.starts(OURS[generation])) == retries + 1
    assert await billed(door, id) == [True] * (retries + 1)
    assert await told(door, id) == (UNHANDLED, retries + 1, 200, UNHANDLED)


@pytest.mark.parametrize("retries", [-1, 9])
async def test_more_than_eight_retries_are_refused(door: Any, retries: int) -> None:
    await deploy(door, ["done"])
    answer = await door.put(
        f"{HOMES[V3]}/async-invoke-config", json={"maxAsyncRetryAttempts": retries}
    )
    status, code, message = answer.error()
    assert (status, code) == (400, "InvalidArgument") and "maxAsyncRetryAttempts" in message


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Error(), id="exception"),
        pytest.param(Crash(), id="exit"),
        pytest.param(OutOfMemory(), id="memory"),
        pytest.param(Forever(), id="time"),
    ],
)
async def test_every_failure_of_the_code_is_an_unhandled_error_that_is_billed(
    door: Any, answer: Any
) -> None:
    """None is a HandledInvocationError: only a callback of Node.js could raise one."""
    await deploy(door, [answer], timeout=5, maxAsyncRetryAttempts=1)
    id = await call(door)
    await door.clock.advance(60)
    assert await billed(door, id) == [True, True]
    assert await told(door, id) == (UNHANDLED, 2, 200, UNHANDLED)


async def test_a_retry_that_succeeds_tells_the_other_destination(door: Any) -> None:
    await deploy(door, [Error(), Error(), "done"])
    id = await call(door)
    await door.clock.advance(60)
    assert await told(door, id, "good") == ("", 3, 200, "")
    assert (await task(door, id))["status"] == "Succeeded"


async def test_no_retry_after_a_success(door: Any) -> None:
    await deploy(door, ["done"])
    id = await call(door)
    await door.clock.advance(3600)
    assert door.service.starts("f") == [0.0] and await billed(door, id) == [True]
    assert await told(door, id, "good") == ("", 1, 200, "")


# ---------------------------------------------------------------- infrastructure errors


@each_generation
@pytest.mark.parametrize(("answer", "status", "code", "condition"), INFRASTRUCTURE)
async def test_errors_of_the_platform_are_retried_for_five_hours(
    door: Any, generation: str, answer: Any, status: int, code: str, condition: str
) -> None:
    await deploy(door, [answer], generation, maxAsyncRetryAttempts=0)
    id = await call(door, generation)
    await door.clock.advance(2)
    shown = await task(door, id, generation)
    word = "taskErrorMessage" if generation == V3 else "invocationErrorMessage"
    assert (shown["status"], shown[word]) == ("Retrying", code)
    await door.clock.advance(FIVE_HOURS - 3)
    assert await door.service.mail("queue:bad") == []
    await door.clock.advance(3600)
    # 0.5 s, 1 s, 2 s "and so on": no wait is capped below the five hours.
    whole = [0.5 * (2**number - 1) for number in range(16)]
    assert whole[-1] == 16_383.5
    assert door.service.starts(OURS[generation]) == [*whole, FIVE_HOURS]
    shown = await task(door, id, generation)
    assert shown["status"] == "Failed" and shown[word] == condition
    assert await billed(door, id) == [False] * 17
    assert await told(door, id) == (condition, 17, status, "")


@pytest.mark.parametrize(("answer", "status", "code", "condition"), INFRASTRUCTURE)
async def test_a_cap_of_the_waits_is_a_setting(
    make_door: Any, answer: Any, status: int, code: str, condition: str
) -> None:
    door = await make_door({"platform_wait_caps": {"fc": 300.0}})
    await deploy(door, [answer])
    id = await call(door)
    await door.clock.advance(FIVE_HOURS + 1)
    expected = doubling(300.0)
    assert door.service.starts("f") == expected and len(expected) == 70
    # (Of long rows of attempts the view keeps the ends.)
    assert not any(await billed(door, id))
    assert await told(door, id) == (condition, 70, status, "")


@pytest.mark.parametrize("answer", [Throttle(), PlatformError(), NO_ROOM])
async def test_errors_of_the_platform_spend_no_retry(door: Any, answer: Any) -> None:
    await deploy(door, [*[answer] * 5, Error(), answer, Error(), "done"], maxAsyncRetryAttempts=2)
    id = await call(door)
    await door.clock.advance(600)
    assert await billed(door, id) == [False] * 5 + [True, False, True, True]
    assert await told(door, id, "good") == ("", 9, 200, "")


async def test_a_row_of_errors_of_the_platform_starts_anew_after_a_run(door: Any) -> None:
    """Five hours count from the first error of an unbroken row."""
    started = itertools.count()
    answers = itertools.cycle([Throttle(), PlatformError(), NO_ROOM])
    await deploy(door, lambda run: Error() if next(started) == 10 else next(answers))
    await call(door)
    await door.clock.advance(1.5 * FIVE_HOURS)
    starts = door.service.starts("f")
    row = doubling(FIVE_HOURS)
    assert starts[:11] == row[:11]
    assert [round(at - starts[11], 3) for at in starts[11:]] == row


# ---------------------------------------------------------------- synchronous calls


@each_generation
@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (Error(), 200, UNHANDLED),
        (Crash(), 200, UNHANDLED),
        (Throttle(), 429, "ResourceExhausted"),
        (PlatformError(), 500, "InternalServerError"),
        (NO_ROOM, 503, "ResourceThrottled"),
    ],
)
async def test_synchronous_calls_are_never_retried(
    door: Any, generation: str, answer: Any, status: int, error: str
) -> None:
    await deploy(door, [answer, "done"], generation)
    found = await door.post(f"{HOMES[generation]}/invocations", data=b"1")
    assert found.status == status
    if status == 200:
        assert found.headers["x-fc-error-type"] == error
    else:
        assert found.error()[:2] == (status, error)
    await door.clock.advance(600)
    assert door.service.starts(OURS[generation]) == [0.0]
    assert await door.service.mail("queue:bad") == [] == await door.service.mail("queue:good")


# ---------------------------------------------------------------- other endings


async def test_what_waits_too_long_expires_without_being_run(door: Any) -> None:
    await deploy(door, ["done"], maxAsyncEventAgeInSeconds=60)
    limit = await door.put(f"{HOMES[V3]}/concurrency", json={"reservedConcurrency": 0})
    assert limit.status == 200
    id = await call(door)
    await door.clock.advance(59)
    assert (await task(door, id))["status"] == "Enqueued"
    await door.clock.advance(2)
    assert (await task(door, id))["status"] == "Expired"
    assert door.service.starts("f") == []
    assert await told(door, id) == ("AsyncEventExpired", 0, 200, "")


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [(Throttle(), 429, ""), (PlatformError(), 500, ""), (NO_ROOM, 503, "")],
)
async def test_the_event_age_ends_retries_before_the_five_hours(
    door: Any, answer: Any, status: int, error: str
) -> None:
    await deploy(door, [answer], maxAsyncEventAgeInSeconds=100)
    id = await call(door)
    await door.clock.advance(600)
    # The next attempt would be at 127.5 s: the last one is made just before the end.
    assert door.service.starts("f") == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 99.0]
    assert (await task(door, id))["status"] == "Expired"
    assert await told(door, id) == ("AsyncEventExpired", 9, status, error)


async def test_a_stopped_call_is_told_as_a_failure(door: Any) -> None:
    await deploy(door, [Error()])
    id = await call(door)
    stopped = await door.put(f"{HOMES[V3]}/async-tasks/{id}/stop")
    assert stopped.status == 202
    await door.clock.advance(600)
    assert (await task(door, id))["status"] == "Stopped"
    assert (await told(door, id))[:2] == ("", 1)
    assert door.service.starts("f") == [0.0]


# ---------------------------------------------------------------- held at a limit


async def held(door: Any, generation: str = V3) -> tuple[Any, Any]:
    """The record's `responseContext` and the task of a call that ends after its budget of 5 s."""
    id = await call(door, generation)
    await door.clock.advance(4.999)
    assert await door.service.mail("queue:bad") == []
    await door.clock.advance(0.002)
    view = await door.service.show(id)
    assert view.ended_at - view.accepted_at == 5000
    [record] = await door.service.mail("queue:bad")
    assert record["responsePayload"] == ""
    told_ = (
        record["requestContext"]["condition"],
        record["responseContext"]["statusCode"],
        record["responseContext"]["functionError"],
    )
    return told_, await task(door, id, generation)


@each_generation
@pytest.mark.parametrize("limit", [0, 1])
async def test_what_is_held_at_the_reserved_concurrency_ends_as_429_when_its_time_is_over(
    make_door: Any, generation: str, limit: int
) -> None:
    door = await make_door({"platform_budget_seconds": 5.0})
    await deploy(door, [Forever()], generation, timeout=600)
    if generation == V3:
        put = await door.put(f"{HOMES[V3]}/concurrency", json={"reservedConcurrency": limit})
        assert put.status == 200
    else:  # which has no operation for it
        await door.engine.functions.put_control(OURS[V2], Control(limit=limit))
    if limit:
        await call(door, generation)
        await door.clock.advance(100)  # the slot is taken long before the next call comes
    found, shown = await held(door, generation)
    assert found == ("FunctionResourceExhausted", 429, "")
    word = "taskErrorMessage" if generation == V3 else "invocationErrorMessage"
    assert (shown["status"], shown[word]) == ("Failed", "FunctionResourceExhausted")


async def test_an_earlier_error_is_not_told_of_what_ended_at_the_limit(make_door: Any) -> None:
    door = await make_door({"platform_budget_seconds": 5.0})
    runs = itertools.count()
    await deploy(door, lambda run: Error("earlier") if next(runs) == 0 else Forever(), timeout=600)
    put = await door.put(f"{HOMES[V3]}/concurrency", json={"reservedConcurrency": 1})
    assert put.status == 200
    id = await call(door)  # fails at once
    await call(door)  # takes the slot
    await door.clock.advance(60)
    assert await told(door, id) == ("FunctionResourceExhausted", 1, 429, "")
    [record] = await door.service.mail("queue:bad")
    assert record["responsePayload"] == ""
    shown = await task(door, id)
    assert shown["taskErrorMessage"] == "FunctionResourceExhausted"
    assert "returnPayload" not in shown
    assert "earlier" not in str(shown["events"][-1])


async def throttles(door: Any, name: str) -> dict[str, float]:
    found = {}
    for kind in ("Resource", "Concurrency"):
        path = f"/2023-03-30/metrics/Function{kind}Throttles?functionName={name}"
        found[kind] = sum(
            datapoint["value"] for datapoint in (await door.get(path)).json["datapoints"]
        )
    return found


async def test_calls_that_are_refused_or_wait_count_as_what_they_met(make_door: Any) -> None:
    """429 at the function's limit, 503 on a full node."""
    door = await make_door({"instances_max": 1, "sync_queue_seconds": 0.0})
    await door.service.function("other", answers=[Forever()], timeout_seconds=600, concurrency=1)
    await door.service.function("f", answers=["ok"])
    await door.service.invoke("other")
    await door.service.settle()
    for name, status in (("f", 503), ("other", 429)):
        path = f"/2023-03-30/functions/{name}/invocations"
        assert (await door.post(path)).status == status
        accepted = await door.post(path, headers={"x-fc-invocation-type": "Async"})
        assert accepted.status == 202
    await door.service.settle()
    assert await throttles(door, "f") == {"Resource": 1, "Concurrency": 0}
    assert await throttles(door, "other") == {"Resource": 0, "Concurrency": 2}


async def test_what_finds_no_instance_on_a_full_node_ends_as_503(make_door: Any) -> None:
    door = await make_door({"platform_budget_seconds": 5.0, "instances_max": 1})
    await deploy(door, ["done"])
    await door.service.function("other", answers=[Forever()], timeout_seconds=600)
    await door.service.invoke("other")
    await door.service.settle()
    found, shown = await held(door)
    assert found == ("FunctionResourceExhausted", 503, "")
    assert shown["taskErrorMessage"] == "FunctionResourceExhausted"
    assert await throttles(door, "f") == {"Resource": 1, "Concurrency": 0}
