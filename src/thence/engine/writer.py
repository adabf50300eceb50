"""The group commit: every change the engine makes goes through here, many at a time.

While one commit is on its way to the disk, the next group gathers; the next commit starts when the
last has ended. There is no timer and no fixed window, so an idle service commits at once and a busy
one commits in large groups (design §1, §4).

When the store cannot write, all that somebody waits for is refused at once (`StoreUnavailable`: nothing
was changed, and nothing will be), while what must not be lost (settles, delivery results) is kept and
written when the store is back. On a full disk that is when there is room again (room.py); stops go before
that, in the reserve's space. A damaged store does not come back: then all is refused until the service is
started anew, and what ran is found as lost by that start.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ..clock import Clock
from ..errors import Draining, StoreLocked, StoreUnavailable
from ..notices import Committed as CommittedNotice
from ..notices import Notices
from ..store.interface import Store
from ..store.records import (
    Claim,
    Committed,
    DeliveryClaim,
    DeliveryResult,
    End,
    MailboxPut,
    NewInvocation,
    Settle,
    StopMark,
)
from .answer import Done, answered
from .group import FIELDS, KEPT, Group, tell
from .outage import PROBE_SECONDS, Outage
from .room import Room

log = logging.getLogger("thence.writer")

BATCH_MAX = 512
TIGHT_BATCH_MAX = 16  # after the disk was full; twice as many with each commit that succeeds


class Writer:
    """Owns all calls of `store.commit`."""

    def __init__(
        self, store: Store, clock: Clock, notices: Notices, room: Room | None = None
    ) -> None:
        self._store = store
        self._room = room or Room(store)
        self._clock = clock
        self._notices = notices
        self._groups: list[Group] = [Group()]
        self._task: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._wake = asyncio.Event()
        self._ended = False
        self._batch_max = BATCH_MAX
        self.outage = Outage(store, self._room, clock, notices, self._wake)
        """Whether the store can be written now. While it cannot, all but KEPT is refused."""

    # ------------------------------------------------------------ asking

    def accept(self, new: NewInvocation, done: Done) -> None:
        self._add("accepts", new, done)

    def settle(self, settle: Settle, done: Done) -> None:
        self._add("settles", settle, done)

    def end(self, end: End, done: Done) -> None:
        self._add("ends", end, done)

    def mark_stopping(self, mark: StopMark, done: Done) -> None:
        self._add("stops", mark, done)

    def claim(self, claim: Claim, done: Done) -> None:
        self._add("claims", claim, done)

    def delivery_result(self, result: DeliveryResult, done: Done) -> None:
        self._add("delivery_results", result, done)

    def claim_deliveries(self, claim: DeliveryClaim, done: Done) -> None:
        self._add("delivery_claims", claim, done)

    def put_mail(self, put: MailboxPut, done: Done) -> None:
        self._add("mailbox", put, done)

    async def wait(self, ask: Callable[[Any, Done], None], change: Any) -> Any:
        """`await writer.wait(writer.end, End(…))`: the store's answer, or its error raised."""
        return await answered(lambda done: ask(change, done))

    async def at_once(self, field: str, change: Any) -> Any:
        """A stop, which must not wait for room: as wait(), but on a full disk it is written in the
        reserve's space, ahead of all that is kept. Raises StoreUnavailable: it is not made."""
        try:
            return await self.wait(partial(self._add, field), change)
        except StoreUnavailable:
            if not self.outage.may_wait_for_room:
                raise
        self._room.check_stop()
        group, answers = Group(), []
        group.add(field, change, lambda answer, _: answers.append(answer))
        began = time.perf_counter()
        try:
            committed = await self._store.commit(group.batch)
        except StoreLocked:
            raise
        except StoreUnavailable as error:
            raise self.outage.no_stop() from error
        self._answer(group, committed, time.perf_counter() - began)
        return answers[0]

    # ------------------------------------------------------------ life

    def start(self) -> None:
        self.outage.start()
        self._task = asyncio.get_running_loop().create_task(self._drive(), name="writer")

    async def flush(self) -> None:
        """Return when everything asked so far has been written (or the store is down)."""
        while not self._idle.is_set() and not self.outage.down:
            waits = [asyncio.ensure_future(self._idle.wait())]
            await asyncio.wait(waits, timeout=1)
            for wait in waits:
                wait.cancel()

    def leave(self) -> None:
        """The node leaves: nothing new comes. On a full disk what ends from now on is written in the
        reserve's space, once and for all: it is little, and the next start could only find it as
        lost."""
        self.outage.leave()

    async def written(self, until: int) -> None:
        """Return when all that was asked is written, also where the store is away now; at `until`
        (ms) at the latest."""
        await self.flush()
        # A damaged store does not come back.
        while self.outage.down and self.outage.damaged is None and self._clock.now() < until:
            await self._clock.sleep(PROBE_SECONDS / 2)
            await self.flush()

    async def stop(self) -> None:
        await self.flush()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._ended = True
        groups, self._groups = self._groups, [Group()]
        unwritten = sum(len(group.done[field]) for group in groups for field in KEPT)
        if unwritten:
            log.warning("%s", _unwritten(unwritten, self.outage.refusal()))
        for group in groups:
            for field in FIELDS:
                for done in group.done[field]:
                    self._too_late(field, done)

    @staticmethod
    def _too_late(field: str, done: Done) -> None:
        """Nothing is written any more. Whoever waits is told; what an attempt or a delivery came to
        is left to the next start, which finds both as lost."""
        if field not in KEPT:
            error = Draining(
                "The service has shut down; nothing was changed.", retry_after_seconds=5
            )
            tell(done, None, error)

    # ------------------------------------------------------------ doing

    def _add(self, field: str, change: Any, done: Done) -> None:
        if self._ended:
            self._too_late(field, done)
            return
        if self.outage.down and field not in KEPT:
            done(None, self.outage.refusal())
            return
        group = self._groups[-1]
        if group.size >= self._batch_max:
            group = Group()
            self._groups.append(group)
        group.add(field, change, done)
        if self._idle.is_set():
            self._idle.clear()
            self._wake.set()

    async def _drive(self) -> None:
        while True:
            if self.outage.begins:
                await self._outlive(Group(), self.outage.refusal())
            if not self._groups[0].size:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
                continue
            # Two turns of the loop, not a wait: callers who were just answered have asked again, and
            # what they asked lies in their sockets. It makes groups of a busy service half as
            # large again, and each commit costs the same.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            group = self._groups.pop(0)
            if not self._groups:
                self._groups.append(Group())
            await self._write(group)

    async def _write(self, group: Group) -> None:
        began = time.perf_counter()
        try:
            committed = await self._store.commit(group.batch)
        except StoreUnavailable as error:
            await self._outlive(group, error)
            return
        except Exception as error:
            # A driver's or our own mistake: it must neither lose what was accepted nor stop the rest.
            log.exception("a commit failed")
            self._one_by_one(group, error)
            return
        self.outage.written()
        if self._batch_max < BATCH_MAX:
            self._batch_max = min(BATCH_MAX, 2 * self._batch_max)
        self._answer(group, committed, time.perf_counter() - began)

    def _answer(self, group: Group, committed: Committed, seconds: float) -> None:
        for field in FIELDS:
            callbacks = group.done[field]
            if not callbacks:
                continue
            answers = [True] * len(callbacks) if field == "mailbox" else getattr(committed, field)
            for done, answer in zip(callbacks, answers, strict=True):
                tell(done, answer, None)
        if self._notices.wanted(CommittedNotice):
            self._notices.publish(CommittedNotice(committed.entry, group.size, seconds))

    async def _outlive(self, group: Group, error: StoreUnavailable) -> None:
        """The store cannot write: refuse what may be refused, keep the rest, wait until it is back."""
        told = self.outage.begin(error)  # before the refused ask for more in their callbacks
        tight = self._room.full
        if tight:
            # A large commit may need more room than there is, each time anew.
            self._batch_max = TIGHT_BATCH_MAX
        kept = group.refuse(told)
        self.outage.say()
        groups, self._groups = self._groups, [Group()]
        for waiting in groups:
            kept.take(waiting.refuse(told))
        try:
            await self.outage.over()
        except asyncio.CancelledError:
            # The node ends before the store is back. Attempts are found as lost by the next start.
            self._groups.insert(0, kept)
            raise
        if kept.size:
            self._groups[:0] = kept.pieces(TIGHT_BATCH_MAX) if tight else [kept]
            self._idle.clear()

    def _one_by_one(self, group: Group, error: Exception) -> None:
        """Find the change that the store cannot take: each is a commit of its own, the next ones."""
        if group.size == 1:
            for field in FIELDS:
                for done in group.done[field]:
                    tell(done, None, StoreUnavailable(f"The change could not be stored ({error})."))
            return
        self._groups[:0] = group.singles()


def _unwritten(count: int, error: StoreUnavailable) -> str:
    what = "ending was" if count == 1 else "endings were"
    return (
        f"the service leaves, and {count} {what} not written (attempts and deliveries; the next start "
        f"finds them as lost, and makes them again where their budgets allow it): {error.detail}"
    )
