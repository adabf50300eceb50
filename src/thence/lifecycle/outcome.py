"""How one attempt ended, and which of the three retry budgets that spends.

Function errors are the function's own doing (a count). Platform errors are ours or the
instance's (a time). Lost executions are attempts nobody can answer for: the node died or its
lease ran out (a small count of its own, then quarantine). The budgets are never mixed. What our own
shutdown cut off spends none of them.
"""

from __future__ import annotations

from enum import Enum


class Outcome(str, Enum):
    OK = "ok"
    FUNCTION_ERROR = "function_error"  # the handler raised, or its result cannot be serialised
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"  # the instance exited or died during the attempt
    OUT_OF_MEMORY = "out_of_memory"
    THROTTLED = "throttled"  # 429
    PLATFORM_ERROR = "platform_error"  # 500, unreachable
    NO_RESOURCES = "no_resources"  # 503: there was nothing to run it with
    LOST = "lost"
    DRAINED = "drained"  # begun, and cut off by a shutdown of ours
    STOPPED = "stopped"
    NOT_STARTED = "not_started"  # claimed, but never begun: given back, costs nothing

    __str__ = str.__str__


class Fault(str, Enum):
    """What the platform itself found, of a function error that the user's code did not raise."""

    LOAD = "load"  # the handler cannot be had of the code: not there, or its import raises
    EVENT = "event"  # the payload is not what the handler takes
    RESULT = "result"  # what it returned cannot be written as JSON
    RESULT_SIZE = "result_size"  # what it returned is too large
    INITIALIZER = "initializer"  # it failed, or cannot be had of the code

    __str__ = str.__str__


class Budget(str, Enum):
    FUNCTION_ERRORS = "function_errors"
    PLATFORM_ERRORS = "platform_errors"
    LOSSES = "losses"

    __str__ = str.__str__


BUDGET: dict[Outcome, Budget | None] = {
    Outcome.OK: None,
    Outcome.FUNCTION_ERROR: Budget.FUNCTION_ERRORS,
    Outcome.TIMED_OUT: Budget.FUNCTION_ERRORS,
    Outcome.CRASHED: Budget.FUNCTION_ERRORS,
    Outcome.OUT_OF_MEMORY: Budget.FUNCTION_ERRORS,
    Outcome.THROTTLED: Budget.PLATFORM_ERRORS,
    Outcome.PLATFORM_ERROR: Budget.PLATFORM_ERRORS,
    Outcome.NO_RESOURCES: Budget.PLATFORM_ERRORS,
    Outcome.LOST: Budget.LOSSES,
    Outcome.DRAINED: None,
    Outcome.STOPPED: None,
    Outcome.NOT_STARTED: None,
}


def billed(outcome: Outcome) -> bool:
    """Attempts that ran the function's code are billed; platform errors are not (FC, seed alibaba-fc-retries)."""
    return outcome is Outcome.OK or BUDGET[outcome] is Budget.FUNCTION_ERRORS
