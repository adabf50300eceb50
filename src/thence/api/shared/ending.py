"""How an ending is told as an HTTP status, in the answer of a synchronous call and in a record. Pure."""

from __future__ import annotations

from typing import Protocol

from ...lifecycle.outcome import Fault, Outcome
from ...lifecycle.states import Reason

_STATUS = {
    Outcome.THROTTLED: 429,
    Outcome.PLATFORM_ERROR: 500,
    Outcome.NO_RESOURCES: 503,
    Outcome.LOST: 500,
    Outcome.DRAINED: 503,  # "insufficient resources": its instance was taken away
}
_ENDED_BY = {
    Reason.PLATFORM_ERRORS_EXHAUSTED: 500,
    Reason.CONCURRENCY_LIMIT: 429,
    Reason.NO_RESOURCES: 503,
    Reason.SUSPECTED_POISON: 500,
    Reason.FUNCTION_DELETED: 404,
}


class Failed(Protocol):
    """One attempt that ended: store.records.AttemptView and runtimes.interface.Ended are such."""

    @property
    def outcome(self) -> Outcome | None: ...
    @property
    def error_type(self) -> str: ...
    @property
    def error_message(self) -> str: ...
    @property
    def error_stack(self) -> str: ...
    @property
    def duration_us(self) -> int: ...
    @property
    def fault(self) -> Fault | None: ...


def status(ended: Failed) -> int:
    """200 also when the function failed; 429 at the concurrency limit, 503 where there was nothing
    to run it with, 500 for other errors of the platform (seed alibaba-fc-retries)."""
    return 200 if ended.outcome is None else _STATUS.get(ended.outcome, 200)


def ending_status(reason: Reason | None, final: Failed | None) -> int:
    """The same of an invocation, whatever earlier attempts of it had met. `final`: the attempt with
    which it ended, None where it ended while it waited."""
    if reason in _ENDED_BY:
        return _ENDED_BY[reason]
    return 200 if final is None else status(final)
