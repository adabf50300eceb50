"""Notices: typed records that something happened, after it was committed.

Logs, metrics, the live event stream, long polls and waiting tests all hang on them, so there is
one place to add a fact. A handler is called on the event loop, must not block, and may not fail
the publisher: its error is logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from .lifecycle.outcome import Outcome
from .lifecycle.states import Reason, State

log = logging.getLogger("thence.notices")


class Notice(Struct, frozen=True, gc=False):
    """The root of all notices."""


class InvocationAccepted(Notice, frozen=True, gc=False):
    id: int
    function: str


class InvocationThrottled(Notice, frozen=True, gc=False):
    """It had to wait because its function was at its limit."""

    id: int
    function: str


class AttemptStarted(Notice, frozen=True, gc=False):
    id: int
    function: str
    attempt: int
    wait_ms: int  # from due to start


class AttemptEnded(Notice, frozen=True, gc=False):
    id: int
    function: str
    attempt: int
    outcome: Outcome
    duration_us: int


class InvocationRetrying(Notice, frozen=True, gc=False):
    id: int
    function: str
    attempt: int
    outcome: Outcome
    due_at: int


class InvocationSettled(Notice, frozen=True, gc=False):
    """It reached its final state."""

    id: int
    function: str
    state: State
    reason: Reason
    attempts: int


class LateAnswerDropped(Notice, frozen=True, gc=False):
    """A settle found that another attempt owns the invocation; its answer was dropped."""

    id: int
    function: str
    attempt: int


class AttemptLost(Notice, frozen=True, gc=False):
    id: int
    function: str
    attempt: int


class DeliveryAttempted(Notice, frozen=True, gc=False):
    id: int
    invocation: int
    function: str
    destination: str
    attempt: int
    status: int
    error: str


class DeliveryEnded(Notice, frozen=True, gc=False):
    """delivered, dead or stopped."""

    id: int
    invocation: int
    function: str
    destination: str
    state: str
    reason: str


class FunctionChanged(Notice, frozen=True, gc=False):
    """`fields`: what is different now, without values that may be secrets. `actor`: who asked for it,
    an access key's id, auth_token, unauthenticated, or local. `revision`: of the function, after it."""

    function: str
    change: str  # created, updated, deleted
    fields: tuple[str, ...] = ()
    revision: int = 0
    actor: str = "local"


class TriggerFired(Notice, frozen=True, gc=False):
    """An invocation that a trigger caused is accepted and on disk."""

    function: str
    trigger: str
    type: str


class TriggerRefused(Notice, frozen=True, gc=False):
    """A firing that never can be accepted was left behind; `key` names it at its source."""

    function: str
    trigger: str
    key: str
    error: str


class TriggerFailed(Notice, frozen=True, gc=False):
    """Its source cannot be read, or what it yields not be accepted; tried again until it can be."""

    function: str
    trigger: str
    error: str


class TriggerRecovered(Notice, frozen=True, gc=False):
    function: str
    trigger: str


class InstanceStarted(Notice, frozen=True, gc=False):
    function: str
    instance: str
    start_ms: int


class InstanceEnded(Notice, frozen=True, gc=False):
    function: str
    instance: str
    reason: str  # idle, timed_out, crashed, out_of_memory, stopped, replaced, closing


class StoreLost(Notice, frozen=True, gc=False):
    """The store stopped answering; said once until it is back."""

    error: str


class StoreHit(Notice, frozen=True, gc=False):
    """The store is damaged: nothing more is accepted until it was mended and the service started
    anew. Said once when it is found, and once more when it is known which tables are hit."""

    error: str
    tables: tuple[str, ...]


class StoreMoved(Notice, frozen=True, gc=False):
    """Files of the store were deleted or replaced while it is in use."""

    files: tuple[str, ...]


class StoreLogLong(Notice, frozen=True, gc=False):
    """The store's write-ahead log grows because another program reads an old state of the file. Said
    again at each doubling."""

    bytes: int


class StoreBack(Notice, frozen=True, gc=False):
    seconds: float


class Committed(Notice, frozen=True, gc=False):
    """One group commit: for the live event stream and the metrics of the writer."""

    entry: Any  # store.records.JournalEntry or None
    size: int
    seconds: float


class NodeStarted(Notice, frozen=True, gc=False):
    name: str
    incarnation: int


class ClockAstray(Notice, frozen=True, gc=False):
    """The machine's clock was set, or is wrong: service time is `ahead_seconds` of it (below 0:
    behind) and moves towards it slowly. Said once until it is there."""

    ahead_seconds: float


class ClockRight(Notice, frozen=True, gc=False):
    """Service time and the machine's clock are together again."""


class NodeDraining(Notice, frozen=True, gc=False):
    name: str


class NodeStopped(Notice, frozen=True, gc=False):
    """It has drained and left the store: what was accepted is on disk. One that does not come so far
    says why."""

    name: str
    cut_off: int  # attempts that did not end in time; they run again


class FilesUnused(Notice, frozen=True, gc=False):
    """A sweep found files that nothing in the store uses."""

    what: str  # code, blobs
    unused: int
    removed: int  # of them: unused for `kept_days`
    kept_days: int


class LoopFailed(Notice, frozen=True, gc=False):
    """A loop's round failed; it goes on. Said once until a round succeeds."""

    loop: str
    error: str


N = TypeVar("N", bound=Notice)


class Notices:
    """Publish and subscribe, in process, synchronous."""

    def __init__(self) -> None:
        self._handlers: dict[type[Notice], list[Callable[[Any], None]]] = {}
        self._all: list[Callable[[Notice], None]] = []
        # Who hears a kind, ready to be called: looked up for every notice, changed hardly ever.
        self._hearers: dict[type[Notice], tuple[Callable[[Any], None], ...]] = {}

    def on(self, kind: type[N], handler: Callable[[N], None]) -> Callable[[], None]:
        """Call `handler` for every notice of that kind; the answer unsubscribes."""
        self._handlers.setdefault(kind, []).append(handler)
        self._hearers.clear()
        return lambda: self._off(self._handlers[kind], handler)

    def on_all(self, handler: Callable[[Notice], None]) -> Callable[[], None]:
        """Call `handler` for every notice of any kind."""
        self._all.append(handler)
        self._hearers.clear()
        return lambda: self._off(self._all, handler)

    def _off(self, handlers: list[Callable[[Any], None]], handler: Callable[[Any], None]) -> None:
        handlers.remove(handler)
        self._hearers.clear()

    def _hear(self, kind: type[Notice]) -> tuple[Callable[[Any], None], ...]:
        hearers = self._hearers[kind] = (*self._handlers.get(kind, ()), *self._all)
        return hearers

    def wanted(self, kind: type[Notice]) -> bool:
        """Whether anybody listens: the hot path makes no notice that nobody wants."""
        hearers = self._hearers.get(kind)
        return bool(self._hear(kind) if hearers is None else hearers)

    def publish(self, notice: Notice) -> None:
        kind = type(notice)
        hearers = self._hearers.get(kind)
        for handler in self._hear(kind) if hearers is None else hearers:
            try:
                handler(notice)
            except Exception:
                # A listener's mistake must not stop what it listens to.
                log.exception("a handler of %s failed", kind.__name__)

    async def wait_for(
        self,
        kind: type[N],
        where: Callable[[N], bool] = lambda notice: True,
        *,
        seconds: float = 30,
    ) -> N:
        """The next notice of that kind for which `where` holds; TimeoutError after real `seconds`."""
        future: asyncio.Future[N] = asyncio.get_running_loop().create_future()

        def see(notice: N) -> None:
            if not future.done() and where(notice):
                future.set_result(notice)

        off = self.on(kind, see)
        try:
            return await asyncio.wait_for(future, seconds)
        finally:
            off()
