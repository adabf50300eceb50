"""decide(): what happens to an invocation when one of its attempts has ended.

A pure function of the spent budgets, the outcome, the policy, the instant and one random number.
The three budgets are never mixed (design §2, promise 4):

- function errors: a count, `policy.max_retries`;
- platform errors: a time, `policy.platform_seconds` since the first of an unbroken row of them (or
  the event age alone); what the last one was is why the invocation ended;
- losses: a small count, `policy.losses_max`, then quarantine as suspected poison.

An attempt that our own shutdown cut off spends none of them, and no time either.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from .outcome import BUDGET, Budget, Outcome
from .policy import Policy
from .states import Reason, State

LAST_TRY_MS = 1000
"""So long before the end of its event age an invocation is tried once more after platform errors."""

ENDED_BY = {
    Outcome.THROTTLED: Reason.CONCURRENCY_LIMIT,
    Outcome.NO_RESOURCES: Reason.NO_RESOURCES,
    Outcome.PLATFORM_ERROR: Reason.PLATFORM_ERRORS_EXHAUSTED,
}
"""Why an invocation has failed whose time for platform errors ended with that outcome."""


class Spent(Struct, frozen=True, gc=False):
    """What an invocation has used of its three budgets so far."""

    retries_used: int = 0
    platform_tries: int = 0  # in the present unbroken row of platform errors
    platform_since: int | None = None  # ms, the first of that row
    losses_used: int = 0
    interrupted: int = 0  # attempts that began and came to no ending of their own, losses aside

    @property
    def may_have_run(self) -> bool:
        """An earlier attempt began, and nobody knows how far it came."""
        return self.losses_used > 0 or self.interrupted > 0


class Complete(Struct, frozen=True, gc=False):
    """The function answered: succeeded."""


class RetryAt(Struct, frozen=True, gc=False):
    """Another attempt at `due_at` (ms)."""

    due_at: int
    spent: Spent
    budget: Budget | None  # None: nothing was spent


class Fail(Struct, frozen=True, gc=False):
    """No further attempt: `state` is failed, expired or stopped."""

    state: State
    reason: Reason
    spent: Spent


class GiveBack(Struct, frozen=True, gc=False):
    """The attempt never started: the invocation waits again as before, nothing is spent."""


_NO_ENDING = frozenset({Outcome.DRAINED, Outcome.PLATFORM_ERROR})
"""Where these had begun, how far the function came is not known. A loss counts by itself."""

Decision = Complete | RetryAt | Fail | GiveBack


def decide(
    outcome: Outcome,
    spent: Spent,
    policy: Policy,
    *,
    now: int,
    expires_at: int,
    random: float,
    stopping: bool = False,
    hopeless: bool = False,
    retry_after_seconds: float | None = None,
    began: bool = False,
    charged: bool = True,
) -> Decision:
    """What follows `outcome`.

    now, expires_at: ms. `stopping`: a stop was asked while the attempt ran; whatever the function
    answered, the caller asked for no more attempts, so anything but success ends as stopped.
    `hopeless`: what ended the attempt would end every other one too, so a function error is not
    retried. `retry_after_seconds`: what the callee asked for with Retry-After. It is a floor: where
    the budget for platform errors ends before it, no attempt would honour it and the budget is over.
    `began`: the function's code had begun. `charged`: a loss is counted against it; else something
    that ran beside it has to answer for it.

    A retry that would fall at or after `expires_at` is not waited for: the invocation expires now.
    (Waits for the platform may be long, so there the last try is made just before it.) Where the
    event age is the whole time for platform errors, that time is over when it is over: the invocation
    waits until `expires_at`, where nothing begins any more, unless a Retry-After leads beyond it.
    """
    if outcome is Outcome.OK:
        return Complete()
    if stopping or outcome is Outcome.STOPPED:
        if outcome is Outcome.LOST and charged:  # shown as what it was, though no attempt follows
            spent = replace(spent, losses_used=spent.losses_used + 1)
        return Fail(State.STOPPED, Reason.STOPPED_BY_CALLER, spent)
    if outcome is Outcome.NOT_STARTED:
        return GiveBack()
    budget = BUDGET[outcome]
    if began and outcome in _NO_ENDING:
        spent = replace(spent, interrupted=spent.interrupted + 1)
    decision: Decision
    if outcome is Outcome.DRAINED:
        decision = _drained(spent, now)
    elif budget is Budget.FUNCTION_ERRORS:
        decision = _function_error(spent, policy, now, random, hopeless)
    elif budget is Budget.PLATFORM_ERRORS:
        asked = retry_after_seconds or 0.0
        decision = _platform_error(outcome, spent, policy, now, expires_at, random, asked)
    else:
        decision = _lost(spent, policy, now, charged)
    if isinstance(decision, RetryAt) and decision.due_at >= expires_at:
        asked_ms = round((retry_after_seconds or 0.0) * 1000)
        whole = budget is Budget.PLATFORM_ERRORS and policy.platform_seconds is None
        if whole and now + asked_ms < expires_at:
            return replace(decision, due_at=expires_at)
        return Fail(State.EXPIRED, Reason.EVENT_AGE_EXCEEDED, decision.spent)
    return decision


def _drained(spent: Spent, now: int) -> Decision:
    # The function ran, so a row of platform errors is over: else deploys within a long run would
    # make one row of errors that lie hours apart.
    return RetryAt(now, replace(spent, platform_tries=0, platform_since=None), None)


def _function_error(
    spent: Spent, policy: Policy, now: int, random: float, hopeless: bool
) -> Decision:
    # The function ran, so a row of platform errors is over.
    spent = replace(spent, platform_tries=0, platform_since=None)
    if hopeless:
        return Fail(State.FAILED, Reason.NOT_RETRYABLE, spent)
    if spent.retries_used >= policy.max_retries:
        return Fail(State.FAILED, Reason.RETRIES_EXHAUSTED, spent)
    spent = replace(spent, retries_used=spent.retries_used + 1)
    wait = policy.retry_wait.seconds(spent.retries_used, random)
    return RetryAt(now + round(wait * 1000), spent, Budget.FUNCTION_ERRORS)


def _platform_error(
    outcome: Outcome,
    spent: Spent,
    policy: Policy,
    now: int,
    expires_at: int,
    random: float,
    asked: float,
) -> Decision:
    since = now if spent.platform_since is None else spent.platform_since
    tries = spent.platform_tries + 1
    spent = replace(spent, platform_tries=tries, platform_since=since)
    wait = max(policy.platform_wait.seconds(tries, random), asked)
    due_at = now + round(wait * 1000)
    if policy.platform_seconds is not None:
        ends = since + round(policy.platform_seconds * 1000)
        if now >= ends or now + round(asked * 1000) > ends:
            return Fail(State.FAILED, ENDED_BY[outcome], spent)
        # The last try falls exactly on the end of the budget: the whole of it is used.
        due_at = min(due_at, ends)
    last, soonest = expires_at - LAST_TRY_MS, max(policy.platform_wait.first_seconds, asked)
    if due_at >= expires_at and last >= now + max(1, round(soonest * 1000)):
        due_at = last
    return RetryAt(due_at, spent, Budget.PLATFORM_ERRORS)


def _lost(spent: Spent, policy: Policy, now: int, charged: bool) -> Decision:
    if not charged:
        return RetryAt(now, replace(spent, interrupted=spent.interrupted + 1), None)
    spent = replace(spent, losses_used=spent.losses_used + 1)
    if spent.losses_used > policy.losses_max:
        return Fail(State.FAILED, Reason.SUSPECTED_POISON, spent)
    return RetryAt(now, spent, Budget.LOSSES)
