"""Final states of one batch, with or without an attempt, and stops that were asked; inside the caller's
transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ...lifecycle.states import DEAD, FINAL, WAITING, ForbiddenTransition, Reason, State, sources
from ..codes import REASON, STATE
from ..journal import Changes
from ..records import End, Settle, StopMark, Transition
from . import write_deliveries as deliveries
from .statements import Many, change, load, select
from .write_accepts import accept

_SQL = load("commit.sql")
_END = Many(_SQL["end"])
_DEAD_LETTER = Many(_SQL["dead_letter"])
_BLOB_USE = Many(_SQL["blob_use"])
_DEAD_CODES = frozenset(STATE[state] for state in DEAD)
_ABORTED = REASON[Reason.FUNCTION_DISABLED]
_ENDS = frozenset(state for state in FINAL if sources(state) >= WAITING)
"""The final states that one which waits may come to, by the table of transitions."""


def owe(
    db: sqlite3.Connection,
    endings: Sequence[Settle | End],
    attempts: Sequence[int],
    changes: Changes,
) -> None:
    """What they owe, and the invocations that are made of it in this commit."""
    if not endings:
        return
    deliveries.owe(db, endings, attempts, changes)
    calls = [owed.call for ending in endings for owed in ending.deliveries if owed.call is not None]
    if calls:
        accept(db, calls, changes)


def write_endings(db: sqlite3.Connection, flat: list[Any]) -> None:
    """Rows for the statement `end`, with what hangs on some of them."""
    _END.run(db, flat)
    ids, states, refs = flat[0 :: _END.width], flat[2 :: _END.width], flat[16 :: _END.width]
    reasons = flat[3 :: _END.width]
    _DEAD_LETTER.run(
        db,
        [
            id
            for id, state, reason in zip(ids, states, reasons, strict=True)
            if state in _DEAD_CODES or reason == _ABORTED
        ],
    )
    _BLOB_USE.run(
        db, [value for use in zip(refs, ids, strict=True) if use[0] is not None for value in use]
    )


def end(db: sqlite3.Connection, items: Sequence[End], changes: Changes) -> list[bool]:
    if not items:
        return []
    rows = {
        row[0]: row for row in select(db, _SQL["waiting_rows"], (), [i.id >> 64 for i in items])
    }
    answers: list[bool] = []
    ended: list[Any] = []
    owing: list[End] = []
    tried: list[int] = []
    ids: list[int] = []
    for item in items:
        high = item.id >> 64
        row = rows.pop(high, None)
        answers.append(row is not None)
        if row is None:
            continue
        if item.state not in _ENDS:
            raise ForbiddenTransition(None, item.state)
        ids.append(high)
        _, attempt, *spent = row
        state = STATE[item.state]
        ended += (
            high, item.function_id, state, REASON[item.reason], item.now, attempt, None, None, 0,
            None, *spent, None, None, None, None, None, None, None, None,
        )  # fmt: skip
        changes.ended(item.function_id, state)
        changes.transitions.append(
            Transition(
                item.now, item.id, item.function_id, item.state.value, attempt, item.reason.value
            )
        )
        if item.deliveries:
            owing.append(item)
            tried.append(attempt)
    change(db, _SQL["waiting_leave"], (), ids)
    write_endings(db, ended)
    owe(db, owing, tried, changes)
    return answers


def stop(db: sqlite3.Connection, items: Sequence[StopMark], changes: Changes) -> list[bool]:
    answers = []
    for item in items:
        key = (item.id >> 64, item.attempt)
        marked = db.execute(_SQL["stop_mark"], (item.aborted, *key)).rowcount == 1
        if marked:
            changes.transitions.append(
                Transition(item.now, item.id, item.function_id, State.STOPPING.value, item.attempt)
            )
        answers.append(marked or db.execute(_SQL["stop_asked"], key).fetchone() is not None)
    return answers
