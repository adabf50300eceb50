"""Who runs what where: one writing thread, a few reading ones, or none at all (`inline`).

A busy event loop and a thread that makes many small SQLite steps fight over the interpreter's
lock, at every step. So the statements of a commit run on the loop's own thread, where they cost
microseconds, and only COMMIT, with its fsync, runs in the writing thread. Nothing waits on the
loop: where another program holds the write lock, the writing thread waits for it.

Once damage was found nothing is written any more, whatever is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ...errors import StoreDamaged, StoreUnavailable
from ..records import Batch, Committed, Tended
from .commit import FenceBroken, apply
from .connection import BUSY_SECONDS, WAL_PAGES, connect_writer, patient
from .damage import note
from .faults import damaged, is_busy, told
from .read_connections import ReadConnections
from .tending import Files, Log, last_piece, rescue
from .threads import Threads

T = TypeVar("T")
READERS = 3


class Work:
    """The connections of an open store. Made by open(), ended by close()."""

    def __init__(self, path: Path, db: sqlite3.Connection, *, inline: bool) -> None:
        self._path = path
        self._inline = inline
        self._unsynced(db)
        self.db: sqlite3.Connection | None = db
        self._writing = asyncio.Lock()
        self._writer = Threads(1, "thence-store-write")
        self._readers = Threads(READERS, "thence-store-read")
        self._reading = ReadConnections(path)
        self._closed = False
        self._files = Files(path)
        self._log = Log(path)
        self._tended = False  # it is that of a service, not of somebody who looks
        self._noted = False
        self.damage: StoreDamaged | None = None
        """What was found; from then on every write raises it."""
        self.on_damage: Callable[[StoreDamaged], None] = lambda damage: None
        """Called once, on the event loop."""
        self.on_unwritten: Callable[[StoreUnavailable], bool] = lambda error: False
        """Called when a write() failed; True: try it once more."""

    # ------------------------------------------------------------ writing

    async def commit(self, batch: Batch) -> Committed:
        """Apply and commit a batch, or raise StoreUnavailable having changed nothing."""
        async with self._writing:
            db = self._connection()
            try:
                committed = await self._apply(db, batch)
            except BaseException as error:
                self._undo()
                self._tell(error)
                raise
            await self._off_loop(self._writer, self._finish)
            return committed

    async def _apply(self, db: sqlite3.Connection, batch: Batch) -> Committed:
        await self._begin(db)
        try:
            return apply(db, batch)
        except FenceBroken:
            # Rare: an attempt was taken over. Begin again and look at each settle by itself.
            db.execute("ROLLBACK")
            await self._begin(db)
            return apply(db, batch, careful=True)

    async def _begin(self, db: sqlite3.Connection) -> None:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            await self._off_loop(self._writer, _begin_patiently, db)

    async def write(self, call: Callable[..., T], *args: Any) -> T:
        """`call(db, *args)` in one transaction, off the loop."""
        async with self._writing:
            self._connection()
            tries = 0
            while True:
                tries += 1
                try:
                    return await self._off_loop(self._writer, self._transaction, call, args)
                except StoreDamaged:
                    raise
                except StoreUnavailable as error:
                    # Asked after the second too: it knows more to say of a full disk.
                    if not self.on_unwritten(error) or tries == 2:
                        raise

    def _unsynced(self, db: sqlite3.Connection) -> None:
        """A store of a test with virtual time is not synced: no power fails there, and syncing was
        most of its time."""
        if self._inline:
            with contextlib.suppress(
                sqlite3.Error
            ):  # what is wrong with it, the next statement says
                db.execute("PRAGMA synchronous = OFF")

    def _transaction(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        try:
            db = self._connection()
            _begin_patiently(db)
            answer = call(db, *args)
        except BaseException:
            self._undo()
            raise
        self._finish()
        return answer

    async def alone(self, call: Callable[..., T], *args: Any) -> T:
        """`call(db, *args)` with the writing connection, off the loop, outside of a transaction."""
        async with self._writing:
            return await self._off_loop(self._writer, self._apart, call, args)

    def _apart(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        try:
            return call(self._connection(), *args)
        except sqlite3.Error:
            self._undo(renew=True)
            raise

    def _finish(self) -> None:
        try:
            self._connection().execute("COMMIT")
        except BaseException:
            self._undo(renew=True)
            raise

    def _undo(self, *, renew: bool = False) -> None:
        """Roll back. What a failed COMMIT wrote lies beyond the end of the log that readers know
        and is overwritten by the next commit; a fresh connection forgets what it had in memory."""
        db = self.db
        if db is None:
            return
        try:
            if db.in_transaction:
                db.execute("ROLLBACK")
        except sqlite3.Error:
            # The error that led here is the one to tell; this connection is given up.
            renew = True
        if renew:
            db.close()
            self.db = None

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        if self.damage is not None:
            raise self.damage.again()
        if self.db is None:
            try:
                self.db = patient(connect_writer(self._path), 0)
                self._unsynced(self.db)
                self._files.forget_log()
            except sqlite3.Error as error:
                self._tell(error)
                raise
        return self.db

    # ------------------------------------------------------------ reading

    async def read(self, call: Callable[..., T], *args: Any) -> T:
        """`call(db, *args)` in one snapshot of committed data."""
        return await self._off_loop(self._readers, self._reading.snapshot, call, args)

    # ------------------------------------------------------------ the files

    async def tend(self) -> Tended:
        """Called every second."""
        self._tended = True
        moved = self._files.look()
        if self.damage is not None:
            self._note()
        if self.damage is None and {self._path.name, f"{self._path.name}-wal"} & set(moved):
            await self._lost_files(moved)
        size = self._files.log_bytes()
        if self.damage is None and self._log.is_long(size):
            # First, so that no commit starts to move all of it by itself meanwhile.
            await self._between_commits(last_piece, WAL_PAGES + 1)
            remains = await self._off_loop(self._readers, self._log.move)
            await self._between_commits(last_piece, remains)
        return Tended(size, tuple(moved))

    async def _lost_files(self, moved: list[str]) -> None:
        """What is committed from now on would be gone with this process: nothing more is."""
        await self._between_commits(rescue)
        self.condemn(damaged(self._path, f"deleted or replaced while in use: {', '.join(moved)}"))

    async def _between_commits(self, call: Callable[..., Any], *args: Any) -> None:
        async with self._writing:
            await self._off_loop(self._writer, call, self._connection(), *args)

    # ------------------------------------------------------------ errors

    def _tell(self, error: BaseException) -> None:
        """Raise what the caller is told, or return: then it is no state of the database."""
        answer = told(error, self._path)
        if answer is None:
            return
        if isinstance(answer, StoreDamaged):
            self.condemn(answer)
        raise answer from error

    def condemn(self, damage: StoreDamaged) -> None:
        """From now on nothing is written."""
        if self.damage is None:
            self.damage = damage
            self._note()
            self.on_damage(damage)

    def _note(self) -> None:
        """At once and off the loop: the next start is to read every page, also where this process is
        killed before it ends. Whoever only looks changes nothing."""
        if not self._tended or self._noted:
            return
        self._noted = True
        if self._inline:
            note(self._path)
        else:
            self._readers.start(note, self._path)

    # ------------------------------------------------------------ threads

    async def _off_loop(self, threads: Threads, call: Callable[..., T], *args: Any) -> T:
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        try:
            if self._inline:
                return call(*args)
            return await threads.run(call, *args)
        except BaseException as error:
            self._tell(error)
            raise

    async def close(self, let_go: Callable[[], None]) -> None:
        """`let_go`: called when nothing of it is open any more, by whoever closes it: also where
        the waiting for that is cancelled."""
        async with self._writing:
            self._closed = self._reading.closed = True
            if self._inline:
                self._end(let_go)
            else:
                await asyncio.to_thread(self._end, let_go)

    def _end(self, let_go: Callable[[], None]) -> None:
        self._readers.close()
        self._writer.close()
        self._log.close()
        self._reading.close()
        if self.db is not None:
            # The last connection moves the log into the file.
            self.db.close()
            self.db = None
        let_go()


def _begin_patiently(db: sqlite3.Connection) -> None:
    """Wait for a visitor's lock, off the loop."""
    patient(db, BUSY_SECONDS)
    try:
        db.execute("BEGIN IMMEDIATE")
    finally:
        patient(db, 0)
