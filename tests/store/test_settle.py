"""Settling: every ending, retries, give-backs, and the fence."""

from __future__ import annotations

import pytest

from thence.lifecycle.decide import Spent
from thence.lifecycle.outcome import Budget, Fault, Outcome
from thence.lifecycle.states import Reason, State
from thence.store.records import Body, StopMark

from .scene import NOW, F, Scene


async def test_a_success_is_final_with_its_result_and_its_one_attempt(scene: Scene) -> None:
    item = await scene.run()
    answer = await scene.commit(settles=[scene.settled(item, log=b"hello")])
    assert answer.settles == [True]
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert (view.state, view.reason, view.ended_at) == (State.SUCCEEDED, Reason.OK, NOW + 1000)
    assert view.result_bytes == 6 and view.spent == Spent()
    (attempt,) = view.attempts
    assert (attempt.attempt, attempt.outcome, attempt.budget) == (1, Outcome.OK, None)
    assert (attempt.started_at, attempt.ended_at, attempt.duration_us) == (
        NOW + 10,
        NOW + 1000,
        1234,
    )
    assert attempt.log_bytes == 5
    assert await scene.store.result(item.id) == Body(b'"done"', 6)
    assert await scene.store.log(item.id) == b"hello"


async def test_a_success_without_a_result_has_none(scene: Scene) -> None:
    item = await scene.run()
    await scene.commit(settles=[scene.settled(item, result=None)])
    assert await scene.store.result(item.id) is None
    assert await scene.store.log(item.id) is None


async def test_a_large_result_is_a_reference(scene: Scene) -> None:
    item = await scene.run()
    body = Body(None, 99_999, "blob-9", "cd" * 32)
    await scene.commit(settles=[scene.settled(item, result=body)])
    assert await scene.store.result(item.id) == body


async def test_what_was_spent_and_interrupted_is_there_at_the_next_claim_and_at_a_loss(
    scene: Scene,
) -> None:
    item = await scene.run()
    spent = Spent(2, 3, NOW, 1, 4)
    waits = scene.retrying(
        item, NOW, spent=spent, outcome=Outcome.DRAINED, budget=None, error_type="NodeDrained"
    )
    await scene.commit(settles=[waits])
    (claimed,) = await scene.claim(suspects=True)
    assert claimed.spent == spent and claimed.spent.may_have_run
    await scene.commit(settles=[scene.given_back(claimed, State.RETRYING)])
    (claimed,) = await scene.claim(suspects=True)
    assert claimed.spent == spent
    view = await scene.store.invocation(item.id)
    assert view is not None and view.attempts[0].outcome is Outcome.DRAINED
    await scene.store.leave(scene.lease)
    (lost,) = await scene.store.lost(NOW, 10)
    assert lost.spent == spent


async def test_a_failure_keeps_the_error_the_budgets_and_the_reason(scene: Scene) -> None:
    item = await scene.run()
    spent = Spent(retries_used=0, platform_tries=2, platform_since=NOW, losses_used=1)
    await scene.commit(settles=[scene.failed(item, spent=spent)])
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert (view.state, view.reason) == (State.FAILED, Reason.RETRIES_EXHAUSTED)
    assert view.spent == spent
    (attempt,) = view.attempts
    assert attempt.budget is Budget.FUNCTION_ERRORS
    assert (attempt.error_type, attempt.error_message, attempt.error_stack) == (
        "ValueError",
        "no",
        "line 1",
    )


async def test_a_success_after_retries_keeps_what_was_spent(scene: Scene) -> None:
    item = await scene.run()
    await scene.commit(settles=[scene.retrying(item, NOW + 50)])
    (claimed,) = await scene.claim(now=NOW + 50)
    await scene.commit(settles=[scene.settled(claimed, spent=claimed.spent)])
    view = await scene.store.invocation(item.id)
    assert view is not None and view.spent == Spent(retries_used=1) and view.attempt == 2


async def test_a_retry_waits_until_it_is_due_and_keeps_its_history(scene: Scene) -> None:
    item = await scene.run()
    answer = await scene.commit(settles=[scene.retrying(item, NOW + 2000, log=b"first")])
    assert answer.settles == [True]
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert (view.state, view.attempt, view.due_at) == (State.RETRYING, 1, NOW + 2000)
    assert view.spent == Spent(retries_used=1)
    assert await scene.claim(now=NOW + 1999) == []
    (claimed,) = await scene.claim(now=NOW + 2000)
    assert (claimed.attempt, claimed.spent) == (2, Spent(retries_used=1))
    await scene.commit(settles=[scene.settled(claimed, log=b"second", spent=claimed.spent)])
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert [(a.attempt, a.outcome, a.retry_at) for a in view.attempts] == [
        (1, Outcome.FUNCTION_ERROR, NOW + 2000),
        (2, Outcome.OK, None),
    ]
    assert await scene.store.log(item.id, 1) == b"first"
    assert await scene.store.log(item.id) == b"second"
    assert await scene.store.log(item.id, 3) is None
    await scene.holds()


async def test_an_attempt_that_never_started_is_given_back_and_its_number_used_again(
    scene: Scene,
) -> None:
    item = scene.new()
    await scene.accept(item)
    (claimed,) = await scene.claim()
    await scene.commit(settles=[scene.given_back(claimed)])
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert (view.state, view.attempt, view.due_at) == (State.QUEUED, 0, NOW)
    assert view.attempts == [] and view.spent == Spent()
    (again,) = await scene.claim()
    assert again.attempt == 1
    await scene.holds()


async def test_a_retry_that_is_given_back_keeps_its_budgets_and_earlier_attempts(
    scene: Scene,
) -> None:
    item = await scene.run()
    await scene.commit(settles=[scene.retrying(item, NOW + 5)])
    (claimed,) = await scene.claim(now=NOW + 5)
    await scene.commit(settles=[scene.given_back(claimed, State.RETRYING)])
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert (view.state, view.attempt, view.spent) == (State.RETRYING, 1, Spent(retries_used=1))
    assert len(view.attempts) == 1
    (again,) = await scene.claim(now=NOW + 5)
    assert again.attempt == 2


async def test_a_late_answer_does_not_settle_the_next_attempt(scene: Scene) -> None:
    item = await scene.run()
    await scene.commit(settles=[scene.retrying(item, NOW)])
    await scene.claim()
    answer = await scene.commit(settles=[scene.settled(item)])
    assert answer.settles == [False] and answer.entry is None
    assert await scene.state(item) is State.RUNNING


async def test_an_answer_under_another_lease_is_dropped(scene: Scene) -> None:
    item = await scene.run()
    answer = await scene.commit(settles=[scene.settled(item, lease=scene.lease + 1)])
    assert answer.settles == [False]
    assert await scene.state(item) is State.RUNNING


async def test_one_answer_counts_however_often_it_comes(scene: Scene) -> None:
    item = await scene.run()
    answer = await scene.commit(settles=[scene.settled(item), scene.failed(item)])
    assert answer.settles == [True, False]
    assert (await scene.commit(settles=[scene.settled(item)])).settles == [False]
    report = await scene.holds()
    assert (report["succeeded"], report["failed"]) == (1, 0)


async def test_a_late_answer_does_not_spoil_the_rest_of_its_batch(scene: Scene) -> None:
    items = [await scene.run() for _ in range(4)]
    await scene.commit(settles=[scene.settled(items[1])])
    fresh = scene.new()
    answer = await scene.commit(
        accepts=[fresh],
        settles=[
            scene.settled(items[0]),
            scene.settled(items[1]),
            scene.retrying(items[2], NOW),
            scene.retrying(items[2], NOW),
            scene.failed(items[3], lease=99),
        ],
    )
    assert answer.settles == [True, False, True, False, False]
    assert [accept.id for accept in answer.accepts] == [fresh.id]
    assert await scene.state(items[3]) is State.RUNNING
    report = await scene.holds()
    assert (report["accepted"], report["succeeded"], report["waiting"]) == (5, 2, 2)


async def test_a_final_state_never_changes(scene: Scene) -> None:
    item = await scene.run()
    await scene.commit(settles=[scene.failed(item)])
    answer = await scene.commit(
        settles=[scene.settled(item)],
        ends=[scene.ended(item)],
        stops=[StopMark(item.id, F, 1, NOW)],
    )
    assert (answer.settles, answer.ends, answer.stops) == ([False], [False], [False])
    assert await scene.state(item) is State.FAILED


async def test_settles_of_many_leases_and_attempts_fit_one_batch(scene: Scene) -> None:
    other = await scene.store.join("there", NOW, NOW + 1000)
    mine, theirs, second = scene.new(lease=scene.lease), scene.new(lease=other), await scene.run()
    await scene.accept(mine, theirs)
    await scene.commit(settles=[scene.retrying(second, NOW)])
    (claimed,) = await scene.claim()
    answer = await scene.commit(
        settles=[
            scene.settled(mine),
            scene.settled(theirs, lease=other),
            scene.failed(claimed, spent=claimed.spent),
        ]
    )
    assert answer.settles == [True] * 3
    await scene.holds()


async def test_an_accept_and_its_settle_fit_one_batch(scene: Scene) -> None:
    item = scene.new(lease=scene.lease)
    answer = await scene.commit(accepts=[item], settles=[scene.settled(item)])
    assert answer.settles == [True]
    assert answer.entry is not None
    assert [t.state for t in answer.entry.transitions] == ["queued", "running", "succeeded"]


async def test_a_stop_is_durable_before_the_instance_is_ended(scene: Scene) -> None:
    item = await scene.run()
    assert (await scene.commit(stops=[StopMark(item.id, F, 1, NOW + 3)])).stops == [True]
    assert await scene.state(item) is State.STOPPING
    again = await scene.commit(stops=[StopMark(item.id, F, 1, NOW + 4)])
    assert again.stops == [True] and again.entry is None  # it is being stopped already
    stopped = scene.failed(
        item,
        outcome=Outcome.STOPPED,
        state=State.STOPPED,
        reason=Reason.STOPPED_BY_CALLER,
        budget=None,
    )
    assert (await scene.commit(settles=[stopped])).settles == [True]
    assert await scene.state(item) is State.STOPPED
    await scene.holds()


async def test_a_stop_of_another_attempt_or_of_a_waiting_one_is_refused(scene: Scene) -> None:
    item, waits = await scene.run(), scene.new()
    await scene.accept(waits)
    answer = await scene.commit(stops=[StopMark(item.id, F, 2, NOW), StopMark(waits.id, F, 1, NOW)])
    assert answer.stops == [False, False]


async def test_what_is_stopping_never_waits_again(scene: Scene) -> None:
    item = await scene.run()
    await scene.commit(stops=[StopMark(item.id, F, 1, NOW)])
    assert (await scene.commit(settles=[scene.retrying(item, NOW)])).settles == [False]
    assert await scene.state(item) is State.STOPPING
    assert (await scene.commit(settles=[scene.settled(item)])).settles == [True]


@pytest.mark.parametrize("state", [State.EXPIRED, State.STOPPED, State.INVALID, State.FAILED])
async def test_a_waiting_invocation_can_end_without_an_attempt(scene: Scene, state: State) -> None:
    item = scene.new()
    await scene.accept(item)
    answer = await scene.commit(ends=[scene.ended(item, state)])
    assert answer.ends == [True]
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert (view.state, view.attempt, view.attempts) == (state, 0, [])
    assert await scene.store.due_functions() == {}
    assert (await scene.commit(ends=[scene.ended(item, state)])).ends == [False]
    assert (await scene.holds())[state.value] == 1


async def test_an_ending_between_attempts_keeps_the_attempts_made(scene: Scene) -> None:
    item = await scene.run()
    await scene.commit(settles=[scene.retrying(item, NOW + 9)])
    await scene.commit(ends=[scene.ended(item, State.EXPIRED)])
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert (view.attempt, len(view.attempts), view.spent) == (1, 1, Spent(retries_used=1))
    assert await scene.store.log(item.id) is None
    await scene.holds()


async def test_an_end_does_not_touch_what_runs(scene: Scene) -> None:
    item = await scene.run()
    waits = scene.new()
    await scene.accept(waits)
    answer = await scene.commit(ends=[scene.ended(item), scene.ended(waits), scene.ended(waits)])
    assert answer.ends == [False, True, False]
    assert await scene.state(item) is State.RUNNING


@pytest.mark.parametrize("fault", [None, *Fault])
async def test_what_the_platform_found_is_kept_of_each_attempt(
    scene: Scene, fault: Fault | None
) -> None:
    item = await scene.run()
    first = scene.retrying(item, NOW + 50, fault=fault)
    await scene.commit(settles=[first])
    (claimed,) = await scene.claim(now=NOW + 50)
    await scene.commit(settles=[scene.failed(claimed, fault=fault)])
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert [(attempt.outcome, attempt.fault) for attempt in view.attempts] == [
        (first.outcome, fault)
    ] * 2
