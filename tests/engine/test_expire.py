"""Event age: it ends what has waited too long, in whatever way it waited."""

from __future__ import annotations

from typing import Any

import pytest

from thence.catalog.control import Control
from thence.lifecycle.states import Reason, State
from thence.notices import InvocationSettled
from thence.testing import Error, Forever, Ok, PlatformError, Service

AGED = (State.EXPIRED, Reason.EVENT_AGE_EXCEEDED)
HOOK = "https://hooks.example.com/dead"


async def ended(s: Service, id: str) -> tuple[Any, Any, float]:
    view = await s.show(id)
    assert view.ended_at is not None
    return view.state, view.reason, (view.ended_at - view.accepted_at) / 1000


async def test_what_waits_for_a_slot_expires_at_its_age_and_tells_the_destination(
    s: Service,
) -> None:
    await s.function(
        "f", answers=[Ok(seconds=3000)], concurrency=1, max_event_age_seconds=60,
        timeout_seconds=3600, on_failure=HOOK,
    )  # fmt: skip
    runs = await s.invoke("f")
    waits = await s.invoke("f")
    await s.clock.advance(59.999)
    assert (await s.show(waits)).state is State.QUEUED
    await s.clock.advance(0.001)
    assert await ended(s, waits) == (*AGED, 60.0)
    assert [entry["invocation"]["id"] for entry in s.receiver(HOOK).got] == [waits]
    await s.clock.advance(3000)
    # What runs is not ended by its age.
    assert (await s.show(runs)).state is State.SUCCEEDED and len(s.starts("f")) == 1


async def test_a_retry_that_would_come_too_late_is_not_waited_for(s: Service) -> None:
    await s.function(
        "f", answers=[Error()], max_event_age_seconds=50,
        retry_wait={"first_seconds": 100, "cap_seconds": 100, "jitter": "none"},
    )  # fmt: skip
    id = await s.invoke("f")
    await s.settle()
    assert await ended(s, id) == (*AGED, 0.0)


async def test_what_backs_off_and_finds_no_slot_expires_at_its_age(s: Service) -> None:
    await s.function(
        "f", answers=[Error(), Forever()], concurrency=1, max_event_age_seconds=50,
        timeout_seconds=3600, retry_wait={"first_seconds": 40, "jitter": "none"},
    )  # fmt: skip
    id = await s.invoke("f")
    await s.settle()
    await s.invoke("f")  # takes the slot
    await s.clock.advance(60)
    assert await ended(s, id) == (*AGED, 50.0)


async def test_platform_errors_end_with_the_event_age_when_that_is_sooner(s: Service) -> None:
    await s.function("f", answers=[PlatformError()], max_event_age_seconds=3600)
    id = await s.invoke("f")
    await s.clock.advance(2 * 3600)
    view = await s.show(id)
    assert (view.state, view.reason) == AGED
    # It gave up at the last attempt before the age: the next would have been too late.
    assert view.ended_at is not None and 0 <= view.expires_at - view.ended_at < 300_000


async def test_the_age_of_a_delayed_invocation_begins_when_it_is_due(s: Service) -> None:
    await s.function(
        "f", answers=[Forever()], concurrency=1, max_event_age_seconds=10, timeout_seconds=3600
    )
    await s.invoke("f")
    id = await s.invoke("f", delay_seconds=100)
    await s.clock.advance(200)
    assert await ended(s, id) == (*AGED, 110.0)


async def test_expiry_is_not_forgotten_over_a_crash(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0, max_event_age_seconds=60)
    id = await s.invoke("f")
    await s.kill()
    await s.clock.advance(300)
    await s.start()
    await s.settle()
    assert (await s.show(id)).state is State.EXPIRED and s.starts("f") == []


async def test_hundreds_expire_in_the_same_instant(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0, max_event_age_seconds=60)
    ids = [await s.invoke("f") for _ in range(450)]
    await s.clock.advance(60)
    assert {(await ended(s, id))[2] for id in ids} == {60.0}


@pytest.mark.parametrize("concurrency", [0, 1])
async def test_what_is_held_at_the_limit_for_five_hours_fails(s: Service, concurrency: int) -> None:
    await s.function(
        "f", answers=[Forever()], concurrency=concurrency, timeout_seconds=86_400,
        max_event_age_seconds=10 * 86_400, on_failure=HOOK,
    )  # fmt: skip
    if concurrency:
        await s.invoke("f")
    await s.clock.advance(60)
    waits = await s.invoke("f")
    await s.clock.advance(5 * 3600 - 1)
    assert (await s.show(waits)).state is State.QUEUED
    await s.clock.advance(2)
    state, reason, seconds = await ended(s, waits)
    assert (state, reason) == (State.FAILED, Reason.CONCURRENCY_LIMIT)
    assert seconds == 18_000
    assert len(s.receiver(HOOK).got) == 1


async def test_a_budget_ends_to_the_millisecond_although_something_else_expires_before() -> None:
    """What expires later than another wakes nobody: the budget itself must be waited for."""
    async with Service(platform_budget_seconds=5) as s:
        await s.function("later", answers=["ok"], max_event_age_seconds=60)
        await s.invoke("later", delay_seconds=3600)
        await s.function("held", answers=["ok"], concurrency=0, max_event_age_seconds=86_400)
        await s.clock.advance(13.5)
        id = await s.invoke("held")
        await s.clock.advance(4.999)
        assert (await s.show(id)).state is State.QUEUED
        await s.clock.advance(0.002)
        view = await s.show(id)
        assert view.state is State.FAILED
        assert view.ended_at is not None and view.ended_at - view.accepted_at == 5000


async def test_a_steady_stream_below_the_limit_is_never_failed_as_throttled(s: Service) -> None:
    await s.function(
        "f", answers=[Ok(seconds=1000)], concurrency=1, timeout_seconds=3600,
        max_event_age_seconds=10 * 86_400,
    )  # fmt: skip
    ids = []
    for _ in range(20):
        ids += [await s.invoke("f"), await s.invoke("f")]
        await s.clock.advance(2000)
    await s.clock.advance(5000)
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED}


async def test_a_limit_that_is_never_reached_again_is_not_asked_about_for_ever(s: Service) -> None:
    await s.function("gone", answers=["ok"], concurrency=0)
    await s.function("paused", answers=["ok"], concurrency=0, max_event_age_seconds=2_000_000)
    await s.invoke("gone")
    await s.delete("gone")
    await s.invoke("paused")
    asked, waiting = [], s.store.waiting
    await s.clock.advance(3 * 3600)
    late = await s.invoke("paused")
    await s.clock.advance(3 * 3600)

    async def counted(*args: Any, **named: Any) -> Any:
        asked.append(s.clock.now())
        return await waiting(*args, **named)

    s.store.waiting = counted
    await s.clock.advance(1.5 * 3600)
    assert len(asked) < 10
    assert (await s.show(late)).state is State.QUEUED
    await s.clock.advance(0.5 * 3600)
    view = await s.show(late)
    assert (view.state, view.reason) == (State.FAILED, Reason.CONCURRENCY_LIMIT)
    assert view.ended_at == view.due_at + 5 * 3_600_000


async def test_a_lane_that_comes_to_its_limit_again_and_again_is_noted_once(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1)], concurrency=1)
    for _ in range(50):
        await s.invoke("f")
        await s.invoke("f")
        await s.clock.advance(5)  # its limit is reached, and left again
    assert len(s.engine.parts.expire._budgets) == 1


async def test_a_round_looks_at_no_lane_whose_instant_has_not_come(
    s: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        await s.function(f"f{number}", answers=["ok"], concurrency=0)
        await s.invoke(f"f{number}")
    await s.clock.advance(60)
    asked: list[int] = []
    get = s.engine.parts.lanes.get
    monkeypatch.setattr(s.engine.parts.expire._lanes, "get", lambda id: asked.append(id) or get(id))
    monkeypatch.setattr(s.engine.parts.expire._lanes, "all", lambda: pytest.fail("it looks at all"))
    waiting = s.store.waiting
    monkeypatch.setattr(s.store, "waiting", lambda *_, **__: pytest.fail("it asks the store"))
    assert await s.engine.parts.expire.once() is not None
    monkeypatch.setattr(s.store, "waiting", waiting)
    assert asked == []


async def test_what_ends_while_it_waits_is_told_with_its_attempts(s: Service) -> None:
    told: list[InvocationSettled] = []
    s.notices.on(InvocationSettled, told.append)
    await s.function(
        "f", answers=[Error()], max_event_age_seconds=50,
        retry_wait={"first_seconds": 45, "cap_seconds": 45, "jitter": "none"},
    )  # fmt: skip
    await s.invoke("f")
    stopped = await s.invoke("f")
    await s.settle()
    await s.stop(stopped)
    await s.engine.functions.put_control("f", Control(limit=0))
    await s.clock.advance(60)
    assert [(view.state, view.attempts) for view in told] == [
        (State.STOPPED, 1),
        (State.EXPIRED, 1),
    ]
