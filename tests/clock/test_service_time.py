"""One wrong clock neither holds nor kills anything: set back or forward, while the service runs, over
a restart, over a restart of the machine; in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from thence.lifecycle.ids import parse_id
from thence.lifecycle.states import Reason, State
from thence.notices import ClockAstray, ClockRight, Notice
from thence.signing.interface import Refused
from thence.signing.window import Window
from thence.testing import Error, Forever, Ok, PlatformError, Service

HOOK = "https://hooks.example.com/x"
HOUR, DAY = 3600.0, 86_400.0
BACK, FORWARD, FAR = -HOUR, HOUR, 40 * DAY


@pytest_asyncio.fixture
async def s() -> AsyncIterator[Service]:
    # Fewer rounds of a loop that these tests are not about.
    async with Service(lease_seconds=300) as service:
        yield service
        assert await service.verify() == []


async def while_running(s: Service) -> None:
    pass


async def over_a_restart(s: Service) -> None:
    await s.restart(1)


async def over_a_reboot(s: Service) -> None:
    await s.reboot()


Over = Callable[[Service], Awaitable[None]]
MOMENTS = [while_running, over_a_restart, over_a_reboot]
moments = pytest.mark.parametrize("over", MOMENTS, ids=lambda over: over.__name__)
steps = pytest.mark.parametrize("step", [BACK, FORWARD, FAR], ids=["back", "forward", "far"])


async def set_clock(s: Service, step: float, over: Over) -> None:
    s.set_wall(step)
    await over(s)
    await s.clock.advance(1)


@moments
@steps
async def test_what_is_accepted_runs_at_once(s: Service, step: float, over: Over) -> None:
    await s.function("f", answers=["ok"])
    await s.invoke("f")
    await set_clock(s, step, over)
    id = await s.invoke("f")
    await s.clock.advance(1)
    assert (await s.show(id)).state is State.SUCCEEDED


@moments
@steps
async def test_what_waited_runs_and_is_neither_held_nor_expired(
    s: Service, step: float, over: Over
) -> None:
    await s.function("f", answers=[Ok(seconds=30)], concurrency=1, max_event_age_seconds=3000)
    ids = [await s.invoke("f") for _ in range(5)]
    await s.clock.advance(1)
    await set_clock(s, step, over)
    await s.clock.advance(400)
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED}


@moments
@steps
async def test_a_retry_comes_when_it_was_due(s: Service, step: float, over: Over) -> None:
    await s.function("f", answers=[Error(), "ok"], max_retries=3, max_event_age_seconds=3000)
    id = await s.invoke("f")
    await s.clock.advance(0.01)
    assert (await s.show(id)).state is State.RETRYING
    await set_clock(s, step, over)
    await s.clock.advance(10)
    assert (await s.show(id)).state is State.SUCCEEDED


@moments
@steps
async def test_a_delivery_keeps_its_thirty_minutes(s: Service, step: float, over: Over) -> None:
    await s.function("f", answers=["ok"], on_success=HOOK)
    s.receiver(HOOK).down()
    await s.invoke("f")
    await s.clock.advance(300)
    await set_clock(s, step, over)
    await s.clock.advance(600)
    assert (await s.store.deliveries("dead", None, 10, None)).items == []
    s.receiver(HOOK).up()
    await s.clock.advance(1200)
    assert len(s.receiver(HOOK).got) == 1


@moments
@steps
async def test_a_delivery_that_never_arrives_is_given_up_in_time(
    s: Service, step: float, over: Over
) -> None:
    await s.function("f", answers=["ok"], on_success=HOOK)
    s.receiver(HOOK).down()
    await s.invoke("f")
    await s.clock.advance(300)
    await set_clock(s, step, over)
    await s.clock.advance(1.12 * 1800)
    assert len((await s.store.deliveries("dead", None, 10, None)).items) == 1


@moments
@steps
async def test_the_five_hours_of_platform_errors_are_five_hours(
    s: Service, step: float, over: Over
) -> None:
    await s.function("f", answers=[PlatformError()])
    id = await s.invoke("f")
    await s.clock.advance(HOUR)
    await set_clock(s, step, over)
    await s.clock.advance(3.4 * HOUR)
    assert (await s.show(id)).state is State.RETRYING
    await s.clock.advance(1.3 * HOUR)
    view = await s.show(id)
    assert (view.state, view.reason) == (State.FAILED, Reason.PLATFORM_ERRORS_EXHAUSTED)


@moments
@steps
async def test_an_event_age_is_as_long_as_it_should_be(s: Service, step: float, over: Over) -> None:
    await s.function("f", answers=[Forever()], concurrency=0, max_event_age_seconds=7200)
    id = await s.invoke("f")
    await s.clock.advance(600)
    await set_clock(s, step, over)
    await s.clock.advance(5000)
    assert (await s.show(id)).state is State.QUEUED
    await s.clock.advance(2600)
    assert (await s.show(id)).state is State.EXPIRED


@moments
@steps
async def test_an_idempotency_key_means_the_same_call(s: Service, step: float, over: Over) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f", 1, idempotency_key="k")
    await s.clock.advance(60)
    await set_clock(s, step, over)
    await s.clock.advance(HOUR)
    assert await s.invoke("f", 1, idempotency_key="k") == id


@moments
@steps
async def test_what_runs_keeps_its_lease_and_is_not_run_twice(
    s: Service, step: float, over: Over
) -> None:
    if over is not while_running:
        pytest.skip("a restart takes it over, as it should")
    await s.function("f", answers=[Ok(seconds=600)], timeout_seconds=1200)
    id = await s.invoke("f")
    await s.clock.advance(1)
    await set_clock(s, step, over)
    await s.clock.advance(700)
    view = await s.show(id)
    assert (view.state, view.attempt, len(s.starts("f"))) == (State.SUCCEEDED, 1, 1)


@moments
async def test_a_jump_of_forty_days_for_a_while_prunes_nothing(s: Service, over: Over) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f", b"payload")
    await s.clock.advance(60)
    await set_clock(s, FAR, over)
    await s.clock.advance(2 * HOUR)
    s.set_wall(0)
    await s.clock.advance(DAY * 0.5)
    await over(s)
    await s.clock.advance(HOUR)
    assert (await s.show(id)).state is State.SUCCEEDED
    body, _ = await s.store.payload(number(id))
    assert body.data == b"payload"


async def test_a_jump_that_stays_is_pruned_by_after_a_day(s: Service) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f")
    await s.clock.advance(60)
    await set_clock(s, FAR, over_a_reboot)
    await s.clock.advance(0.9 * DAY)
    assert await s.store.invocation(number(id)) is not None
    await s.clock.advance(0.3 * DAY)
    assert await s.store.invocation(number(id)) is None


async def test_after_a_reboot_service_time_is_the_wall_clocks_and_delayed_calls_are_not_late(
    s: Service,
) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f", delay_seconds=2 * HOUR)
    await s.clock.advance(60)
    await set_clock(s, 3 * HOUR, over_a_reboot)  # it was off for three hours
    assert (await s.show(id)).state is State.SUCCEEDED
    assert abs(s.engine.clock.now() - s.clock.wall()) < 10


async def test_a_clock_that_was_set_forward_and_stays_so_is_taken_over_the_next_restart(
    s: Service,
) -> None:
    await s.function("f", answers=[Forever()], concurrency=0, max_event_age_seconds=7200)
    id = await s.invoke("f")
    s.set_wall(DAY)
    await s.clock.advance(60)
    await s.restart(1)
    assert s.clock.wall() - s.engine.clock.now() > 0.9 * DAY * 1000  # may be wrong still
    await s.clock.advance(900)
    await s.restart(1)
    assert abs(s.clock.wall() - s.engine.clock.now()) < 10
    await s.clock.advance(900)
    assert (await s.show(id)).state is State.QUEUED  # and it did not age by it


async def test_a_wrong_clock_is_said_once_and_its_end_too() -> None:
    async with Service() as s:
        await said_once(s)


async def said_once(s: Service) -> None:
    seen: list[Notice] = []
    s.notices.on(ClockAstray, seen.append)
    s.notices.on(ClockRight, seen.append)
    s.set_wall(-60)
    await s.clock.advance(120)
    assert [type(item) for item in seen] == [ClockAstray]
    assert isinstance(seen[0], ClockAstray) and 55 < seen[0].ahead_seconds <= 60
    await s.clock.advance(600)
    assert [type(item) for item in seen] == [ClockAstray, ClockRight]


async def test_after_a_kill_no_time_is_lost_either(s: Service) -> None:
    await s.function("f", answers=[Error(), "ok"], max_retries=1)
    id = await s.invoke("f")
    await s.clock.advance(0.01)
    s.set_wall(BACK)
    await s.crash()
    await s.clock.advance(10)
    assert (await s.show(id)).state is State.SUCCEEDED


async def test_why_never_says_delayed_after_a_step_back(s: Service) -> None:
    await s.function("f", answers=[Forever()], concurrency=0)
    id = await s.invoke("f")
    await set_clock(s, BACK, over_a_reboot)
    why = await s.why(id)
    assert why is not None and why.code == "paused"


async def test_dates_that_others_signed_are_judged_by_the_wall_clock(s: Service) -> None:
    s.set_wall(HOUR)
    await s.clock.advance(1)
    window = Window(s.engine.clock)
    window.check(s.clock.wall())
    with pytest.raises(Refused):
        window.check(s.engine.clock.now())


def number(id: str) -> int:
    parsed: Any = parse_id(id)
    assert parsed is not None
    return int(parsed)
