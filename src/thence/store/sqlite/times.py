"""The clock's mark, and what moves with a jump of time."""

from __future__ import annotations

import sqlite3

import msgspec

from ...clock import ClockMark
from .statements import load

_SQL = load("times.sql")
_SHIFTED = ("waiting", "running", "deliveries", "keys", "messages")
_decode = msgspec.json.Decoder(ClockMark).decode


def read(db: sqlite3.Connection) -> ClockMark | None:
    row = db.execute(_SQL["mark"]).fetchone()
    return None if row is None else _decode(row[0])


def keep(db: sqlite3.Connection, mark: ClockMark | None) -> None:
    """Where the store is shared, another node may be further already: its mark stays."""
    if mark is None:
        return
    kept = read(db)
    if kept is None or kept.now <= mark.now:
        db.execute(_SQL["mark_keep"], (msgspec.json.encode(mark),))


def shift(db: sqlite3.Connection, ms: int, mark: ClockMark) -> None:
    for name in _SHIFTED:
        db.execute(_SQL[name], {"ms": ms})
    keep(db, mark)
