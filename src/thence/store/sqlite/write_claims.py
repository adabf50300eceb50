"""Claims of one batch, inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ...lifecycle.decide import Spent
from ...lifecycle.states import State
from ..digests import stored_body
from ..journal import Changes
from ..keys import whole
from ..records import Claim, Claimed, Transition
from .statements import change, load

_SQL = load("commit.sql")
_RUNNING = State.RUNNING.value


def claim(db: sqlite3.Connection, items: Sequence[Claim], changes: Changes) -> list[list[Claimed]]:
    return [_claim_one(db, item, changes) for item in items]


def _claim_one(db: sqlite3.Connection, item: Claim, changes: Changes) -> list[Claimed]:
    function_id = item.function_id
    statement = _SQL["claim_suspect" if item.suspects else "claim_due"]
    rows = db.execute(statement, (function_id, item.now, item.now, item.limit)).fetchall()
    if not rows:
        return []
    claimed: list[Claimed] = []
    ids: list[int] = []
    for (
        high, tail, attempt, retries, tries, since, losses, interrupted, accepted_at, due_at,
        expires_at, size, ref, written, meta, data,
    ) in rows:  # fmt: skip
        id = whole(high, tail)
        ids.append(high)
        claimed.append(
            Claimed(
                id, function_id, attempt, Spent(retries, tries, since, losses, interrupted),
                accepted_at, due_at, expires_at, stored_body((data, size, ref, written), "invocation", high), meta,
            )
        )  # fmt: skip
        changes.transitions.append(Transition(item.now, id, function_id, _RUNNING, attempt))
    change(db, _SQL["claim_run"], (item.now, item.lease), ids)
    change(db, _SQL["waiting_leave"], (), ids)
    return claimed
