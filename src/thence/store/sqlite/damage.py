"""Which tables and indexes are hit: looked for after damage was found, and at a start.

`glance` goes down both edges of every tree, so it costs a few pages whatever the size of the store.
`hit` reads every page, for at most so many seconds.

    <store>.damaged   damage was found while the store was served: the next start reads every page
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from .faults import CATALOGUE, says_damage

log = logging.getLogger("thence.store")

STEPS = 100_000  # of SQLite's machine between two looks at the time


def note(path: Path) -> None:
    """Damage was found: a glance might not see it the next time."""
    try:
        _mark(path).touch(0o600)
    except OSError as error:
        log.warning("it cannot be noted that %s is damaged: %s", path, error.strerror or error)


def noted(path: Path) -> bool:
    return _mark(path).exists()


def forget(path: Path) -> None:
    with contextlib.suppress(OSError):  # then the next start looks once more
        _mark(path).unlink(missing_ok=True)


def _mark(path: Path) -> Path:
    return Path(f"{path}.damaged")


class _Tree(Struct, frozen=True):
    kind: str  # table, index
    name: str
    table: str
    root: int
    sql: str


def glance(db: sqlite3.Connection) -> tuple[list[str], sqlite3.Error] | None:
    """Tables and indexes that break at a first look, and how the first did; None: none does."""
    found: list[str] = []
    first: sqlite3.Error | None = None
    for tree in _trees(db):
        try:
            for text in _edges(db, tree):
                db.execute(text).fetchone()
        except sqlite3.DatabaseError as error:
            if not says_damage(error):
                raise
            found.append(tree.name)
            first = first or error
    return None if first is None else (found, first)


def hit(db: sqlite3.Connection, seconds: float) -> list[str]:
    """Tables and indexes that cannot be read through, small tables first, as far as that is known
    within `seconds`; `sqlite_master` where not even their list can be read."""
    ends = time.monotonic() + seconds
    db.set_progress_handler(lambda: time.monotonic() > ends, STEPS)
    try:
        return sorted(_hit(db, ends))
    except sqlite3.DatabaseError:
        return [CATALOGUE]
    finally:
        db.set_progress_handler(None, 0)


def _hit(db: sqlite3.Connection, ends: float) -> set[str]:
    trees = _trees(db)
    found: set[str] = set()
    for table in (tree.name for tree in trees if tree.kind == "table"):
        if time.monotonic() > ends:
            break
        if _fails(db, f'PRAGMA quick_check("{table}")'):
            whose = [tree for tree in trees if tree.table == table]
            broken = [tree.name for tree in whose if _fails(db, _all(tree))]
            # Bytes that lie beside the way of a count (a long payload's pages) are the table's.
            found.update(broken or [table])
    return found


def _fails(db: sqlite3.Connection, text: str) -> bool:
    try:
        row = db.execute(text).fetchone()
        return isinstance(row[0], str) and row[0] != "ok"
    except sqlite3.DatabaseError as error:
        return says_damage(error)


def _trees(db: sqlite3.Connection) -> list[_Tree]:
    rows = db.execute(
        "SELECT type, name, tbl_name, rootpage, coalesce(sql, '') FROM sqlite_master "
        "WHERE rootpage > 0 ORDER BY type DESC, name"
    ).fetchall()
    return [_Tree(*row) for row in rows]


def _edges(db: sqlite3.Connection, tree: _Tree) -> Iterator[str]:
    """Statements that read the first and the last entry of a tree."""
    columns = _key(db, tree)
    for way in ("ASC", "DESC"):
        order = ", ".join(f'"{column}" {way}' for column in columns) or f"rowid {way}"
        yield f"SELECT 1 {_source(tree)} ORDER BY {order} LIMIT 1"


def _all(tree: _Tree) -> str:
    """A statement that goes through a tree. (A `count(*)` takes whichever tree is the smallest.)"""
    return f"SELECT sum(1) {_source(tree)}"


def _source(tree: _Tree) -> str:
    if tree.kind == "table":
        return f'FROM "{tree.table}" NOT INDEXED'
    _, _, where = tree.sql.partition(" WHERE ")
    condition = f" WHERE {where}" if where else ""
    return f'FROM "{tree.table}" INDEXED BY "{tree.name}"{condition}'


def _key(db: sqlite3.Connection, tree: _Tree) -> list[str]:
    """The columns by which a tree is ordered; none: by the row's number."""
    if tree.kind == "index":
        return [row[2] for row in db.execute(f'PRAGMA index_info("{tree.name}")')]
    return columns_of_key(db, tree.name, tree.sql)


def columns_of_key(db: sqlite3.Connection, table: str, sql: str) -> list[str]:
    """By which a table is ordered; none: by the row's number."""
    if not sql.rstrip().endswith("WITHOUT ROWID"):
        return []
    keys = [(row[5], row[1]) for row in db.execute(f'PRAGMA table_info("{table}")') if row[5]]
    return [name for _, name in sorted(keys)]
