"""Looking after the files while they are used: are they the same still, and does the log stay short?

The log (`-wal`) grows as long as another program reads an old state of the file, and the commit that
finds it free again would then move all of it into the file, which takes seconds. So a long log is
moved by a connection of its own, in a thread, while commits go on; only the last piece, which is no
larger than a commit's usual share, holds them up.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from .connection import WAL_BYTES_KEPT, WAL_PAGES, connect_writer, patient

SUFFIXES = ("", "-wal", "-shm")


class Files:
    """The files of an open store as they were first seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[str, tuple[int, int] | None] = {}

    def look(self) -> list[str]:
        """The names of those that are gone or others now."""
        found = []
        for suffix in SUFFIXES:
            now = _identity(f"{self._path}{suffix}")
            if self._seen.setdefault(suffix, now) not in (None, now):
                found.append(f"{self._path.name}{suffix}")
        return found

    def forget_log(self) -> None:
        """The log may have been made anew by us."""
        for suffix in SUFFIXES[1:]:
            self._seen.pop(suffix, None)

    def log_bytes(self) -> int:
        try:
            return os.stat(f"{self._path}-wal").st_size
        except FileNotFoundError:
            return 0


class Log:
    """Moves a long log into the file beside the commits. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    @staticmethod
    def is_long(size: int) -> bool:
        return size > WAL_BYTES_KEPT

    def move(self) -> int:
        """Move what no reader needs; the pages that remain. Commits go on meanwhile."""
        if self._db is None:
            self._db = patient(connect_writer(self._path), 0)
        return _checkpoint(self._db)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def last_piece(db: sqlite3.Connection, remains: int) -> None:
    """On the writing connection, between two commits: finish where little is left, and say whether
    commits do it themselves from now on."""
    if remains <= WAL_PAGES:
        remains = _checkpoint(db)
    db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES if remains == 0 else 0}")


def rescue(db: sqlite3.Connection) -> None:
    """The log was taken away: what it holds is moved into the file while it can still be read."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _checkpoint(db: sqlite3.Connection) -> int:
    row: tuple[int, int, int] = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return max(0, row[1] - row[2])


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
