"""Who runs what where: one writing thread, a few reading ones, or none at all (`inline`).

A busy event loop and a thread that makes many small SQLite steps fight over the interpreter's
lock, at every step. So the statements of a commit run on the loop's own thread, where they cost
microseconds, and only COMMIT, with its fsync, runs in the writing thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ...errors import StoreUnavailable
from ..interface import Batch, Committed
from .commit import apply
from .connection import connect_reader, connect_writer
from .threads import Threads

T = TypeVar("T")
READERS = 3


class Work:
    """The connections of an open store. Made by open(), ended by close()."""

    def __init__(self, path: Path, db: sqlite3.Connection, *, inline: bool) -> None:
        self._path = path
        self._inline = inline
        self.db: sqlite3.Connection | None = db
        self._writing = asyncio.Lock()
        self._writer = Threads(1, "thence-store-write")
        self._readers = Threads(READERS, "thence-store-read")
        self._own = threading.local()
        self._read_connections: list[sqlite3.Connection] = []
        self._closed = False

    # ------------------------------------------------------------ writing

    async def commit(self, batch: Batch) -> Committed:
        """Apply and commit a batch, or raise StoreUnavailable having changed nothing."""
        async with self._writing:
            db = self._connection()
            try:
                committed = apply(db, batch)
            except BaseException as error:
                self._undo()
                _tell(error)
                raise
            await self._off_loop(self._writer, self._finish)
            return committed

    async def write(self, call: Callable[..., T], *args: Any) -> T:
        """`call(db, *args)` in one transaction, off the loop."""
        async with self._writing:
            self._connection()
            return await self._off_loop(self._writer, self._transaction, call, args)

    def _transaction(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        try:
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            answer = call(db, *args)
        except BaseException as error:
            self._undo()
            _tell(error)
            raise
        self._finish()
        return answer

    def _finish(self) -> None:
        try:
            self._connection().execute("COMMIT")
        except BaseException as error:
            self._undo(renew=True)
            _tell(error)
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
        if self.db is None:
            try:
                self.db = connect_writer(self._path)
            except sqlite3.Error as error:
                _tell(error)
                raise
        return self.db

    # ------------------------------------------------------------ reading

    async def read(self, call: Callable[..., T], *args: Any) -> T:
        """`call(db, *args)` in one snapshot of committed data."""
        return await self._off_loop(self._readers, self._snapshot, call, args)

    def _snapshot(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        try:
            db = self._reader()
            db.execute("BEGIN")
            try:
                return call(db, *args)
            finally:
                db.execute("ROLLBACK")
        except sqlite3.Error as error:
            self._drop_reader()
            _tell(error)
            raise

    def _drop_reader(self) -> None:
        """After an error a reader may still be inside its transaction, and would stay there."""
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is not None:
            self._own.db = None
            self._read_connections.remove(db)
            db.close()

    def _reader(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is None:
            db = self._own.db = connect_reader(self._path)
            self._read_connections.append(db)
        return db

    # ------------------------------------------------------------ threads

    async def _off_loop(self, threads: Threads, call: Callable[..., T], *args: Any) -> T:
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        if self._inline:
            return call(*args)
        return await threads.run(call, *args)

    async def close(self) -> None:
        async with self._writing:
            self._closed = True
            self._readers.close()
            self._writer.close()
            for reader in self._read_connections:
                reader.close()
            if self.db is not None:
                # The last connection moves the log into the file.
                self.db.close()
                self.db = None


def _tell(error: BaseException) -> None:
    """Raise what the caller is told, or return: a broken constraint or a wrong statement is our
    mistake, not the database's state, and stays what it is."""
    mistakes = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
    if isinstance(error, sqlite3.Error) and not isinstance(error, mistakes):
        raise StoreUnavailable(
            f"The store does not answer: {error}. Nothing was changed."
        ) from error
