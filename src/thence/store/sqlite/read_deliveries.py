"""Reading deliveries, and the changes a person makes to them: redrive and stop."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from .. import cursors
from ..codes import DEAD, DELIVERY_STATE, DELIVERY_STOPPED, PENDING
from ..journal import Changes
from ..keys import split, whole
from ..records import DeliveryAttemptView, DeliveryView, Page, Transition
from . import pages
from .changes import write_counters, write_journal
from .statements import change, load, select
from .write_deliveries import view

_SQL = load("reads.sql")


def of_invocations(db: sqlite3.Connection, keys: Sequence[int]) -> dict[int, list[DeliveryView]]:
    """By the key of the invocation, in the order in which they came to be owed."""
    owed: dict[int, list[DeliveryView]] = {}
    for found in _with_attempts(db, select(db, _SQL["deliveries_of"], (), keys)):
        owed.setdefault(found.invocation_id >> 64, []).append(found)
    return owed


def delivery(db: sqlite3.Connection, id: int) -> DeliveryView | None:
    row = db.execute(_SQL["delivery"], split(id)).fetchone()
    return None if row is None else _with_attempts(db, [row])[0]


def _with_attempts(db: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> list[DeliveryView]:
    made = {row[0]: view(row) for row in rows}
    for key, *attempt in select(db, _SQL["delivery_attempts"], (), list(made)):
        made[key].attempts.append(DeliveryAttemptView(*attempt))
    return list(made.values())


def page(
    db: sqlite3.Connection,
    state: str | None,
    function_id: int | None,
    limit: int,
    cursor: str | None,
) -> Page:
    """Without their attempts' list."""
    if state is not None and state not in DELIVERY_STATE:
        return Page([], None)  # no delivery has a state that does not exist
    code = None if state is None else DELIVERY_STATE[state]
    dead = "AND state = 2" if code == DEAD else ""
    values = {
        "below": cursors.decode(cursor),
        "state": code,
        "function": function_id,
    }
    text, scanned = (
        _SQL["deliveries"].format(dead=dead),
        _SQL["deliveries_scanned"].format(dead=dead),
    )
    rows, following = pages.page(db, text, scanned, values, limit)
    return Page([view(row) for row in rows], following)


def redrive(db: sqlite3.Connection, id: int, due_at: int) -> bool:
    row = db.execute(_SQL["delivery_row"], split(id)).fetchone()
    if row is None or row[1] not in (DEAD, DELIVERY_STOPPED):
        return False
    function_id, state, invocation, tail = row
    db.execute(_SQL["delivery_redrive"], (due_at, id >> 64))
    changes = Changes()
    changes.delivery(function_id, state, PENDING)
    changes.transitions.append(
        Transition(
            due_at, whole(invocation, tail), function_id, "delivery:pending", 0, "redrive", id
        )
    )
    write_counters(db, changes)
    write_journal(db, changes)
    return True


def stop(db: sqlite3.Connection, invocation_id: int, now: int) -> int:
    rows = db.execute(_SQL["deliveries_pending_of"], split(invocation_id)).fetchall()
    if not rows:
        return 0
    change(db, _SQL["delivery_stop"], (now,), [row[0] for row in rows])
    changes = Changes()
    for high, tail, function_id, attempts in rows:
        changes.delivery(function_id, PENDING, DELIVERY_STOPPED)
        changes.transitions.append(
            Transition(
                now, invocation_id, function_id, "delivery:stopped", attempts, "stopped_by_caller",
                whole(high, tail),
            )
        )  # fmt: skip
    write_counters(db, changes)
    write_journal(db, changes)
    return len(rows)
