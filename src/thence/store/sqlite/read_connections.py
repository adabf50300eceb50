"""The connections that read: one for each reading thread, made when it reads first."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ...errors import StoreUnavailable
from .connection import connect_reader

T = TypeVar("T")


class ReadConnections:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()
        self.closed = False
        """Nothing is read from now on."""
        self.all: list[sqlite3.Connection] = []

    def snapshot(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        """`call(db, *args)` in one snapshot of committed data, with this thread's connection."""
        try:
            db = self._connection()
            db.execute("BEGIN")
            try:
                return call(db, *args)
            finally:
                db.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()
            raise

    def _connection(self) -> sqlite3.Connection:
        if self.closed:
            raise StoreUnavailable("The store is closed.")
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is None:
            db = self._own.db = connect_reader(self._path)
            self.all.append(db)
        return db

    def _drop(self) -> None:
        """After an error it may still be inside its transaction, and would stay there."""
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is not None:
            self._own.db = None
            self.all.remove(db)
            db.close()

    def close(self) -> None:
        """No thread reads any more."""
        for db in self.all:
            db.close()
