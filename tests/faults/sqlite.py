"""SQLite connections that fail or die at a statement: what the driver is given instead of sqlite3."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any


class Faults:
    """Counts statements; when the count is up, does what was planned.

    fail:  the next `length` statements raise, as a disk that is full or gives errors.
    die:   this and every later statement raises and nobody hears of it: the process is gone.
    after: as die, but the statement is carried out first (a commit whose answer is never heard).
    """

    def __init__(self) -> None:
        self.left = -1
        self.kind = ""
        self.length = 0
        self.only = ""
        self.dead = False
        self.struck: list[str] = []
        self.on_death: Callable[[], None] = lambda: None

    def plan(self, kind: str, left: int, length: int = 1, only: str = "") -> None:
        """Strike at the statement number `left` from now (0: the next) of those that begin with
        `only`."""
        self.kind, self.left, self.length, self.only = kind, left, length, only

    def clear(self) -> None:
        self.left, self.dead = -1, False

    def run(self, sql: str, do: Callable[[], Any]) -> Any:
        if self.dead:
            raise sqlite3.OperationalError("the process is dead")
        if self.left < 0 or not _words(sql).startswith(self.only):
            return do()
        if self.left > 0:
            self.left -= 1
            return do()
        self.struck.append(f"{self.kind} at {_words(sql)[:60]}")
        if self.kind == "fail":
            self.length -= 1
            if self.length <= 0:
                self.left = -1
            raise sqlite3.OperationalError("disk I/O error")
        if self.kind == "after":
            do()
        self.left, self.dead = -1, True
        self.on_death()
        raise sqlite3.OperationalError("the process has died")


def _words(sql: str) -> str:
    """The statement without the comment before it."""
    lines = (line.strip() for line in sql.splitlines())
    return " ".join(line for line in lines if line and not line.startswith("--"))


class FaultySqlite:
    """Stands in for the module sqlite3 in the driver's connection.py."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        return getattr(sqlite3, name)

    def connect(self, *args: Any, **named: Any) -> sqlite3.Connection:
        faults = self._faults

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
                if sql == "PRAGMA synchronous = FULL":
                    sql = "PRAGMA synchronous = OFF"  # the machine itself does not die in these
                return faults.run(sql, lambda: super(Connection, self).execute(sql, *rest))

            def executemany(self, sql: str, *rest: Any) -> sqlite3.Cursor:
                return faults.run(sql, lambda: super(Connection, self).executemany(sql, *rest))

            def executescript(self, sql: str) -> sqlite3.Cursor:
                return faults.run(sql, lambda: super(Connection, self).executescript(sql))

        return sqlite3.connect(*args, factory=Connection, **named)
