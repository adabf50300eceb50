"""decide(): every decision is a transition of the table, and the three budgets never mix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence.lifecycle.decide import (
    LAST_TRY_MS,
    Complete,
    Decision,
    Fail,
    GiveBack,
    RetryAt,
    Spent,
    decide,
)
from thence.lifecycle.outcome import BUDGET, Budget, Outcome, billed
from thence.lifecycle.policy import Policy, RetryWait
from thence.lifecycle.states import (
    ACTIVE,
    DEAD,
    FINAL,
    TRANSITIONS,
    WAITING,
    ForbiddenTransition,
    Reason,
    State,
    allowed,
    check_transition,
    sources,
)

NOW = 1_700_000_000_000
FAR = NOW + 30 * 86_400_000
PLAIN = RetryWait(jitter="none")
PLAIN_PLATFORM = RetryWait(first_seconds=0.5, cap_seconds=10**9, jitter="none")
FUNCTION_ERRORS = [o for o in Outcome if BUDGET[o] is Budget.FUNCTION_ERRORS]
PLATFORM_ERRORS = [o for o in Outcome if BUDGET[o] is Budget.PLATFORM_ERRORS]

ENDED_BY = {
    Outcome.THROTTLED: Reason.CONCURRENCY_LIMIT,
    Outcome.NO_RESOURCES: Reason.NO_RESOURCES,
    Outcome.PLATFORM_ERROR: Reason.PLATFORM_ERRORS_EXHAUSTED,
}

outcomes = st.sampled_from(list(Outcome))
policies = st.builds(
    Policy,
    max_retries=st.integers(0, 8),
    retry_wait=st.builds(
        RetryWait,
        first_seconds=st.floats(0, 86_400),
        factor=st.floats(1, 10),
        cap_seconds=st.floats(0, 86_400),
        jitter=st.sampled_from(["none", "equal", "full"]),
    ),
    platform_seconds=st.none() | st.floats(0, 86_400),
    losses_max=st.integers(0, 10),
)
spents = st.builds(
    Spent,
    retries_used=st.integers(0, 9),
    platform_tries=st.integers(0, 5000),
    platform_since=st.none() | st.integers(NOW - 86_400_000, NOW),
    losses_used=st.integers(0, 11),
)
randoms = st.floats(0, 1, exclude_max=True)


def step(
    outcome: Outcome, spent: Spent, policy: Policy, now: int = NOW, **rest: object
) -> Decision:
    arguments = {"now": now, "expires_at": FAR, "random": 0.5, **rest}
    return decide(outcome, spent, policy, **arguments)  # type: ignore[arg-type]


def next_state(decision: Decision, before: State, attempt: int) -> State:
    """What the engine makes of a decision."""
    if isinstance(decision, Complete):
        return State.SUCCEEDED
    if isinstance(decision, Fail):
        return decision.state
    if isinstance(decision, GiveBack):
        return State.QUEUED if attempt == 1 else State.RETRYING
    return State.RETRYING


@given(
    outcomes, spents, policies, randoms, st.booleans(), st.integers(-1000, 10**9),
    st.none() | st.floats(0, 1e6), st.integers(1, 20),
)  # fmt: skip
def test_every_decision_is_a_transition_that_the_table_allows(
    outcome: Outcome,
    spent: Spent,
    policy: Policy,
    random: float,
    stopping: bool,
    left: int,
    asked: float | None,
    attempt: int,
) -> None:
    before = State.STOPPING if stopping else State.RUNNING
    decision = decide(
        outcome,
        spent,
        policy,
        now=NOW,
        expires_at=NOW + left,
        random=random,
        stopping=stopping,
        retry_after_seconds=asked,
    )
    after = next_state(decision, before, attempt)
    assert allowed(before, after), (before, outcome, after)
    if isinstance(decision, RetryAt):
        # At the end of its age nothing begins. Where that is the time for errors of the platform, it is
        # waited for.
        whole = outcome in PLATFORM_ERRORS and policy.platform_seconds is None
        last = left if whole else left - 1
        assert NOW <= decision.due_at <= NOW + last
        assert BUDGET[outcome] is decision.budget
    if isinstance(decision, Fail):
        assert decision.state in FINAL


def test_a_final_state_never_changes_and_every_other_has_a_way_to_its_end() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(State) == WAITING | ACTIVE | FINAL
    assert not WAITING & ACTIVE and not (WAITING | ACTIVE) & FINAL
    assert DEAD < FINAL
    for state in FINAL:
        assert TRANSITIONS[state] == frozenset()
    for state in WAITING | ACTIVE:
        assert State.STOPPED in TRANSITIONS[state]


def test_a_transition_that_is_not_in_the_table_is_refused_with_its_name() -> None:
    check_transition(State.RUNNING, State.RETRYING)
    with pytest.raises(ForbiddenTransition, match="from stopping to expired"):
        check_transition(State.STOPPING, State.EXPIRED)
    assert sources(State.STOPPING) == {State.RUNNING} and sources(State.RUNNING) == WAITING


def test_success_is_success_even_when_a_stop_was_asked_or_the_age_is_over() -> None:
    assert isinstance(step(Outcome.OK, Spent(), Policy(), stopping=True), Complete)
    assert isinstance(step(Outcome.OK, Spent(), Policy(), expires_at=NOW - 1), Complete)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.OK])
def test_after_a_stop_nothing_is_tried_again(outcome: Outcome) -> None:
    decision = step(outcome, Spent(retries_used=1), Policy(), stopping=True)
    spent = Spent(retries_used=1, losses_used=1 if outcome is Outcome.LOST else 0)
    assert decision == Fail(State.STOPPED, Reason.STOPPED_BY_CALLER, spent)


def test_an_attempt_that_never_started_costs_nothing() -> None:
    assert isinstance(step(Outcome.NOT_STARTED, Spent(), Policy(max_retries=0)), GiveBack)


# ---------------------------------------------------------------- function errors


@pytest.mark.parametrize("outcome", FUNCTION_ERRORS)
@pytest.mark.parametrize("max_retries", range(9))
def test_a_failing_function_is_tried_once_and_max_retries_times_again(
    outcome: Outcome, max_retries: int
) -> None:
    policy = Policy(max_retries=max_retries, retry_wait=PLAIN)
    spent, now, waits = Spent(), NOW, []
    while isinstance(decision := step(outcome, spent, policy, now), RetryAt):
        waits.append((decision.due_at - now) / 1000)
        spent, now = decision.spent, decision.due_at
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60][:max_retries]
    assert isinstance(decision, Fail)
    assert (decision.state, decision.reason) == (State.FAILED, Reason.RETRIES_EXHAUSTED)


@given(policies, spents, randoms, st.sampled_from(FUNCTION_ERRORS))
def test_function_errors_spend_only_their_own_budget(
    policy: Policy, spent: Spent, random: float, outcome: Outcome
) -> None:
    decision = step(outcome, spent, policy, random=random)
    assert isinstance(decision, (RetryAt, Fail))
    assert decision.spent.losses_used == spent.losses_used
    # The function ran: a later platform error starts a budget of its own.
    assert decision.spent.platform_since is None
    assert decision.spent.platform_tries == 0


# ---------------------------------------------------------------- platform errors


@pytest.mark.parametrize("outcome", PLATFORM_ERRORS)
def test_platform_errors_are_tried_again_at_these_instants_for_five_hours(
    outcome: Outcome,
) -> None:
    """0.5 s doubling, capped at 300 s; the last try falls on the end of the fifth hour."""
    spent, now, at = Spent(), NOW, [0.0]
    while isinstance(decision := step(outcome, spent, Policy(), now), RetryAt):
        spent, now = decision.spent, decision.due_at
        at.append((now - NOW) / 1000)
    doubling = [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5, 255.5]
    capped = [511.5 + 300 * number for number in range(59)]
    # 255.5 + 256 = 511.5 is the last doubled wait; from there every 300 s.
    assert at[:10] == doubling
    assert at[10:-1] == [instant for instant in capped if instant < 18_000]
    assert at[-1] == 18_000
    assert len(at) == 70
    assert isinstance(decision, Fail)
    assert decision.reason is ENDED_BY[outcome]
    assert spent.retries_used == spent.losses_used == 0


@given(policies, spents, randoms, st.sampled_from(PLATFORM_ERRORS), st.none() | st.floats(0, 1e6))
def test_a_platform_wait_is_at_least_what_was_asked_for_within_the_budget(
    policy: Policy, spent: Spent, random: float, outcome: Outcome, asked: float | None
) -> None:
    decision = step(outcome, spent, policy, random=random, retry_after_seconds=asked)
    since = NOW if spent.platform_since is None else spent.platform_since
    seconds = policy.platform_seconds
    ends = FAR if seconds is None else since + round(seconds * 1000)
    assert isinstance(decision, (RetryAt, Fail))
    assert decision.spent.retries_used == spent.retries_used
    assert decision.spent.losses_used == spent.losses_used
    if isinstance(decision, RetryAt):
        assert decision.due_at <= ends
        wanted = NOW + round(
            max(policy.platform_wait.seconds(spent.platform_tries + 1, random), asked or 0) * 1000
        )
        assert decision.due_at == min(wanted, ends)
        assert NOW + round((asked or 0) * 1000) <= ends  # a floor is kept, or nothing is tried
    elif decision.state is State.FAILED:
        assert ends <= NOW or NOW + round((asked or 0) * 1000) > ends


def test_a_platform_that_asks_for_longer_than_is_left_is_not_tried_before_that() -> None:
    spent = Spent(platform_tries=5, platform_since=NOW - 4 * 3_600_000)
    asked = step(Outcome.PLATFORM_ERROR, spent, Policy(), retry_after_seconds=3601)
    assert isinstance(asked, Fail) and asked.reason is Reason.PLATFORM_ERRORS_EXHAUSTED
    just = step(Outcome.PLATFORM_ERROR, spent, Policy(), retry_after_seconds=3600)
    assert isinstance(just, RetryAt) and just.due_at == NOW + 3_600_000


@pytest.mark.parametrize("outcome", PLATFORM_ERRORS)
def test_without_a_time_of_their_own_platform_errors_are_tried_again_to_the_end_of_the_age(
    outcome: Outcome,
) -> None:
    policy = Policy(platform_seconds=None, platform_wait=PLAIN_PLATFORM)
    ends, spent, now, at = NOW + 86_400_000, Spent(), NOW, [0.0]
    while isinstance(decision := step(outcome, spent, policy, now, expires_at=ends), RetryAt):
        spent, now = decision.spent, decision.due_at
        at.append((now - NOW) / 1000)
    # It doubles, the last try is made just before the event is too old, and then it waits for that.
    assert at == [*(0.5 * (2**number - 1) for number in range(18)), 86_399.0, 86_400.0]
    assert isinstance(decision, Fail)
    assert (decision.state, decision.reason) == (State.EXPIRED, Reason.EVENT_AGE_EXCEEDED)


def test_a_last_try_before_the_age_ends_is_not_earlier_than_was_asked_for() -> None:
    rest = {"expires_at": NOW + 60_000, "retry_after_seconds": 59.5}
    decision = step(Outcome.THROTTLED, Spent(platform_tries=9), Policy(), **rest)
    assert isinstance(decision, Fail) and decision.state is State.EXPIRED
    whole = Policy(platform_seconds=None)
    decision = step(Outcome.THROTTLED, Spent(platform_tries=9), whole, **rest)
    assert (
        isinstance(decision, RetryAt) and decision.due_at == NOW + 60_000
    )  # and nothing begins then
    rest["retry_after_seconds"] = 60
    decision = step(Outcome.THROTTLED, Spent(platform_tries=9), whole, **rest)
    assert isinstance(decision, Fail) and decision.state is State.EXPIRED
    decision = step(Outcome.THROTTLED, Spent(platform_tries=9), Policy(), expires_at=NOW + 60_000)
    assert isinstance(decision, RetryAt) and decision.due_at == NOW + 60_000 - LAST_TRY_MS


def test_retry_after_shorter_than_the_wait_does_not_shorten_it() -> None:
    spent = Spent(platform_tries=5, platform_since=NOW)
    decision = step(Outcome.THROTTLED, spent, Policy(), retry_after_seconds=1)
    assert isinstance(decision, RetryAt)
    assert decision.due_at == NOW + 16_000


@pytest.mark.parametrize(
    ("expires_at", "kind"), [(NOW + 1000, Fail), (NOW + 1001, RetryAt), (NOW + 999, Fail)]
)
def test_a_retry_at_the_very_instant_of_expiry_is_too_late(expires_at: int, kind: type) -> None:
    policy = Policy(retry_wait=RetryWait(first_seconds=1, jitter="none"))
    decision = step(Outcome.FUNCTION_ERROR, Spent(), policy, expires_at=expires_at)
    assert isinstance(decision, kind)


@given(spent=spents, policy=policies)
def test_what_our_own_shutdown_cut_off_spends_nothing_and_runs_again_at_once(
    spent: Spent, policy: Policy
) -> None:
    decision = step(Outcome.DRAINED, spent, policy, began=True)
    assert isinstance(decision, RetryAt)
    assert (decision.due_at, decision.budget) == (NOW, None)
    assert decision.spent == Spent(
        spent.retries_used, losses_used=spent.losses_used, interrupted=spent.interrupted + 1
    )
    assert decision.spent.may_have_run


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("began", [True, False])
def test_that_an_earlier_attempt_may_have_run_is_known_where_it_has_no_ending_of_its_own(
    outcome: Outcome, began: bool
) -> None:
    decision = step(outcome, Spent(), Policy(), began=began)
    if isinstance(decision, RetryAt):
        no_ending = outcome is Outcome.LOST or (
            began and outcome in (Outcome.DRAINED, Outcome.PLATFORM_ERROR)
        )
        assert decision.spent.may_have_run == no_ending


def test_a_function_error_between_two_rows_of_platform_errors_starts_the_clock_anew() -> None:
    first = step(Outcome.PLATFORM_ERROR, Spent(), Policy())
    assert isinstance(first, RetryAt)
    between = step(Outcome.FUNCTION_ERROR, first.spent, Policy(), NOW + 60_000)
    assert isinstance(between, RetryAt)
    again = step(Outcome.PLATFORM_ERROR, between.spent, Policy(), NOW + 120_000)
    assert isinstance(again, RetryAt)
    assert again.spent.platform_since == NOW + 120_000
    assert again.due_at == NOW + 120_500


# ---------------------------------------------------------------- losses


@pytest.mark.parametrize("losses_max", [0, 1, 3])
def test_lost_once_more_than_allowed_is_quarantined(losses_max: int) -> None:
    policy = Policy(losses_max=losses_max, max_retries=0)
    spent, losses = Spent(), 0
    while isinstance(decision := step(Outcome.LOST, spent, policy), RetryAt):
        assert losses <= losses_max
        assert decision.due_at == NOW  # it did nothing wrong that we know of: at once
        assert decision.spent.retries_used == 0
        spent, losses = decision.spent, losses + 1
    assert losses == losses_max
    assert isinstance(decision, Fail)
    assert decision.reason is Reason.SUSPECTED_POISON


# ---------------------------------------------------------------- age and bills


@given(policies, spents, randoms, outcomes, st.integers(-(10**6), 10**8))
def test_no_retry_is_waited_for_that_would_come_too_late(
    policy: Policy, spent: Spent, random: float, outcome: Outcome, left: int
) -> None:
    decision = step(outcome, spent, policy, random=random, expires_at=NOW + left)
    unbounded = step(outcome, spent, policy, random=random)
    if isinstance(unbounded, RetryAt) and unbounded.due_at >= NOW + left:
        if outcome in PLATFORM_ERRORS and left - LAST_TRY_MS >= 500:
            last = NOW + left - LAST_TRY_MS
            assert decision == RetryAt(last, unbounded.spent, Budget.PLATFORM_ERRORS)
            return
        if outcome in PLATFORM_ERRORS and policy.platform_seconds is None and left > 0:
            assert decision == RetryAt(NOW + left, unbounded.spent, Budget.PLATFORM_ERRORS)
            return
        assert decision == Fail(State.EXPIRED, Reason.EVENT_AGE_EXCEEDED, unbounded.spent)
    else:
        assert decision == unbounded


def test_only_attempts_that_ran_the_function_are_billed() -> None:
    ran = {Outcome.OK, *FUNCTION_ERRORS}
    assert {outcome for outcome in Outcome if billed(outcome)} == ran
    assert set(BUDGET) == set(Outcome)
