"""The SQLite driver: the methods of `store.interface.Store`, each in its own module of this folder."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...catalog.entry import Entry
from ...catalog.function import Function
from ...catalog.step import CatalogueParts, CatalogueRows, Changed, Step
from ...clock import ClockMark
from ...errors import StoreCorrupt, StoreDamaged, StoreUnavailable
from ..folder import DataFolder
from ..interface import Batch, Committed, Filter, ListFilter, Tended
from ..records import (
    Body,
    DeliverySource,
    DeliveryView,
    FunctionCounts,
    InvocationView,
    JournalEntry,
    Lost,
    MailboxMessage,
    MinuteCount,
    Page,
    Waiting,
)
from . import (
    catalog,
    counts,
    damage,
    mailbox,
    minutes,
    prune,
    queue,
    read_deliveries,
    read_invocations,
    read_listed,
    read_sources,
    times,
    verify,
)
from .connection import HIT_SECONDS, NOTED_SECONDS, hold, prepare, unopened
from .faults import cannot_start, damaged, is_busy, is_damage
from .threads import Threads
from .work import Work

log = logging.getLogger("thence.store")


class SqliteStore:
    """One file, one process.

    `inline`: everything runs on the event loop's thread, nothing in threads, so that a test with
    virtual time sees the same order in every run. `fresh`: a new store may take the place of a lost
    one. `create`: without it, only a store that is there is opened. `shared`: for tests of what other
    nodes mean: the name of this node; no hold is taken, so that stores of other names may be open too,
    and only incarnations of that name are known to be former ones.
    """

    def __init__(
        self,
        path: Path,
        *,
        inline: bool = False,
        fresh: bool = False,
        create: bool = True,
        held_to_the_end: bool = False,
        shared: str = "",
    ) -> None:
        """held_to_the_end: close() keeps the hold, which ends with the process. Threads of it may
        write below the data directory until then."""
        self.path = path
        self._held_to_the_end = held_to_the_end
        self._shared = shared
        self._inline = inline
        self._folder = DataFolder(path, fresh=fresh, create=create)
        self._held: int | None = None
        self._open: Work | None = None
        self._pruned = prune.Marks()
        self._on_damage: Callable[[StoreDamaged], None] = lambda damage: None
        self._on_unwritten: Callable[[StoreUnavailable], bool] = lambda error: False

    @property
    def shared(self) -> bool:
        return bool(self._shared)

    # ------------------------------------------------------------ life

    async def open(self) -> None:
        await self._take(look=False)
        try:
            await self._work.read(self._glance)
            # Durable before anything is claimed anew: what earlier processes held is lost, now.
            await self._work.write(queue.former_gone, self._shared or None)
        except StoreDamaged as error:
            refusal = await self.refusal(error)
            await self._close()
            raise refusal from error
        except StoreUnavailable as error:
            await self._close()
            found = error.__cause__
            if isinstance(found, sqlite3.Error) and is_busy(found):
                raise unopened(self.path, found) from error  # it does not go on: the start ends
            raise
        except BaseException:
            await self._close()
            raise

    async def open_to_look(self) -> None:
        """As open(), but nothing is changed in a store of the present schema, and damage that does
        not keep the file from being opened is no error: for `verify`."""
        await self._take(look=True)

    async def _take(self, *, look: bool) -> None:
        """Off the loop: it may wait for a visitor's lock, change the schema of a large store, or hang
        with the disk, and the node answers meanwhile."""
        if self._open is not None:
            raise RuntimeError("this store is open already")
        if self._inline:
            self._taken(look)
            return
        threads = Threads(1, "thence-store-open")
        try:
            await threads.run(self._taken, look)
        except asyncio.CancelledError:
            await self._close()
            raise
        finally:
            threads.close()

    def _taken(self, look: bool) -> None:
        self._held, db = _take(self.path, self._folder, look, not self._shared)
        work = Work(self.path, db, inline=self._inline)
        work.on_damage = lambda damage: self._on_damage(damage)
        work.on_unwritten = lambda error: self._on_unwritten(error)
        self._pruned = prune.Marks()
        self._open = work

    def _glance(self, db: sqlite3.Connection) -> None:
        if damage.noted(self.path):
            log.warning(
                "damage was found in %s while it was served: every page is read before the start goes on, "
                "which takes as long as the disk takes to read it, %d s at most",
                self.path,
                NOTED_SECONDS,
            )
            tables = damage.hit(db, NOTED_SECONDS)
            if tables:
                raise damaged(
                    self.path, "damage was found while it was served, and is there", tables
                )
            damage.forget(self.path)
        found = damage.glance(db)
        if found is not None:
            raise damaged(self.path, str(found[1]), found[0]) from found[1]

    async def close(self) -> None:
        await self._close(keep_hold=self._held_to_the_end)

    async def _close(self, *, keep_hold: bool = False) -> None:
        work, self._open = self._open, None
        held, self._held = self._held, None
        let_go = _nothing if held is None or keep_hold else partial(os.close, held)
        if work is None:
            let_go()
        else:
            await work.close(let_go)

    async def healthy(self) -> bool:
        try:
            await self._work.write(queue.probe)
        except StoreUnavailable:
            return False
        return True

    async def refusal(self, found: StoreDamaged) -> StoreCorrupt:
        if not found.fields["tables"]:
            found = await self.find_damage(found)
        return StoreCorrupt(
            cannot_start(self.path, found.fields["why"], found.fields["tables"]),
            tables=found.fields["tables"],
        )

    def on_damage(self, told: Callable[[StoreDamaged], None]) -> None:
        self._on_damage = told

    def on_unwritten(self, told: Callable[[StoreUnavailable], bool]) -> None:
        self._on_unwritten = told

    async def find_damage(self, found: StoreDamaged) -> StoreDamaged:
        tables = await self._work.read(damage.hit, HIT_SECONDS)
        known = damaged(self.path, found.fields["why"], tables)
        if self._work.damage is not None:
            self._work.damage = known
        return known

    @property
    def _work(self) -> Work:
        if self._open is None:
            raise StoreUnavailable("The store is not open.")
        return self._open

    # ------------------------------------------------------------ nodes and leases

    async def join(
        self, name: str, now: int, expires_at: int, mark: ClockMark | None = None
    ) -> int:
        return await self._work.write(queue.join, name, now, expires_at, mark)

    async def renew(self, incarnation: int, expires_at: int, mark: ClockMark | None = None) -> bool:
        return await self._work.write(queue.renew, incarnation, expires_at, mark)

    async def leave(self, incarnation: int, mark: ClockMark | None = None) -> None:
        await self._work.write(queue.leave, incarnation, mark)

    async def clock_mark(self) -> ClockMark | None:
        return await self._work.read(times.read)

    async def shift_ages(self, ms: int, mark: ClockMark) -> None:
        await self._work.write(times.shift, ms, mark)

    async def lost(self, now: int, limit: int) -> list[Lost]:
        if await self._work.read(queue.dying, now):
            # Durable first: an incarnation whose work is taken away can never be renewed.
            await self._work.write(queue.declare_dead, now)
        return await self._work.read(queue.lost, limit)

    # ------------------------------------------------------------ the way of an invocation

    async def commit(self, batch: Batch) -> Committed:
        return await self._work.commit(batch)

    async def highest_id(self) -> int:
        return await self._work.read(queue.highest_id)

    async def next_due(self, function_ids: Sequence[int]) -> dict[int, int]:
        return await self._work.read(queue.next_due, function_ids)

    async def due_functions(
        self, after: int = 0, limit: int | None = None
    ) -> dict[int, int | None]:
        return await self._work.read(queue.due_functions, after, limit)

    async def suspects(self, function_id: int | None = None) -> dict[int, int]:
        return await self._work.read(queue.suspects, function_id)

    async def live(self, function_ids: Sequence[int]) -> set[int]:
        return await self._work.read(queue.live, function_ids)

    async def expiring(self, now: int, limit: int) -> list[Waiting]:
        return await self._work.read(queue.expiring, now, limit)

    async def next_expiry(self) -> int | None:
        return await self._work.read(queue.next_expiry)

    async def waiting(
        self, function_id: int, limit: int, due_before: int | None = None
    ) -> list[Waiting]:
        return await self._work.read(queue.waiting, function_id, limit, due_before)

    async def delivery_keys(self, after: str = "", limit: int | None = None) -> dict[str, int]:
        return await self._work.read(queue.delivery_keys, after, limit)

    # ------------------------------------------------------------ the catalog

    async def functions(self, *, deleted: bool = False) -> list[Function]:
        return await self._work.read(catalog.functions, deleted)

    async def entries(self) -> list[Entry]:
        return await self._work.read(catalog.entries)

    async def catalogue(self) -> CatalogueRows:
        return await self._work.read(catalog.whole)

    async def catalogue_since(self, revision: int) -> CatalogueParts | CatalogueRows | None:
        return await self._work.read(catalog.since, revision)

    async def catalogue_revision(self) -> int:
        return await self._work.read(catalog.revision)

    async def change(
        self, steps: Sequence[Step], now: int, *, if_unchanged: int | None = None
    ) -> Changed:
        return await self._work.write(catalog.change, list(steps), now, if_unchanged)

    # ------------------------------------------------------------ reading

    async def invocation(self, id: int) -> InvocationView | None:
        return await self._work.read(read_invocations.invocation, id)

    async def payload(self, id: int) -> tuple[Body, str] | None:
        return await self._work.read(read_invocations.payload, id)

    async def result(self, id: int) -> Body | None:
        return await self._work.read(read_invocations.result, id)

    async def log(self, id: int, attempt: int | None = None) -> bytes | None:
        return await self._work.read(read_invocations.log, id, attempt)

    async def invocations(self, filter: Filter, limit: int, cursor: str | None) -> Page:
        return await self._work.read(read_invocations.page, filter, limit, cursor)

    async def listed(
        self,
        family: int,
        filter: ListFilter,
        limit: int,
        cursor: str | None,
        *,
        ascending: bool = False,
    ) -> Page:
        return await self._work.read(read_listed.page, family, filter, limit, cursor, ascending)

    async def by_caller_id(self, family: int, caller_id: str) -> int | None:
        return await self._work.read(read_listed.by_caller_id, family, caller_id)

    async def deliveries(
        self, state: str | None, function_id: int | None, limit: int, cursor: str | None
    ) -> Page:
        return await self._work.read(read_deliveries.page, state, function_id, limit, cursor)

    async def delivery(self, id: int) -> DeliveryView | None:
        return await self._work.read(read_deliveries.delivery, id)

    async def delivery_sources(self, ids: Sequence[int]) -> dict[int, DeliverySource]:
        return await self._work.read(read_sources.sources, list(ids))

    async def redrive_delivery(self, id: int, due_at: int) -> bool:
        return await self._work.write(read_deliveries.redrive, id, due_at)

    async def stop_deliveries(self, invocation_id: int, now: int) -> int:
        return await self._work.write(read_deliveries.stop, invocation_id, now)

    async def mark_redriven(self, pairs: Sequence[tuple[int, int]]) -> None:
        await self._work.write(read_invocations.mark_redriven, list(pairs))

    async def counts(self, now: int | None = None) -> list[FunctionCounts]:
        return await self._work.read(counts.counts, now)

    async def add_minutes(self, counts: Sequence[MinuteCount]) -> None:
        if counts:
            await self._work.write(minutes.add, list(counts))

    async def minutes(
        self, since: int, until: int, *, function: str | None = None, metric: str | None = None
    ) -> list[MinuteCount]:
        return await self._work.read(minutes.read, since, until, function, metric)

    async def journal(self, after: int, limit: int) -> list[JournalEntry]:
        return await self._work.read(counts.journal, after, limit)

    async def journal_bounds(self) -> tuple[int, int]:
        return await self._work.read(counts.journal_bounds)

    # ------------------------------------------------------------ the mailbox

    async def mailbox_names(self) -> list[dict[str, Any]]:
        return await self._work.read(mailbox.names)

    async def mailbox_read(
        self, kind: str, name: str, after: int, limit: int, prefix: str = ""
    ) -> list[MailboxMessage]:
        return await self._work.read(mailbox.read, kind, name, after, limit, prefix)

    async def mailbox_receive(
        self, name: str, limit: int, now: int, visibility_ms: int
    ) -> list[MailboxMessage]:
        return await self._work.write(mailbox.receive, name, limit, now, visibility_ms)

    async def mailbox_delete(
        self,
        kind: str,
        name: str,
        *,
        seq: int | None = None,
        receipt: str | None = None,
        key: str | None = None,
    ) -> int:
        if (seq, receipt, key) != (None, None, None):
            return await self._work.write(mailbox.delete, kind, name, seq, receipt, key)
        # The whole box, in steps: one large transaction would need much room to delete with.
        last, count = await self._work.read(mailbox.last, kind, name), 0
        while deleted := await self._work.write(mailbox.delete_some, kind, name, last):
            count += deleted
        return count

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
        limits = prune.Limits(
            history_before, payload_before, result_before, journal_before, now, limit,
            minutes_before,
        )  # fmt: skip
        found = await self._work.read(prune.find, limits, self._pruned)
        return await self._work.write(prune.sweep, limits, found)

    async def tidy(self) -> int:
        return await self._work.alone(queue.tidy)

    async def tend(self) -> Tended:
        return await self._work.tend()

    async def verify(self) -> dict[str, Any]:
        return await self._work.read(verify.verify)


def _take(
    path: Path, folder: DataFolder, look: bool, alone: bool
) -> tuple[int | None, sqlite3.Connection]:
    """The exclusive hold (None unless `alone`) and the writing connection. `look`: damage is looked
    at, not refused."""
    folder.check_kind()
    path.parent.mkdir(parents=True, exist_ok=True)
    held = hold(path) if alone else None
    try:
        folder.check()
        db = prepare(path, folder.new)
        try:
            folder.tie(db)
        except sqlite3.Error as error:
            if not (look and is_damage(error, path)):  # whose it is does not matter then
                db.close()
                raise unopened(path, error) from error
        except BaseException:
            db.close()
            raise
        return held, db
    except BaseException:
        if held is not None:
            os.close(held)
        raise


def _nothing() -> None:
    """Nobody's hold is to be let go of."""
