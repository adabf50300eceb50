"""How attempts and waiting invocations end."""

from __future__ import annotations

from msgspec import Struct, field

from ...lifecycle.decide import Spent
from ...lifecycle.outcome import Budget, Fault, Outcome
from ...lifecycle.states import Reason, State
from .deliveries import NewDelivery
from .invocations import Body


class Settle(Struct, gc=False):
    """The end of one attempt, fenced by (id, attempt, lease).

    `state` is final (then `reason`, `result`, `deliveries` count), RETRYING (then `due_at`), or
    QUEUED/RETRYING with outcome NOT_STARTED: the attempt is taken back and its number reused.
    """

    id: int
    function_id: int
    attempt: int
    lease: int
    outcome: Outcome
    state: State
    now: int
    started_at: int | None = None
    duration_us: int = 0
    reason: Reason | None = None
    result: Body | None = None
    spent: Spent = field(default_factory=Spent)
    budget: Budget | None = None
    due_at: int = 0
    error_type: str = ""
    error_message: str = ""
    error_stack: str = ""
    log: bytes | None = None
    fault: Fault | None = None
    deliveries: tuple[NewDelivery, ...] = ()


class End(Struct, gc=False):
    """An ending without an attempt: a waiting invocation is stopped, expired, failed or invalid.

    Applies only while the invocation waits (queued or retrying); otherwise nothing changes.
    """

    id: int
    function_id: int
    state: State
    reason: Reason
    now: int
    deliveries: tuple[NewDelivery, ...] = ()


class StopMark(Struct, gc=False):
    """running -> stopping, fenced by attempt: the stop is durable before the instance is ended."""

    id: int
    function_id: int
    attempt: int
    now: int
    aborted: bool = False  # because its function was disabled; of two stops the first counts
