"""What is shown of invocations and deliveries, one by one and in lists."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from ...lifecycle.decide import Spent
from ...lifecycle.outcome import Budget, Fault, Outcome
from ...lifecycle.states import Reason, State
from .invocations import Body, Meta


class AttemptView(Struct):
    attempt: int
    outcome: Outcome | None  # None: it is running
    budget: Budget | None
    started_at: int | None
    ended_at: int | None
    duration_us: int
    retry_at: int | None = None  # when the next attempt was due after this one
    error_type: str = ""
    error_message: str = ""
    error_stack: str = ""
    log_bytes: int = 0
    fault: Fault | None = None


class DeliveryAttemptView(Struct):
    attempt: int
    started_at: int
    duration_us: int
    status: int
    error: str


class DeliveryView(Struct):
    id: int
    receiver: str
    invocation_id: int
    function_id: int
    destination: bytes
    condition: str
    state: str  # pending, delivered, dead, stopped
    reason: str
    created_at: int
    due_at: int
    ended_at: int | None
    attempts_made: int
    since: int | None = None  # its first attempt; from here its time budget runs
    attempts: list[DeliveryAttemptView] = field(default_factory=list)


class InvocationView(Struct):
    """Everything about one invocation but its bodies."""

    id: int
    function_id: int
    function: str
    state: State
    reason: Reason | None
    accepted_at: int
    due_at: int
    expires_at: int
    ended_at: int | None
    attempt: int
    spent: Spent
    payload_bytes: int
    result_bytes: int | None
    meta: Meta
    redriven_as: int | None = None
    attempts: list[AttemptView] = field(default_factory=list)
    deliveries: list[DeliveryView] = field(default_factory=list)
    version: str = "latest"  # of the function, that ran or will run it

    @property
    def qualifier(self) -> str:
        """What the call named: `latest`, a version or an alias."""
        return self.meta.qualifier or self.version

    @property
    def last_ended(self) -> AttemptView | None:
        """The last attempt that ended, None where none has."""
        return next(
            (attempt for attempt in reversed(self.attempts) if attempt.outcome is not None), None
        )

    @property
    def final_attempt(self) -> AttemptView | None:
        """The attempt with which it ended; None where it ended while it waited, and before the
        end."""
        last = self.last_ended
        ended = self.ended_at is not None and last is not None and last.retry_at is None
        return last if ended else None


class InvocationRow(Struct):
    """One line of a list."""

    id: int
    function: str
    state: State
    reason: Reason | None
    accepted_at: int
    due_at: int
    ended_at: int | None
    attempt: int
    redriven_as: int | None = None
    version: str = "latest"


class DeliverySource(Struct, gc=False):
    """What a delivery's record is made of."""

    view: InvocationView
    payload: Body
    result: Body | None


class Page(Struct):
    """One page of a list. `cursor` is None on the last page. A page may be short, even empty, and
    still have a cursor: a filter that matches little is searched a bounded step at a time."""

    items: list[Any]
    cursor: str | None
