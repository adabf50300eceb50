"""The contract every storage driver keeps.

Rules for all drivers:

- **Every write takes batches and is one transaction.** `commit(batch)` returns only after the
  whole batch is on disk (fsync), or raises `StoreUnavailable` having changed nothing.
- Calls of `commit` are never concurrent: the engine's writer makes one at a time and gathers the
  next group meanwhile. Reads may run at any time and see committed data only.
- Reads raise `StoreUnavailable` when the database does not answer.
- What passes is told apart from damage. After a read or write that found damage (it raises
  `StoreDamaged`, a kind of `StoreUnavailable`) every write raises `StoreDamaged`, for good; reads go
  on, and give what can be read.
- Instants are arguments. A driver never reads a clock.
- `tests/store/` holds the conformance suite that every driver passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct, field

from ..catalog.entry import Entry
from ..catalog.function import Function
from ..catalog.step import CatalogueParts, CatalogueRows, Changed, Step
from ..clock import ClockMark
from ..errors import StoreCorrupt, StoreDamaged, StoreUnavailable
from ..lifecycle.states import State
from .records import (
    Accepted,
    Body,
    Claim,
    Claimed,
    ClaimedDeliveries,
    DeliveryClaim,
    DeliveryResult,
    DeliverySource,
    DeliveryView,
    End,
    FunctionCounts,
    InvocationView,
    JournalEntry,
    Lost,
    MailboxMessage,
    MailboxPut,
    MinuteCount,
    NewInvocation,
    Page,
    Settle,
    Waiting,
)


class StopMark(Struct, gc=False):
    """running -> stopping, fenced by attempt: the stop is durable before the instance is ended."""

    id: int
    function_id: int
    attempt: int
    now: int
    aborted: bool = False  # because its function was disabled; of two stops the first counts


class Batch(Struct):
    """One group of changes: one transaction, applied in the order of the fields below."""

    accepts: list[NewInvocation] = field(default_factory=list)
    settles: list[Settle] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    stops: list[StopMark] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    delivery_results: list[DeliveryResult] = field(default_factory=list)
    delivery_claims: list[DeliveryClaim] = field(default_factory=list)
    mailbox: list[MailboxPut] = field(default_factory=list)


class Committed(Struct):
    """What became of a batch: lists parallel to the batch's own."""

    accepts: list[Accepted]
    settles: list[bool]  # False: another attempt owns the invocation now; nothing was changed
    ends: list[bool]  # False: it was not waiting any more
    stops: list[bool]  # False: that attempt is not running any more
    claims: list[list[Claimed]]
    delivery_results: list[bool]  # False: the delivery is not pending any more
    delivery_claims: list[ClaimedDeliveries]
    entry: JournalEntry | None  # the transitions of this commit, in order; None if there were none


class Tended(Struct, frozen=True):
    """How the store's files are."""

    log_bytes: int = 0  # written, but not in its place yet
    moved: tuple[str, ...] = ()  # files that were deleted or replaced while in use


class Filter(Struct, frozen=True):
    """Which invocations a list or a redrive means. Times are of accept, ms; None = any."""

    function_id: int | None = None
    states: frozenset[State] | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None
    dead: bool = False  # failed, expired, invalid, or stopped because its function was disabled
    redriven: bool | None = None  # dead letters: already redriven, or not yet
    family: int | None = None  # of any version of that function


class ListFilter(Struct, frozen=True):
    """Which invocations of a function's list (Batch.accepts with `listed_in`) are meant. Times are
    of accept, ms, both ends included; None or empty = any."""

    states: frozenset[State] | None = None
    qualifier: str | None = None
    caller_id_prefix: str = ""
    since: int | None = None
    until: int | None = None


class Store(Protocol):
    @property
    def shared(self) -> bool:
        """Whether other nodes may have the same data open. False: nothing changes but by calls of
        this object, so that nobody has to look for what others did."""
        ...

    # ------------------------------------------------------------ life
    async def open(self) -> None:
        """Make or migrate the schema and take the exclusive hold on it, where the driver has one.

        Declares dead only incarnations that cannot be alive; what those held is lost at once. Where the
        driver holds the data alone these are all earlier ones; where other nodes may use it, only the
        former ones of this node, if the driver can be sure which they are (they joined from a data
        directory that one process at a time can have). Another node's incarnation lives until its
        lease has ended: see `lost`.

        Raises StoreTooNew, StoreInUse, StoreCorrupt. A second call is an error.
        """
        ...

    async def close(self) -> None:
        """Let go. Idempotent."""
        ...

    async def healthy(self) -> bool:
        """Whether a small write and fsync succeed now (used to recover after a full disk)."""
        ...

    def on_damage(self, told: Callable[[StoreDamaged], None]) -> None:
        """`told` is called once, on the event loop, when damage is found."""
        ...

    def on_unwritten(self, told: Callable[[StoreUnavailable], bool]) -> None:
        """`told` is called, on the event loop, with what a write other than a commit failed for, damage
        excepted. Where it answers True there is room for it now: the write is tried once more. What it
        raises is raised in place of that."""
        ...

    async def find_damage(self, found: StoreDamaged) -> StoreDamaged:
        """The same with the names of what is damaged (tables, indexes) in its sentence and its
        `tables`, as far as a look of some seconds finds them."""
        ...

    async def refusal(self, found: StoreDamaged) -> StoreCorrupt:
        """What a start that found damage ends with."""
        ...

    # ------------------------------------------------------------ nodes and leases
    async def join(
        self, name: str, now: int, expires_at: int, mark: ClockMark | None = None
    ) -> int:
        """Register a new incarnation of a node; its number is the lease of all it claims.
        Numbers grow and are never used twice. Declares nobody dead: another of that name may be a node
        that was given the same one. `mark` is kept for the next start, here and below."""
        ...

    async def renew(self, incarnation: int, expires_at: int, mark: ClockMark | None = None) -> bool:
        """Extend the lease of all that the incarnation holds. False: it was already declared dead."""
        ...

    async def leave(self, incarnation: int, mark: ClockMark | None = None) -> None:
        """The incarnation is gone; the attempts it still holds are lost at once, the deliveries it
        was sending are due at once."""
        ...

    async def clock_mark(self) -> ClockMark | None:
        """The mark that was kept last; one that is behind it is not kept."""
        ...

    async def shift_ages(self, ms: int, mark: ClockMark) -> None:
        """Time has jumped by `ms` while nothing was under way: event ages, retry budgets, idempotency
        keys and mailbox messages end so much later. What is due stays due. Keeps `mark` with it."""
        ...

    async def lost(self, now: int, limit: int) -> list[Lost]:
        """Attempts held by incarnations that left or whose lease ended at `now`, whichever node they
        were of; they are settled with outcome LOST under the lease given here. Such an incarnation is
        dead from now on: `renew` refuses it, and the settles of its attempts lose against the one that
        came first. Those that were lost before come last."""
        ...

    # ------------------------------------------------------------ the way of an invocation
    async def commit(self, batch: Batch) -> Committed: ...

    async def highest_id(self) -> int:
        """The highest invocation id in the store, 0 when empty (floor of the id source)."""
        ...

    async def next_due(self, function_ids: Sequence[int]) -> dict[int, int]:
        """The earliest due_at of the waiting invocations of each function that has any; suspects
        (lost before) are left out."""
        ...

    async def due_functions(
        self, after: int = 0, limit: int | None = None
    ) -> dict[int, int | None]:
        """Functions that have waiting invocations, with the earliest due_at, suspects left out (None:
        it has only suspects): those whose id is above `after`, in its order, at most `limit` of them,
        at the cost of so many. Must not read every waiting row."""
        ...

    async def suspects(self, function_id: int | None = None) -> dict[int, int]:
        """The earliest due_at of the waiting invocations that were lost before, of each function
        that has any, or of that one. Must not read the other waiting rows."""
        ...

    async def live(self, function_ids: Sequence[int]) -> set[int]:
        """Of these functions, those of which anything waits or runs; must not read every waiting
        row."""
        ...

    async def expiring(self, now: int, limit: int) -> list[Waiting]:
        """Waiting invocations with expires_at <= now, oldest expiry first."""
        ...

    async def next_expiry(self) -> int | None:
        """The earliest expires_at of any waiting invocation."""
        ...

    async def waiting(
        self, function_id: int, limit: int, due_before: int | None = None
    ) -> list[Waiting]:
        """Waiting invocations of one function by due_at, optionally only those with due_at < due_before."""
        ...

    async def delivery_keys(self, after: str = "", limit: int | None = None) -> dict[str, int]:
        """The keys that have pending deliveries, with the earliest due_at of each: those above
        `after`, in order, at most `limit`, at the cost of so many."""
        ...

    # ------------------------------------------------------------ the catalog
    async def functions(self, *, deleted: bool = False) -> list[Function]:
        """All functions by name, `latest` first and then its versions as they were published; with
        `deleted`, also those deleted whose invocations remain."""
        ...

    async def entries(self) -> list[Entry]:
        """All entries, by kind, owner and name."""
        ...

    async def catalogue(self) -> CatalogueRows:
        """All functions (as `functions(deleted=True)`) and all entries, with the revision at which
        they were so, in one snapshot."""
        ...

    async def catalogue_since(self, revision: int) -> CatalogueParts | CatalogueRows | None:
        """What was changed since that revision, in one snapshot: None where it is the present one (one
        look at one row), the whole where it is not known any more what was changed since. Asked each
        second by every node, so it costs as much as was changed, however much there is."""
        ...

    async def catalogue_revision(self) -> int:
        """It grows by 1 with every change, of whichever node, and in the order in which changes can
        be seen: who sees one sees all of lower revisions."""
        ...

    async def change(
        self, steps: Sequence[Step], now: int, *, if_unchanged: int | None = None
    ) -> Changed:
        """Change the catalogue: the steps in their order, in one transaction, or nothing.

        `if_unchanged`: the revision by which the change was decided. Raises CatalogueChanged, with
        the present `revision`, when that is not the catalogue's any more: of two changes that were
        decided by the same revision only one is made. None: whatever it is.
        Raises Conflict for a version that the family has, or had before and invocations of it
        remain; FunctionNotFound when such a family is not there. What is deleted already is no
        error: False in `left`."""
        ...

    # ------------------------------------------------------------ reading
    async def invocation(self, id: int) -> InvocationView | None:
        """Everything about one invocation, read in one snapshot."""
        ...

    async def payload(self, id: int) -> tuple[Body, str] | None:
        """The payload and its content type. None: no such invocation. Body.data None and ref None:
        its retention has ended."""
        ...

    async def result(self, id: int) -> Body | None: ...

    async def log(self, id: int, attempt: int | None = None) -> bytes | None:
        """The output captured in that attempt (None: the last that has ended)."""
        ...

    async def invocations(self, filter: Filter, limit: int, cursor: str | None) -> Page:
        """InvocationRow items, newest first. The cursor is opaque; a bad one raises InvalidInput."""
        ...

    async def listed(
        self,
        family: int,
        filter: ListFilter,
        limit: int,
        cursor: str | None,
        *,
        ascending: bool = False,
    ) -> Page:
        """InvocationView items of a function's list, newest first unless `ascending`, read in one
        snapshot. A page may be short, even empty, and still have a cursor."""
        ...

    async def by_caller_id(self, family: int, caller_id: str) -> int | None:
        """The id of the invocation with that caller id in the function's list."""
        ...

    async def deliveries(
        self, state: str | None, function_id: int | None, limit: int, cursor: str | None
    ) -> Page:
        """DeliveryView items, newest first. function_id: also of the versions of its family."""
        ...

    async def delivery(self, id: int) -> DeliveryView | None: ...

    async def delivery_sources(self, ids: Sequence[int]) -> dict[int, DeliverySource]:
        """What the records of these deliveries are made of, by delivery id, in one snapshot; those
        whose invocation is not there any more are left out."""
        ...

    async def redrive_delivery(self, id: int, due_at: int) -> bool:
        """dead or stopped -> pending, its attempts counted from 0 and `created_at` set to `due_at`,
        so that its time budget begins anew. False: it was neither."""
        ...

    async def stop_deliveries(self, invocation_id: int, now: int) -> int:
        """pending -> stopped, for all of one invocation; the number changed."""
        ...

    async def mark_redriven(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Remember (dead letter id, new invocation id)."""
        ...

    async def counts(self, now: int | None = None) -> list[FunctionCounts]:
        """Per function, from one snapshot: live rows counted, counters as kept by commits.
        `delayed` counts the waiting that are not due at `now`; without it, 0."""
        ...

    async def add_minutes(self, counts: Sequence[MinuteCount]) -> None:
        """Merge into what the minutes hold already, as `records.merged` says: add, but keep the
        highest of metrics that end in `_max` and the lowest of those that end in `_min`."""
        ...

    async def minutes(
        self, since: int, until: int, *, function: str | None = None, metric: str | None = None
    ) -> list[MinuteCount]:
        """The counts of the minutes in [since, until), by minute, function and metric."""
        ...

    async def journal(self, after: int, limit: int) -> list[JournalEntry]:
        """Journal entries with seq > after, in order."""
        ...

    async def journal_bounds(self) -> tuple[int, int]:
        """(lowest, highest) seq kept; (0, 0) when empty."""
        ...

    # ------------------------------------------------------------ the mailbox
    async def mailbox_names(self) -> list[dict[str, Any]]:
        """`{kind, name, messages, bytes, oldest_at}` for each box."""
        ...

    async def mailbox_read(
        self, kind: str, name: str, after: int, limit: int, prefix: str = ""
    ) -> list[MailboxMessage]:
        """Messages with seq > after without taking them. Ends behind the one with which their bodies
        have MAILBOX_PAGE_BYTES together, so that a page has a bound."""
        ...

    async def mailbox_receive(
        self, name: str, limit: int, now: int, visibility_ms: int
    ) -> list[MailboxMessage]:
        """Take messages of a queue: invisible to others for visibility_ms, with a receipt each. Ends
        as mailbox_read does."""
        ...

    async def mailbox_delete(
        self,
        kind: str,
        name: str,
        *,
        seq: int | None = None,
        receipt: str | None = None,
        key: str | None = None,
    ) -> int:
        """Delete one message (by seq, receipt or object key) or, with none of them, the whole box as
        it is when asked, in steps: where a step fails, those before it are deleted."""
        ...

    # ------------------------------------------------------------ keeping house
    async def prune(
        self,
        *,
        history_before: int,
        payload_before: int,
        result_before: int,
        journal_before: int,
        minutes_before: int = 0,
        now: int,
        limit: int,
    ) -> tuple[int, list[str]]:
        """Delete what has outlived its retention, at most about `limit` rows: final invocations that
        ended before `history_before` and owe no delivery, bodies (only of final invocations that owe
        no delivery; captured output goes with the result), journal entries but the newest, counts
        of minutes that began before `minutes_before`, expired idempotency keys and mailbox messages,
        nodes that hold nothing. With its history an invocation leaves its function's list, and its
        caller id is free again.
        Returns (rows changed, refs of blobs now unused). 0: nothing was left to do."""
        ...

    async def tidy(self) -> int:
        """Give back to the disk what can be given without writing anything new. Returns how many
        bytes are free in the store itself, from deletions."""
        ...

    async def tend(self) -> Tended:
        """Look after the files; called every second. Where commits would not last any more because a
        file is gone, that is damage."""
        ...

    async def verify(self) -> dict[str, Any]:
        """Check the invariants of design §2 over the whole store; `{"problems": [sentences], …counts}`."""
        ...
