"""What goes into a store and comes out of it. Instants are ms since the epoch; ids are 128-bit ints."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from ..lifecycle.decide import Spent
from ..lifecycle.lineage import Lineage
from ..lifecycle.outcome import Budget, Fault, Outcome
from ..lifecycle.states import Reason, State


class Meta(Struct, omit_defaults=True):
    """What only some invocations have: one JSON column, NULL when all is default."""

    content_type: str = ""
    traceparent: str = ""
    idempotency_key: str = ""
    source: str = ""  # what accepted it, when not a caller: "redrive", "destination"
    redrive_of: str = ""  # text id
    lineage: Lineage | None = None
    qualifier: str = ""  # what the call named, where it was not the version that runs it
    caller_id: str = ""  # the id that the caller gave it (FC: task id)
    followed: bool = False  # AsyncConfig.followed when it was accepted


class Body(Struct, gc=False):
    """A payload or a result: in the row when it is small, else in the blob store under `ref`."""

    data: bytes | None
    bytes: int
    ref: str | None = None
    digest: str = ""  # sha256 hex, only with a ref (drivers look after what is in their rows)


# ---------------------------------------------------------------- written


class NewInvocation(Struct, gc=False):
    """One accept. `lease` set: attempt 1 is claimed in the same commit by that incarnation."""

    id: int
    function_id: int
    accepted_at: int
    due_at: int
    expires_at: int
    payload: Body
    lease: int = 0
    meta: bytes | None = None  # msgspec JSON of Meta
    idempotency_key: str | None = None
    fingerprint: bytes = b""  # of the request, kept with the key
    idempotency_expires_at: int = 0
    key_scope: int = 0  # the family within which the key is one; 0: function_id
    listed_in: int = 0  # the family in whose list it is kept; 0: in none
    caller_id: str | None = None  # taken once in that list; None: the text of `id`
    qualifier: str = "latest"  # in the list: what the call named


class MailboxPut(Struct, gc=False):
    """One message for the built-in mailbox. `once` makes a repeated put of the same delivery a no-op."""

    kind: str
    name: str
    key: str
    body: bytes
    content_type: str
    headers: dict[str, str]
    now: int
    expires_at: int | None
    once: str


class Call(Struct, gc=False):
    """A call of a function of this service that a delivery makes: the engine makes a NewInvocation
    of it."""

    name: str
    qualifier: str
    payload: bytes
    content_type: str
    idempotency_key: str
    lineage: Lineage | None
    traceparent: str
    source: str


class NewDelivery(Struct, gc=False):
    """A record owed to a destination, written with the final state.

    `put` or `call` set: the destination is in this store and gets the record in the same commit.
    The delivery is delivered from the start, with one try at the instant of the ending; nobody will
    ever claim it.
    """

    id: int
    key: str  # its lane: deliveries of one key share a limit, other keys are not slowed by it
    destination: bytes  # catalog.destination.encode_destination
    condition: str  # "success" or "failure": which ending it was configured for
    due_at: int
    put: MailboxPut | None = None
    call: NewInvocation | None = None  # without a lease: it waits

    @property
    def placed(self) -> bool:
        """Delivered by the commit that owes it."""
        return self.put is not None or self.call is not None


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


class Claim(Struct, gc=False):
    """Claim up to `limit` waiting invocations of one function that are due at `now`, oldest due
    first, under `lease`: running, attempt + 1. Those past `expires_at` are left for expire().
    `suspects`: only those that were lost before; else only the others."""

    function_id: int
    limit: int
    lease: int
    now: int
    suspects: bool = False


class DeliveryClaim(Struct, gc=False):
    """Take up to `limit` pending deliveries of one key that are due at `now`, oldest due first.
    Their due_at moves to `until`: nobody takes them before that. When the incarnation `lease` is
    declared dead they are due at once; without a lease (0) a crash re-sends them at `until`."""

    key: str
    limit: int
    now: int
    until: int
    lease: int = 0


class DeliveryResult(Struct, gc=False):
    """One attempt at a delivery. `state`: pending (again at due_at), delivered, dead or stopped."""

    id: int
    attempt: int
    state: str
    now: int
    started_at: int
    duration_us: int
    due_at: int = 0
    status: int = 0  # HTTP status or 0
    error: str = ""
    reason: str = ""  # for dead: "rejected", "retries_exhausted", "too_many_hops", …


# ---------------------------------------------------------------- read


class Claimed(Struct, gc=False):
    """A claimed invocation, with what its run needs."""

    id: int
    function_id: int
    attempt: int
    spent: Spent
    accepted_at: int
    due_at: int
    expires_at: int
    payload: Body
    meta: bytes | None


class Accepted(Struct, gc=False):
    """What became of one NewInvocation: its own id, or an earlier one with the same key."""

    id: int
    duplicate: bool = False
    mismatch: bool = False  # the key belongs to another request: 422
    taken: bool = False  # the caller id belongs to another invocation, `id`; nothing was accepted


class Lost(Struct, gc=False):
    """An attempt whose lease belongs to a dead incarnation."""

    id: int
    function_id: int
    attempt: int
    lease: int
    state: State  # RUNNING or STOPPING
    spent: Spent
    accepted_at: int
    expires_at: int
    qualifier: str = ""  # Meta.qualifier
    beside_suspect: bool = False  # it was never lost before, and ran beside one that was
    aborted: bool = False  # stopping because its function was disabled


class Waiting(Struct, gc=False):
    """A waiting invocation as expire() and the deletion of a function see it."""

    id: int
    function_id: int
    state: State
    due_at: int
    expires_at: int
    qualifier: str = ""  # Meta.qualifier
    attempts: int = 0  # that were begun


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
    key: str
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
    since: int | None = None  # its first try; from here its time budget runs
    attempts: list[DeliveryAttemptView] = field(default_factory=list)


class ClaimedDeliveries(Struct, gc=False):
    """What one DeliveryClaim took, without their attempts' lists; and when the earliest of all that
    is pending of that key is due, what was just taken included (at `until`). None: nothing is."""

    taken: list[DeliveryView]
    next_due: int | None


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
        return next((one for one in reversed(self.attempts) if one.outcome is not None), None)

    @property
    def final_attempt(self) -> AttemptView | None:
        """The attempt with which it ended; None where it ended while it waited, and before the
        end."""
        last = self.last_ended
        ended = self.ended_at is not None and last is not None and last.retry_at is None
        return last if ended else None


class DeliverySource(Struct, gc=False):
    """What a delivery's record is made of."""

    view: InvocationView
    payload: Body
    result: Body | None


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


class Page(Struct):
    """One page of a list. `cursor` is None on the last page. A page may be short, even empty, and
    still have a cursor: a filter that matches little is searched a bounded step at a time."""

    items: list[Any]
    cursor: str | None


class FunctionCounts(Struct):
    """Per function: waiting now, running now, and counters since the store was made."""

    function_id: int
    function: str
    waiting: int = 0
    delayed: int = 0  # of waiting: not due yet
    running: int = 0
    oldest_due_at: int | None = None  # of the waiting that are due: since when it could have begun
    accepted: int = 0
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0
    expired: int = 0
    invalid: int = 0
    deliveries_pending: int = 0
    deliveries_delivered: int = 0
    deliveries_dead: int = 0


MAILBOX_PAGE_BYTES = 8 * 1024 * 1024


class MailboxMessage(Struct):
    seq: int
    kind: str
    name: str
    key: str  # object key in a bucket, else ""
    body: bytes
    content_type: str
    headers: dict[str, str]
    created_at: int
    expires_at: int | None
    visible_at: int = 0
    receives: int = 0
    receipt: str = ""


class MinuteCount(Struct, gc=False):
    """How much one metric of one function counted in one minute. What is counted twice in a minute
    is merged as `merged` says, in memory and in the store."""

    minute: int  # its start, ms
    function: str
    metric: str
    value: float


def merged(metric: str, before: float, value: float) -> float:
    """Two values of one metric in one minute: of a metric whose name ends in `_max` the higher one,
    in `_min` the lower one, of any other their sum."""
    if metric.endswith("_max"):
        return max(before, value)
    if metric.endswith("_min"):
        return min(before, value)
    return before + value


class Transition(Struct, gc=False, array_like=True):
    """One committed change, as the journal keeps it."""

    at: int
    id: int
    function_id: int
    state: str  # a State, or "delivery:<state>"
    attempt: int
    reason: str = ""
    delivery: int = 0


class JournalEntry(Struct, gc=False):
    seq: int
    transitions: list[Transition]
