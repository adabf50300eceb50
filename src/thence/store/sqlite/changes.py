"""Writes what one commit changed: the counters of its functions and its entry of the journal."""

from __future__ import annotations

import sqlite3
from typing import Any

from ..journal import Changes, encode_transitions
from .statements import Many, load

_SQL = load("commit.sql")
_COUNT = Many(_SQL["count"])
_KEEP = _SQL["journal_keep"]


def write_counters(db: sqlite3.Connection, changes: Changes) -> None:
    flat: list[Any] = []
    for function_id, row in changes.counted():
        flat.append(function_id)
        flat += row
    _COUNT.run(db, flat)


def write_journal(db: sqlite3.Connection, changes: Changes) -> int:
    """The seq of the new entry."""
    transitions = changes.transitions
    return db.execute(_KEEP, (transitions[-1].at, encode_transitions(transitions))).lastrowid  # type: ignore[return-value]  # an insert always has one
