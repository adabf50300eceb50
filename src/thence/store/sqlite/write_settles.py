"""Settles of one batch, inside the caller's transaction.

The common way: an accept with a lease and its settle cost four statements a batch, whatever its size.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ...lifecycle.decide import Spent
from ...lifecycle.outcome import Outcome
from ...lifecycle.states import ACTIVE, FINAL, ForbiddenTransition, Reason, State, allowed, sources
from ..codes import REASON, STATE, STATES, SUCCEEDED, budget_code, outcome_code
from ..digests import digest
from ..journal import Changes
from ..records import Body, Settle, Transition
from .statements import Many, change, load, select
from .write_endings import owe, write_endings

_SQL = load("commit.sql")
_END_SUCCESS = Many(_SQL["end_success"])
_ATTEMPT_KEEP = Many(_SQL["attempt_keep"])
_WAIT_AGAIN = Many(_SQL["wait_again"])
_NOTHING_SPENT = Spent()
_SUCCEEDED, _OK = State.SUCCEEDED.value, Reason.OK.value
_FENCES = {
    state: _SQL["settle_fence" if sources(state) >= ACTIVE else "settle_fence_unstopped"]
    for state in FINAL
    if State.RUNNING in sources(state)
}
"""How one that runs leaves `running` for a final state, by the table of transitions."""
_FENCE = _FENCES[State.SUCCEEDED]


class FenceBroken(Exception):
    """A settle of the batch does not apply: start over and sort them one by one."""


def settle(
    db: sqlite3.Connection, items: Sequence[Settle], changes: Changes, careful: bool
) -> list[bool]:
    """Raises FenceBroken unless all apply; `careful` reads the rows first and sorts out the others."""
    if careful:
        applies = _sort_out(db, items)
        _settle_all(db, [item for item, good in zip(items, applies, strict=True) if good], changes)
        return applies
    _settle_all(db, items, changes)
    return [True] * len(items)


def _sort_out(db: sqlite3.Connection, items: Sequence[Settle]) -> list[bool]:
    rows = {
        row[0]: row for row in select(db, _SQL["running_rows"], (), [i.id >> 64 for i in items])
    }
    applies = []
    for item in items:
        row = rows.get(item.id >> 64)
        good = row is not None and row[1] == item.attempt and row[2] == item.lease
        # A stop that was asked is kept: what is stopping never waits again.
        good = good and row is not None and allowed(STATES[row[3]], item.state)
        if good:
            del rows[item.id >> 64]
        applies.append(good)
    return applies


def _settle_all(db: sqlite3.Connection, items: Sequence[Settle], changes: Changes) -> None:
    again: list[Settle] = []
    fences: dict[tuple[str, int, int], list[int]] = {}
    simple: list[Any] = []
    full: list[Any] = []
    owing: list[Settle] = []
    counts: dict[int, int] = {}
    log = changes.transitions.append
    for item in items:
        state = item.state
        if state is State.RETRYING or state is State.QUEUED:
            again.append(item)
            continue
        id, function_id, attempt, now = item.id, item.function_id, item.attempt, item.now
        high = id >> 64
        body = item.result
        text = _FENCE
        if (
            state is State.SUCCEEDED
            and (body is None or body.ref is None)
            and item.spent == _NOTHING_SPENT
            and not item.error_type
        ):
            simple += (
                high, function_id, now, attempt, item.started_at, item.duration_us,
                None if body is None else body.bytes,
                None if body is None else digest(body.data), item.log,
                None if body is None else body.data,
            )  # fmt: skip
            counts[function_id] = counts.get(function_id, 0) + 1
            log(Transition(now, id, function_id, _SUCCEEDED, attempt, _OK))
        else:
            if state not in _FENCES:
                raise ForbiddenTransition(State.RUNNING, state)
            text = _FENCES[state]
            _end_with_attempt(full, item, changes)
        fence = (text, attempt, item.lease)
        if fence in fences:
            fences[fence].append(high)
        else:
            fences[fence] = [high]
        if item.deliveries:
            owing.append(item)
    for (text, attempt, lease), ids in fences.items():
        if change(db, text, (attempt, lease), ids) != len(ids):
            raise FenceBroken
    _END_SUCCESS.run(db, simple)
    write_endings(db, full)
    owe(db, owing, [item.attempt for item in owing], changes)
    for function_id, number in counts.items():
        changes.ended(function_id, SUCCEEDED, number)
    if again:
        _settle_again(db, again, changes)


def _end_with_attempt(full: list[Any], item: Settle, changes: Changes) -> None:
    spent, body = item.spent, item.result or Body(None, 0)
    reason = item.reason or Reason.OK
    state = STATE[item.state]
    full += (
        item.id >> 64, item.function_id, state, REASON[reason], item.now, item.attempt,
        outcome_code(item.outcome, item.fault), item.started_at, item.duration_us,
        None if item.result is None else body.bytes, spent.retries_used, spent.platform_tries,
        spent.platform_since, spent.losses_used, budget_code(item.budget), item.error_type or None,
        body.ref, body.digest if body.ref else digest(body.data), item.error_message or None, item.error_stack or None,
        item.log, body.data,
    )  # fmt: skip
    changes.ended(item.function_id, state)
    changes.transitions.append(
        Transition(
            item.now, item.id, item.function_id, item.state.value, item.attempt, reason.value
        )
    )


def _settle_again(db: sqlite3.Connection, items: Sequence[Settle], changes: Changes) -> None:
    """Those that wait again: retries, and attempts that never started."""
    ids = [item.id >> 64 for item in items]
    rows = {row[0]: row for row in select(db, _SQL["running_rows"], (), ids)}
    attempts: list[Any] = []
    waiting: list[Any] = []
    for item in items:
        high = item.id >> 64
        row = rows.pop(high, None)
        if row is None or (row[1], row[2]) != (item.attempt, item.lease):
            raise FenceBroken
        if not allowed(STATES[row[3]], item.state):
            raise FenceBroken
        _, _, _, _, due_at, expires_at, *spent = row
        attempt = item.attempt
        if item.outcome is Outcome.NOT_STARTED:
            # Nothing is spent, and the number is used again.
            attempt -= 1
            due_at = item.due_at or due_at
        else:
            due_at = item.due_at
            s = item.spent
            spent = [
                s.retries_used, s.platform_tries, s.platform_since, s.losses_used, s.interrupted,
            ]  # fmt: skip
            attempts += (
                high, attempt, outcome_code(item.outcome, item.fault), budget_code(item.budget),
                item.started_at, item.now, item.duration_us, due_at, item.error_type or None,
                item.error_message or None, item.error_stack or None, item.log,
            )  # fmt: skip
        waiting += (
            high, item.function_id, STATE[item.state], due_at, expires_at, attempt, *spent,
        )  # fmt: skip
        changes.transitions.append(
            Transition(
                item.now, item.id, item.function_id, item.state.value, item.attempt,
                item.outcome.value,
            )
        )  # fmt: skip
    change(db, _SQL["running_leave"], (), ids)
    _ATTEMPT_KEEP.run(db, attempts)
    _WAIT_AGAIN.run(db, waiting)
