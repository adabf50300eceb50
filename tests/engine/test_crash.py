"""Leases, fences, losses, and the goodbye: crash, rescue, quarantine, drain."""

from __future__ import annotations

import pytest

from thence.errors import Draining
from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import Reason, State
from thence.notices import AttemptStarted, LateAnswerDropped, Notice
from thence.runtimes.interface import Ended
from thence.testing import Error, Forever, Lost, Ok, PlatformError, Service

HOOK = "https://hooks.example.com/x"
LONG = {"timeout_seconds": 36_000}


async def test_what_a_killed_process_ran_is_rescued_by_the_next_one_at_once(s: Service) -> None:
    await s.function("f", answers=[Forever(), "ok"], **LONG)
    id = await s.invoke("f")
    await s.crash()
    view = await s.show(id)
    assert view.state is State.SUCCEEDED and s.starts("f") == [0.0, 0.0]
    assert [attempt.outcome for attempt in view.attempts] == [Outcome.LOST, Outcome.OK]
    assert view.attempts[0].budget is Budget.LOSSES and view.spent.retries_used == 0


async def test_a_late_answer_does_not_settle_the_next_attempt(s: Service) -> None:
    await s.function("f", answers=[Forever()], on_success=HOOK, **LONG)
    id = await s.invoke("f")
    (first,) = [here.run for here in s.runtime._here]
    dropped: list[Notice] = []
    s.notices.on(LateAnswerDropped, dropped.append)
    # Another node declares this one dead; it joins anew and the invocation is tried again.
    await s.store.leave(s.engine.parts.node.incarnation)
    await s.clock.advance(60)
    view = await s.show(id)
    assert view.state is State.RUNNING and view.attempt >= 2
    first.done(first, Ended(Outcome.OK, result=b'"late"'))
    await s.settle()
    assert (await s.show(id)).state is State.RUNNING and len(dropped) == 1
    assert await s.result(id) is None and s.receiver(HOOK).tries == []


async def test_an_answer_of_the_right_attempt_under_another_lease_is_dropped(s: Service) -> None:
    await s.function("f", answers=[Forever()], **LONG)
    id = await s.invoke("f")
    (run,) = [here.run for here in s.runtime._here]
    run.lease += 1
    run.done(run, Ended(Outcome.OK, result=b"1"))
    await s.settle()
    assert (await s.show(id)).state is State.RUNNING


async def test_an_answer_that_comes_twice_counts_once(s: Service) -> None:
    await s.function("f", answers=[Forever()], on_success=HOOK, **LONG)
    id = await s.invoke("f")
    (run,) = [here.run for here in s.runtime._here]
    for value in (b"1", b"2"):
        run.done(run, Ended(Outcome.OK, result=value))
    await s.settle()
    assert await s.result(id) == 1 and len(s.receiver(HOOK).got) == 1


async def test_a_payload_that_kills_its_node_is_quarantined(s: Service) -> None:
    await s.function("f", answers=[Forever()], max_retries=8, on_failure=HOOK, **LONG)
    id = await s.invoke("f")
    for _ in range(3):
        await s.crash()
        assert (await s.show(id)).state is State.RUNNING
    await s.crash()
    view = await s.show(id)
    assert (view.state, view.reason) == (State.FAILED, Reason.SUSPECTED_POISON)
    assert len(view.attempts) == 4 and view.spent.retries_used == 0
    (record,) = s.receiver(HOOK).got
    assert record["invocation"]["reason"] == "suspected_poison"
    await s.crash()
    assert len(s.starts("f")) == 4


async def test_losses_do_not_spend_retries_and_retries_do_not_spend_losses(s: Service) -> None:
    answers = [Lost(), Error(), Lost(), Error(), Lost(), "ok"]
    await s.function("f", answers=answers, max_retries=2)
    id = await s.invoke("f")
    await s.clock.advance(600)
    view = await s.show(id)
    assert view.state is State.SUCCEEDED
    assert (view.spent.retries_used, view.spent.losses_used) == (2, 3)


async def test_crashes_while_it_waits_cost_nothing(s: Service) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f", delay_seconds=100)
    for _ in range(10):
        await s.crash()
    await s.clock.advance(100)
    view = await s.show(id)
    assert view.state is State.SUCCEEDED and len(view.attempts) == 1


async def test_ids_never_repeat_when_the_clock_was_set_back(s: Service) -> None:
    await s.function("f", answers=["ok"])
    first = await s.invoke("f")
    await s.kill()
    s.clock.skip(-3600)
    await s.start()
    assert await s.invoke("f") > first


# ---------------------------------------------------------------- drain


async def test_what_never_began_is_given_back_and_costs_nothing() -> None:
    async with Service(ahead=2) as s:
        await s.function("f", answers=[Ok(seconds=5), "ok"], concurrency=1)
        first, second = await s.invoke("f"), await s.invoke("f")
        await s.settle()
        assert (await s.show(second)).state is State.RUNNING  # claimed, waiting in the instance
        await s.stop_service()
        await s.start()
        await s.settle()
        for id in (first, second):
            view = await s.show(id)
            assert view.state is State.SUCCEEDED and view.attempt == 1
            assert len(view.attempts) == 1
        assert s.starts("f") == [0.0, 5.0] and await s.verify() == []


async def test_giving_back_many_times_never_ends_an_invocation() -> None:
    async with Service(ahead=1) as s:
        await s.function("f", answers=[Forever()], concurrency=1, max_retries=0, **LONG)
        await s.function("g", answers=["ok"])
        await s.invoke("f")
        id = await s.invoke("f")
        for _ in range(6):
            await s.restart(grace_seconds=1)
        view = await s.show(id)
        assert view.state in (State.RUNNING, State.QUEUED, State.RETRYING)
        assert view.spent.retries_used == view.spent.losses_used == 0


async def test_a_drain_lets_what_runs_finish_and_owes_nothing_to_the_next_start(
    s: Service,
) -> None:
    await s.function("f", answers=[Ok("done", seconds=5)], on_success=HOOK)
    id = await s.invoke("f")
    await s.restart()
    assert (await s.show(id)).state is State.SUCCEEDED and s.starts("f") == [0.0]
    assert len(s.receiver(HOOK).got) == 1


async def test_a_drain_cuts_off_what_is_too_slow_and_it_runs_again(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=100), "ok"], max_retries=0)
    id = await s.invoke("f")
    await s.restart(grace_seconds=25)
    await s.clock.advance(10)
    view = await s.show(id)
    assert view.state is State.SUCCEEDED
    assert [attempt.outcome for attempt in view.attempts] == [Outcome.DRAINED, Outcome.OK]
    assert view.attempts[0].error_type == "NodeDrained" and view.attempts[0].budget is None
    assert view.spent.retries_used == view.spent.losses_used == view.spent.platform_tries == 0
    assert [start.previous_may_have_run for start in s.scripts.starts] == [False, True]


async def test_what_runs_has_its_time_also_while_the_store_is_away(s: Service) -> None:
    """A drain does not wait for the store before it lets functions end, and then waits for it as
    long as it may."""
    await s.function("f", answers=[Ok("done", seconds=5)], max_retries=0)
    id = await s.invoke("f")
    s.disk_full(8)
    await s.restart(grace_seconds=10)
    view = await s.show(id)
    assert view.state is State.SUCCEEDED and s.starts("f") == [0.0]
    assert [attempt.outcome for attempt in view.attempts] == [Outcome.OK]


async def test_what_a_drain_cut_off_is_told_to_every_later_attempt_whatever_came_between(
    s: Service,
) -> None:
    await s.function("f", answers=[Ok(seconds=100), Error(), "ok"], max_retries=1)
    await s.invoke("f")
    await s.restart(grace_seconds=1)
    await s.crash()
    await s.clock.advance(60)
    assert [start.previous_may_have_run for start in s.scripts.starts] == [False, True, True]


async def test_a_delayed_large_payload_waits_from_its_due_time_on(s: Service) -> None:
    waits: list[int] = []
    s.notices.on(AttemptStarted, lambda notice: waits.append(notice.wait_ms))
    await s.function("f", answers=["ok"])
    await s.invoke("f", b"x" * 100_000, delay_seconds=60)
    await s.invoke("f", b"x", delay_seconds=60)
    await s.clock.advance(61)
    assert waits == [0, 0]


async def test_what_was_given_back_and_what_failed_by_itself_are_not_told_as_cut_off() -> None:
    async with Service(ahead=2) as s:
        await s.function("f", answers=[Ok(seconds=5), Error(), "ok"], concurrency=1, max_retries=1)
        await s.invoke("f")
        await s.invoke("f")
        await s.restart()
        await s.clock.advance(60)
        assert [start.previous_may_have_run for start in s.scripts.starts] == [False] * 3


async def test_a_work_of_two_hours_survives_a_deploy_every_hour(s: Service) -> None:
    hours = [Ok(seconds=7200)] * 9
    await s.function("f", answers=hours, max_retries=0, timeout_seconds=36_000)
    id = await s.invoke("f")
    for _ in range(8):
        await s.clock.advance(3600)
        await s.restart(grace_seconds=25)
    await s.clock.advance(7300)
    view = await s.show(id)
    assert view.state is State.SUCCEEDED, view.reason
    assert [attempt.outcome for attempt in view.attempts] == [Outcome.DRAINED] * 8 + [Outcome.OK]


async def test_a_drain_ends_a_row_of_platform_errors(s: Service) -> None:
    await s.function(
        "f", answers=[PlatformError(), Ok(seconds=7200), PlatformError(), "ok"], **LONG
    )
    id = await s.invoke("f")
    await s.clock.advance(10)
    await s.restart(grace_seconds=1)
    await s.clock.advance(5)
    view = await s.show(id)
    assert view.state is State.SUCCEEDED, view
    outcomes = [attempt.outcome for attempt in view.attempts]
    expected = [Outcome.PLATFORM_ERROR, Outcome.DRAINED, Outcome.PLATFORM_ERROR, Outcome.OK]
    assert outcomes == expected
    assert view.spent.platform_tries == 1


async def test_rescue_never_takes_what_runs_here_for_lost_while_its_own_lease_has_run_out(
    s: Service,
) -> None:
    await s.function("f", answers=[Forever()], **LONG)
    id = await s.invoke("f")
    s.clock.skip(3600)  # the machine slept; rescue wakes before the lease is renewed
    await s.engine.parts.rescue.once()
    await s.settle()
    assert (await s.show(id)).state is State.RUNNING
    await s.clock.advance(60)
    assert (await s.show(id)).state is State.RUNNING and s.starts("f") == [0.0]


async def test_a_draining_service_accepts_nothing(s: Service) -> None:
    await s.function("f", answers=["ok"])
    engine = s.engine
    await s.stop_service()
    with pytest.raises(Draining):
        engine.accept("f", b"{}", lambda answer, error: None)
    await s.start()


async def test_a_large_payload_on_its_way_is_run_or_given_back_by_a_drain(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    id = await s.invoke("f", b"x" * 100_000)
    await s.function("f", concurrency=1)
    await s.restart()
    await s.settle()
    assert (await s.show(id)).state is State.SUCCEEDED and len(s.starts("f")) == 1


async def test_hundreds_in_flight_survive_a_crash(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1)], concurrency=50, on_success=HOOK)
    ids = [await s.invoke("f", n) for n in range(300)]
    for _ in range(3):
        await s.clock.advance(1.5)
        await s.crash()
    await s.clock.advance(1000)
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED}
    assert len({entry["invocation"]["id"] for entry in s.receiver(HOOK).got}) == 300
