"""How a run ended, in the vendor's numeric codes (reference 14.2): of async records, of status logs and
of `X-Func-Err-Code`. Pure.

4000 to 9999 is the user's side, from 10000 the platform's. Three are this service's own, because the
vendor publishes none: 150408 for an event that was older than its validity period, 150500 for an
error of the platform without a number, 4024 for an event whose function was deleted before it ran.
"""

from __future__ import annotations

from ...lifecycle.outcome import BUDGET, Budget, Fault, Outcome
from ...lifecycle.states import FINAL, Reason, State
from ...store.records import AttemptView, InvocationView
from ..shared.ending import Failed, status
from .function_error import PREFIX
from .notification import SENTENCES

OK = 0
ENTRY, EXCEPTION, RESULT_SIZE, RESULT_TYPE = 4001, 4002, 4004, 4007
BODY_SIZE = 4008
INITIALIZER, TIMEOUT, METADATA, CANCELLED = 4009, 4010, 4024, 4208
EXITED, MEMORY, INITIALIZER_TIMEOUT = 4204, 4205, 4211
EXPIRED, INSTANCES, OVERLOAD, PLATFORM = 150408, 150429, 150430, 150500

_BY_FAULT = {
    Fault.LOAD: ENTRY,
    Fault.RESULT: RESULT_TYPE,
    Fault.RESULT_SIZE: RESULT_SIZE,
    Fault.INITIALIZER: INITIALIZER,
}
_BY_OUTCOME = {
    Outcome.OK: OK,
    Outcome.FUNCTION_ERROR: EXCEPTION,
    Outcome.TIMED_OUT: TIMEOUT,
    Outcome.CRASHED: EXITED,
    Outcome.OUT_OF_MEMORY: MEMORY,
    Outcome.STOPPED: CANCELLED,
    Outcome.LOST: PLATFORM,
}
_BY_STATUS = {429: INSTANCES, 503: OVERLOAD}


def is_functions(outcome: Outcome | None) -> bool:
    """Whether the function's own code is at fault."""
    return outcome is not None and BUDGET[outcome] is Budget.FUNCTION_ERRORS


def code(ended: Failed) -> int:
    """Of one run."""
    outcome = ended.outcome
    if outcome is None:
        return OK
    # Never by a name: the user's own exceptions may be called anything.
    if outcome is Outcome.FUNCTION_ERROR and ended.fault in _BY_FAULT:
        return _BY_FAULT[ended.fault]
    # (Only the platform ends a run for its time.)
    if outcome is Outcome.TIMED_OUT and ended.error_type == "InitializerTimedOut":
        return INITIALIZER_TIMEOUT
    if outcome in _BY_OUTCOME:
        return _BY_OUTCOME[outcome]
    return _BY_STATUS.get(status(ended), PLATFORM)


def of_attempt(attempt: AttemptView) -> tuple[int, str]:
    """(code, message) of one attempt; (0, "") of one that runs or ended well."""
    if attempt.outcome in (None, Outcome.OK, Outcome.NOT_STARTED):
        return OK, ""
    if attempt.outcome is Outcome.STOPPED:
        return CANCELLED, "function invocation canceled"
    prefix = PREFIX if is_functions(attempt.outcome) else ""
    return code(attempt), prefix + attempt.error_message


def of_invocation(view: InvocationView) -> tuple[int, str]:
    """(code, message) of why it ended as it did; while it waits for its next attempt, of the last
    one; else (0, "")."""
    if view.state not in FINAL:
        last = view.last_ended
        if view.state is State.RETRYING and last is not None:
            return of_attempt(last)
        return OK, ""
    return of_ending(view.reason, view.final_attempt)


def of_ending(reason: Reason | None, final: AttemptView | None) -> tuple[int, str]:
    """(code, message) of an ending. final: the attempt with which it ended, None where it ended
    while it waited."""
    match reason:
        case Reason.OK | None:
            return OK, ""
        case Reason.STOPPED_BY_CALLER | Reason.FUNCTION_DISABLED:
            return CANCELLED, "function invocation canceled"
        case Reason.EVENT_AGE_EXCEEDED:
            text = "the event is older than its validity period"
            with_ = "" if final is None else of_attempt(final)[1]
            return EXPIRED, f"{text}; the last attempt: {with_}" if with_ else text
        case Reason.FUNCTION_DELETED:
            return METADATA, "the function was deleted before it could run"
        case Reason.CONCURRENCY_LIMIT:
            return INSTANCES, SENTENCES[reason]
        case Reason.NO_RESOURCES:
            return OVERLOAD, SENTENCES[reason] if final is None else of_attempt(final)[1]
        case Reason.SUSPECTED_POISON:
            return PLATFORM, SENTENCES[reason]
        case Reason.PLATFORM_ERRORS_EXHAUSTED:
            return PLATFORM, SENTENCES[reason] if final is None else of_attempt(final)[1]
        case Reason.RETRIES_EXHAUSTED | Reason.NOT_RETRYABLE:
            return (EXCEPTION, str(reason)) if final is None else of_attempt(final)
