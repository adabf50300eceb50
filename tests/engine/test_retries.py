"""Three budgets, never mixed (design §2, promise 4); every instant is exact."""

from __future__ import annotations

from typing import Any

from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import Reason, State
from thence.testing import (
    Crash,
    Error,
    Forever,
    Lost,
    Ok,
    OutOfMemory,
    PlatformError,
    Service,
    Throttle,
)

EXACT: dict[str, Any] = {
    "retry_wait": {"first_seconds": 1, "factor": 2, "cap_seconds": 60, "jitter": "none"}
}


async def test_function_errors_are_retried_so_often_and_then_it_failed(s: Service) -> None:
    await s.function("f", answers=[Error()], max_retries=3, **EXACT)
    id = await s.invoke("f")
    await s.clock.advance(3600)
    assert s.starts("f") == [0.0, 1.0, 3.0, 7.0]
    view = await s.show(id)
    assert (view.state, view.reason) == (State.FAILED, Reason.RETRIES_EXHAUSTED)
    assert [attempt.retry_at for attempt in view.attempts] == [
        view.accepted_at + 1000, view.accepted_at + 3000, view.accepted_at + 7000, None,
    ]  # fmt: skip


async def test_the_wait_between_retries_doubles_up_to_its_cap(s: Service) -> None:
    await s.function("f", answers=[Error()], max_retries=8, **EXACT)
    await s.invoke("f")
    await s.clock.advance(3600)
    assert s.starts("f") == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 123.0, 183.0]


async def test_without_retries_the_first_error_is_the_end(s: Service) -> None:
    await s.function("f", answers=[Error()], max_retries=0)
    id = await s.invoke("f")
    await s.settle()
    assert (await s.show(id)).state is State.FAILED and s.starts("f") == [0.0]


async def test_every_kind_of_function_error_spends_a_retry(s: Service) -> None:
    answers = [Error(), Crash(), OutOfMemory(), Forever(), "ok"]
    await s.function("f", answers=answers, max_retries=4, timeout_seconds=10, **EXACT)
    id = await s.invoke("f")
    await s.clock.advance(3600)
    view = await s.show(id)
    assert view.state is State.SUCCEEDED and view.spent.retries_used == 4
    assert [attempt.outcome for attempt in view.attempts] == [
        Outcome.FUNCTION_ERROR,
        Outcome.CRASHED,
        Outcome.OUT_OF_MEMORY,
        Outcome.TIMED_OUT,
        Outcome.OK,
    ]
    assert view.attempts[3].duration_us == 10_000_000


async def test_platform_errors_are_retried_for_five_hours_from_half_a_second_doubling(
    s: Service,
) -> None:
    await s.function("f", answers=[PlatformError()], max_retries=0)
    id = await s.invoke("f")
    await s.clock.advance(5 * 3600 - 1)
    assert (await s.show(id)).state is State.RETRYING
    await s.clock.advance(1)
    expected, wait = [0.0], 0.5
    while expected[-1] < 18_000:
        expected.append(min(expected[-1] + wait, 18_000.0))
        wait = min(wait * 2, 300.0)
    assert s.starts("f") == expected and expected[1:4] == [0.5, 1.5, 3.5]
    view = await s.show(id)
    assert (view.state, view.reason) == (State.FAILED, Reason.PLATFORM_ERRORS_EXHAUSTED)
    assert view.spent.retries_used == 0 and view.ended_at == view.accepted_at + 18_000_000
    assert {attempt.budget for attempt in view.attempts} == {Budget.PLATFORM_ERRORS}


async def test_retry_after_lengthens_a_platform_wait_and_never_shortens_it(s: Service) -> None:
    answers = [Throttle(120), Throttle(0.1), PlatformError(retry_after_seconds=60), "ok"]
    await s.function("f", answers=answers)
    await s.invoke("f")
    await s.clock.advance(3600)
    assert s.starts("f") == [0.0, 120.0, 121.0, 181.0]


async def test_a_retry_after_beyond_the_budget_ends_it_at_once(s: Service) -> None:
    await s.function("f", answers=[Throttle(86_400), "ok"])
    id = await s.invoke("f")
    await s.clock.advance(5 * 3600)
    assert s.starts("f") == [0.0] and (await s.show(id)).state is State.FAILED


async def test_the_three_budgets_are_never_mixed(s: Service) -> None:
    answers = [
        PlatformError(), PlatformError(), Error(), Lost(), PlatformError(), Throttle(), Lost(),
        Error(), PlatformError(), Error(),
    ]  # fmt: skip
    await s.function("f", answers=answers, max_retries=2, **EXACT)
    id = await s.invoke("f")
    await s.clock.advance(3600)
    view = await s.show(id)
    assert (view.state, view.reason) == (State.FAILED, Reason.RETRIES_EXHAUSTED)
    assert len(view.attempts) == 10
    assert view.spent.retries_used == 2 and view.spent.losses_used == 2
    budgets = [attempt.budget for attempt in view.attempts]
    assert budgets.count(Budget.PLATFORM_ERRORS) == 5 and budgets.count(Budget.LOSSES) == 2
    # A row of platform errors begins anew after the function ran: 0.5 s again.
    assert s.starts("f") == [0.0, 0.5, 1.5, 2.5, 2.5, 3.0, 4.0, 4.0, 6.0, 6.5]


async def test_five_hours_of_platform_errors_leave_all_retries(s: Service) -> None:
    began = s.clock.now()

    def script(run: Any) -> Any:
        return PlatformError() if s.clock.now() - began < 4 * 3_600_000 else Error()

    await s.function("f", answers=script, max_retries=3, **EXACT)
    id = await s.invoke("f")
    await s.clock.advance(5 * 3600)
    view = await s.show(id)
    assert view.reason is Reason.RETRIES_EXHAUSTED and view.spent.retries_used == 3


async def test_jitter_stays_between_half_and_all_of_the_wait(s: Service) -> None:
    await s.function("f", answers=[Error()], max_retries=1, concurrency=100)
    ids = [await s.invoke("f") for _ in range(50)]
    await s.clock.advance(10)
    waits = []
    for id in ids:
        first, second = (await s.show(id)).attempts
        assert first.retry_at is not None and first.ended_at is not None
        waits.append(first.retry_at - first.ended_at)
        assert second.started_at == first.retry_at
    assert 500 <= min(waits) < max(waits) <= 1000 and len(set(waits)) > 20


async def test_one_success_is_one_attempt_and_one_transition_to_a_final_state(s: Service) -> None:
    await s.function("f", answers=[Ok({"n": 2}, seconds=3)])
    id = await s.invoke("f")
    await s.clock.advance(10)
    view = await s.show(id)
    assert (view.state, view.reason, view.attempt) == (State.SUCCEEDED, Reason.OK, 1)
    assert view.attempts[0].duration_us == 3_000_000 and await s.result(id) == {"n": 2}
    entries = await s.store.journal(0, 1000)
    states = [transition.state for entry in entries for transition in entry.transitions]
    assert states == ["queued", "running", "succeeded"]
