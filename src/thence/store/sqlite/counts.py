"""Counts per function and the journal as it is read."""

from __future__ import annotations

import sqlite3

from ..journal import decode_entry
from ..records import FunctionCounts, JournalEntry
from .statements import load

_SQL = load("reads.sql")


def counts(db: sqlite3.Connection, now: int | None) -> list[FunctionCounts]:
    waiting = {row[0]: row[1:] for row in db.execute(_SQL["waiting_counts"], {"now": now})}
    running = dict(db.execute(_SQL["running_counts"]).fetchall())
    answer = []
    for function_id, name, *counters in db.execute(_SQL["counters"]):
        number, delayed, oldest = waiting.get(function_id, (0, 0, None))
        answer.append(
            FunctionCounts(
                function_id, name, number, delayed, running.get(function_id, 0), oldest, *counters
            )
        )
    return answer


def journal(db: sqlite3.Connection, after: int, limit: int) -> list[JournalEntry]:
    return [decode_entry(seq, data) for seq, data in db.execute(_SQL["journal"], (after, limit))]


def journal_bounds(db: sqlite3.Connection) -> tuple[int, int]:
    low, high = db.execute(_SQL["journal_bounds"]).fetchone()
    return low, high
