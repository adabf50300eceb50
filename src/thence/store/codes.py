"""Small integers that stand for words in the tables. Numbers are for ever: only append."""

from __future__ import annotations

from ..lifecycle.outcome import Budget, Fault, Outcome
from ..lifecycle.states import Reason, State

STATES = (
    State.QUEUED,  # 0
    State.RETRYING,  # 1
    State.RUNNING,  # 2
    State.STOPPING,  # 3
    State.SUCCEEDED,  # 4
    State.FAILED,  # 5
    State.STOPPED,  # 6
    State.EXPIRED,  # 7
    State.INVALID,  # 8
)
REASONS = (
    Reason.OK,  # 0
    Reason.RETRIES_EXHAUSTED,  # 1
    Reason.PLATFORM_ERRORS_EXHAUSTED,  # 2
    Reason.SUSPECTED_POISON,  # 3
    Reason.EVENT_AGE_EXCEEDED,  # 4
    Reason.STOPPED_BY_CALLER,  # 5
    Reason.FUNCTION_DELETED,  # 6
    Reason.NOT_RETRYABLE,  # 7
    Reason.CONCURRENCY_LIMIT,  # 8
    Reason.NO_RESOURCES,  # 9
    Reason.FUNCTION_DISABLED,  # 10
)
OUTCOMES = (
    Outcome.OK,  # 0
    Outcome.FUNCTION_ERROR,  # 1
    Outcome.TIMED_OUT,  # 2
    Outcome.CRASHED,  # 3
    Outcome.OUT_OF_MEMORY,  # 4
    Outcome.THROTTLED,  # 5
    Outcome.PLATFORM_ERROR,  # 6
    Outcome.LOST,  # 7
    Outcome.STOPPED,  # 8
    Outcome.NOT_STARTED,  # 9
    Outcome.DRAINED,  # 10
    Outcome.NO_RESOURCES,  # 11
)
FAULTS = (
    None,  # 0
    Fault.LOAD,  # 1
    Fault.EVENT,  # 2
    Fault.RESULT,  # 3
    Fault.RESULT_SIZE,  # 4
    Fault.INITIALIZER,  # 5
)
BUDGETS = (Budget.FUNCTION_ERRORS, Budget.PLATFORM_ERRORS, Budget.LOSSES)
DELIVERY_STATES = ("pending", "delivered", "dead", "stopped")

STATE = {word: code for code, word in enumerate(STATES)}
REASON = {word: code for code, word in enumerate(REASONS)}
FAULT = {word: code for code, word in enumerate(FAULTS)}
OUTCOME = {word: code for code, word in enumerate(OUTCOMES)}
BUDGET = {word: code for code, word in enumerate(BUDGETS)}
DELIVERY_STATE = {word: code for code, word in enumerate(DELIVERY_STATES)}

QUEUED, RETRYING, RUNNING, STOPPING, SUCCEEDED, FAILED, STOPPED, EXPIRED, INVALID = range(9)
PENDING, DELIVERED, DEAD, DELIVERY_STOPPED = range(4)


def budget_code(budget: Budget | None) -> int | None:
    return None if budget is None else BUDGET[budget]


def budget_of(code: int | None) -> Budget | None:
    return None if code is None else BUDGETS[code]


OUTCOMES_MAX = 32
"""The column `outcome` holds an outcome, and above it which fault the platform found: most have none,
and a column of its own would be carried by all."""


def outcome_code(outcome: Outcome, fault: Fault | None) -> int:
    return OUTCOME[outcome] + OUTCOMES_MAX * FAULT[fault]


def outcome_of(code: int | None) -> Outcome | None:
    return None if code is None else OUTCOMES[code % OUTCOMES_MAX]


def fault_of(code: int | None) -> Fault | None:
    return None if code is None else FAULTS[code // OUTCOMES_MAX]
