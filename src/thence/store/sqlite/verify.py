"""The invariants of design §2 over the whole store, each as a query that should find nothing; and
every page and every row of it, read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import msgspec

from ..history import History
from ..invariants import WRONG, Counters, conservation, deliveries, sums
from ..journal import decode_entry
from .damage import glance, hit
from .reading import TOLD_MAX, unreadable
from .statements import load

_SQL = load("verify.sql")
LOOK_SECONDS = 3600.0


def verify(db: sqlite3.Connection) -> dict[str, Any]:
    """`problems`: sentences, none when all holds; and the counts, summed over all functions.

    `orphaned` is no problem: attempts of a node that died, which the next rescue takes over. Where
    the file is damaged, whatever can still be checked is checked.
    """
    problems: list[str] = []
    counters: Counters = []
    counts: dict[str, int] = {}
    tables: list[str] = []
    looks: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("SQLite's own check", lambda: _integrity(db)),
        ("the list of tables", lambda: _fill(tables, _tables(db))),
        ("counter", lambda: _fill(counters, _rows(db, "counters"))),
        ("the counters", lambda: _conservation(db, counters)),
        ("the counters of deliveries", lambda: _deliveries(db, counters)),
        *((name, partial(_each, db, name)) for name in WRONG),
        ("the journal", lambda: _ways(db)),
        ("the sums", lambda: _sums(db, counters, counts)),
    ]
    for what, look in looks:
        problems += _safely(what, look)
    for table in tables:
        problems += _safely(f"table {table}", partial(unreadable, db, table))
    return {"problems": problems, **counts}


def _safely(what: str, look: Callable[[], Iterable[str]]) -> Iterator[str]:
    """What `look` says, and where it had to stop: one damaged table hides none of the others."""
    try:
        yield from look()
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if isinstance(error, sqlite3.OperationalError) and code & 0xFF in _PASSING:
            raise  # it does not answer now; that says nothing about what is stored
        yield f"The file is damaged: {what} cannot be read through ({error})."


_PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT,
     sqlite3.SQLITE_CANTOPEN}
)  # fmt: skip


def _fill(into: list[Any], found: Iterable[Any]) -> tuple[str, ...]:
    into += found
    return ()


def _tables(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute(_SQL["tables"])]


def _conservation(db: sqlite3.Connection, counters: Counters) -> Iterator[str]:
    live = dict(db.execute(_SQL["live_rows"]).fetchall())
    ended = {row[:2]: row[2] for row in db.execute(_SQL["ended_states"])}
    yield from conservation(counters, live, ended)


def _deliveries(db: sqlite3.Connection, counters: Counters) -> Iterator[str]:
    rows = {row[:2]: row[2] for row in db.execute(_SQL["delivery_states"])}
    yield from deliveries(counters, rows)


def _sums(db: sqlite3.Connection, counters: Counters, answer: dict[str, int]) -> tuple[str, ...]:
    stored, waiting, running = db.execute(_SQL["totals"]).fetchone()
    counted = sums(counters)
    answer |= {"invocations": stored, "accepted": counted.pop("accepted")}
    answer |= {"waiting": waiting, "running": running}
    answer["orphaned"] = db.execute(_SQL["orphaned"]).fetchone()[0]
    answer |= counted
    return ()


def _integrity(db: sqlite3.Connection) -> Iterator[str]:
    try:
        lines = [row[0] for row in db.execute(_SQL["integrity"]) if row[0] != "ok"]
    except sqlite3.DatabaseError:
        yield from _hit(db)
        raise
    for line in lines:
        yield f"SQLite's integrity check says: {line}."
    if lines:
        yield from _hit(db)


def _hit(db: sqlite3.Connection) -> Iterator[str]:
    """That check gives numbers of pages, and does not go on after some kinds of damage: table by
    table it does."""
    broken = glance(db)
    for name in sorted({*hit(db, LOOK_SECONDS), *(broken[0] if broken else ())}):
        yield f"The file is damaged: {name}."


def _each(db: sqlite3.Connection, name: str) -> Iterator[str]:
    """Row by row; at most 20 of a kind are told."""
    for row in db.execute(_SQL[name]):
        yield WRONG[name](*row)


def _ways(db: sqlite3.Connection) -> Iterator[str]:
    """The ways that invocations went, as far as the journal is kept; at most 20 wrong ones are told."""
    history, told = History(), 0
    for seq, data in db.execute(_SQL["journal"]):
        try:
            entry = decode_entry(seq, data)
        except (msgspec.DecodeError, ValueError, TypeError):
            history = (
                History()
            )  # a damaged row, which is told with the others; something is missing
            continue
        for problem in history.forbidden(entry):
            told += 1
            if told > TOLD_MAX:
                return
            yield problem


def _rows(db: sqlite3.Connection, name: str) -> list[dict[str, int]]:
    cursor = db.execute(_SQL[name])
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]
