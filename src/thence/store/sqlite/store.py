"""The SQLite driver: a store of one file. What is asked of it once it is open: calls_queue.py and
calls_reading.py; each answer has a module of this folder."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import StoreCorrupt, StoreDamaged, StoreUnavailable
from ..folder import DataFolder
from ..records import (
    Tended,
)
from . import (
    damage,
    prune,
    queue,
    verify,
)
from .calls_queue import QueueCalls
from .calls_reading import CatalogueCalls, MailboxCalls, ReadingCalls
from .connection import HIT_SECONDS, NOTED_SECONDS, hold, prepare, unopened
from .faults import cannot_start, damaged, is_busy, is_damage
from .threads import Threads
from .work import Work

log = logging.getLogger("thence.store")


class SqliteStore(QueueCalls, CatalogueCalls, ReadingCalls, MailboxCalls):
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
            await self.work.read(self._glance)
            # Durable before anything is claimed anew: what earlier processes held is lost, now.
            await self.work.write(queue.former_gone, self._shared or None)
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
            await self.work.write(queue.probe)
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
        tables = await self.work.read(damage.hit, HIT_SECONDS)
        known = damaged(self.path, found.fields["why"], tables)
        if self.work.damage is not None:
            self.work.damage = known
        return known

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
        found = await self.work.read(prune.find, limits, self._pruned)
        return await self.work.write(prune.sweep, limits, found)

    async def tidy(self) -> int:
        return await self.work.alone(queue.tidy)

    async def tend(self) -> Tended:
        return await self.work.tend()

    async def verify(self) -> dict[str, Any]:
        return await self.work.read(verify.verify)


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
            _tie(path, folder, db)
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


def _tie(path: Path, folder: DataFolder, db: sqlite3.Connection) -> None:
    """The store and its folder get the same number. Raises StoreForeign, StoreMissing, StoreUnavailable."""
    try:
        kept = db.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
        number = folder.number(kept[0] if kept else "")
        if not kept:
            db.execute("INSERT INTO meta (key, value) VALUES ('identity', ?)", (number,))
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"{path} cannot be opened: {error}.") from error
    folder.mark(number)


def _nothing() -> None:
    """Nobody's hold is to be let go of."""
