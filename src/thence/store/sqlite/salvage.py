"""A damaged store made anew from the rows of it that can be read.

Every table is read from its first row on and, where that ends at a damaged page, from its last row back.
Indexes hold nothing of their own and are made anew. What is lost is lost: `verify` tells which promises
that breaks.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from .damage import columns_of_key

KEPT = ("application_id", "user_version", "page_size")
ROWS = 500  # of one INSERT


def is_broken(path: Path) -> bool:
    """Whether SQLite finds fault with the file's pages or indexes. Raises sqlite3.Error where it is no
    database at all."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        try:
            return bool(db.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok")
        except sqlite3.DatabaseError:
            return True


def salvage(path: Path) -> list[str]:
    """Put a sound file in the place of `path`, a copy that nobody else uses; a sentence for each table
    that could not be read through. Raises sqlite3.Error where not even its list of tables can be read,
    OSError; then it is as before."""
    made = path.with_name(f".{path.name}.salvaged")
    told = []
    try:
        os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        with closing(_open(path)) as old, closing(_open(made)) as new:
            for name in reversed(KEPT):  # the size of pages first
                new.execute(f"PRAGMA {name} = {old.execute(f'PRAGMA {name}').fetchone()[0]}")
            new.execute("PRAGMA journal_mode = OFF")
            new.execute("PRAGMA synchronous = OFF")
            new.execute("BEGIN")
            schema = old.execute(
                "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
                "AND name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY type = 'table' DESC"
            ).fetchall()
            for kind, name, sql in schema:
                new.execute(sql)
                if kind == "table" and not _copy(old, new, name, sql):
                    saved = new.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                    told.append(
                        f"Table {name} could not be read through: {saved:,} rows were saved."
                    )
            _keep_numbers(old, new)
            new.execute("COMMIT")
        os.replace(made, path)
    finally:
        made.unlink(missing_ok=True)
    return told


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, name: str, sql: str) -> bool:
    """False: it could not be read through, and what stands on both sides of that was copied."""
    columns = [row[1] for row in old.execute(f'PRAGMA table_info("{name}")')]
    put = (
        f'INSERT OR IGNORE INTO "{name}" ({", ".join(columns)}) '
        f"VALUES ({', '.join('?' * len(columns))})"
    )
    for way in ("ASC", "DESC"):
        order = (
            ", ".join(f'"{column}" {way}' for column in columns_of_key(old, name, sql))
            or f"rowid {way}"
        )
        text = f'SELECT {", ".join(columns)} FROM "{name}" NOT INDEXED ORDER BY {order}'
        rows = _Rows(old, text)
        for some in rows.pieces():
            before = new.total_changes
            new.executemany(put, some)
            if way == "DESC" and new.total_changes == before:
                break  # the other end is reached
        if rows.whole and way == "ASC":
            return True
    return False


def _keep_numbers(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Numbers that were given once (positions in a queue) are not given again to something else."""
    rows = _Rows(old, "SELECT name, seq FROM sqlite_sequence")
    for some in rows.pieces():
        for name, seq in some:
            new.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
            new.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, seq))


class _Rows:
    """The rows of a statement, as far as they can be read."""

    def __init__(self, db: sqlite3.Connection, text: str) -> None:
        self._db, self._text = db, text
        self.whole = False

    def pieces(self) -> Iterator[list[tuple[object, ...]]]:
        some: list[tuple[object, ...]] = []
        try:
            for row in self._db.execute(self._text):
                some.append(row)
                if len(some) == ROWS:
                    yield some
                    some = []
            self.whole = True
        except (sqlite3.DatabaseError, OverflowError, MemoryError):
            pass  # a damaged page, or a length that it made up: `whole` says so
        if some:
            yield some
