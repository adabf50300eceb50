"""Accepts, settles, ends, stops and claims of one batch, inside the caller's transaction.

The hot path: an accept with a lease and its settle cost four statements a batch, whatever its size.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ...lifecycle.decide import Spent
from ...lifecycle.ids import LOW_MASK, format_id
from ...lifecycle.outcome import Outcome
from ...lifecycle.states import (
    ACTIVE,
    DEAD,
    FINAL,
    WAITING,
    ForbiddenTransition,
    Reason,
    State,
    allowed,
    sources,
)
from ..codes import REASON, STATE, STATES, SUCCEEDED, budget_code, outcome_code
from ..digests import digest, stored_body
from ..interface import StopMark
from ..journal import Changes
from ..keys import split, whole
from ..records import (
    Accepted,
    Body,
    Claim,
    Claimed,
    End,
    NewInvocation,
    Settle,
    Transition,
)
from . import write_deliveries as deliveries
from .statements import Many, change, load, select

_SQL = load("commit.sql")
_ACCEPT = Many(_SQL["accept"])
_ACCEPT_PLAIN = Many(_SQL["accept_plain"])
_ACCEPT_WAITING = Many(_SQL["accept_waiting"])
_ACCEPT_RUNNING = Many(_SQL["accept_running"])
_END_SUCCESS = Many(_SQL["end_success"])
_END = Many(_SQL["end"])
_ATTEMPT_KEEP = Many(_SQL["attempt_keep"])
_WAIT_AGAIN = Many(_SQL["wait_again"])
_DEAD = Many(_SQL["dead_letter"])
_BLOB_USE = Many(_SQL["blob_use"])
_NOTHING_SPENT = Spent()
_DEAD_STATES = frozenset(STATE[state] for state in DEAD)
_ABORTED = REASON[Reason.FUNCTION_DISABLED]
_QUEUED, _RUNNING = State.QUEUED.value, State.RUNNING.value
_SUCCEEDED, _OK = State.SUCCEEDED.value, Reason.OK.value
# What the table of transitions says of the statements here: their rows are those of one table each.
_FENCES = {
    state: _SQL["settle_fence" if sources(state) >= ACTIVE else "settle_fence_unstopped"]
    for state in FINAL
    if State.RUNNING in sources(state)
}
"""How one that runs comes to a final state."""
_FENCE = _FENCES[State.SUCCEEDED]
_ENDS = frozenset(state for state in FINAL if sources(state) >= WAITING)
"""The final states that one which waits may come to."""


class FenceBroken(Exception):
    """A settle of the batch does not apply: start over and sort them one by one."""


# ---------------------------------------------------------------- accept


def accept(
    db: sqlite3.Connection, items: Sequence[NewInvocation], changes: Changes
) -> list[Accepted]:
    answers: list[Accepted] = []
    plain: list[Any] = []
    offloaded: list[Any] = []
    blobs: list[Any] = []
    waiting: list[Any] = []
    running: list[Any] = []
    counts: dict[int, int] = {}
    log = changes.transitions.append
    for item in items:
        id, function_id, at = item.id, item.function_id, item.accepted_at
        if item.idempotency_key is not None or item.listed_in:
            earlier = _earlier(db, item)
            if earlier is not None:
                answers.append(earlier)
                continue
        high = id >> 64
        body = item.payload
        if body.ref is None:
            plain += (
                high, id & LOW_MASK, function_id, at, item.due_at, item.expires_at, body.bytes,
                digest(body.data), item.meta, body.data,
            )  # fmt: skip
        else:
            offloaded += (
                high, id & LOW_MASK, function_id, at, item.due_at, item.expires_at, body.bytes,
                body.ref, body.digest, item.meta, None,
            )  # fmt: skip
            blobs += (body.ref, high)
        log(Transition(at, id, function_id, _QUEUED, 0))
        if item.lease:
            running += (high, function_id, item.due_at, item.expires_at, at, item.lease)
            log(Transition(at, id, function_id, _RUNNING, 1))
        else:
            waiting += (high, function_id, item.due_at, item.expires_at)
        counts[function_id] = counts.get(function_id, 0) + 1
        answers.append(Accepted(id))
    _ACCEPT_PLAIN.run(db, plain)
    _ACCEPT.run(db, offloaded)
    _BLOB_USE.run(db, blobs)
    _ACCEPT_WAITING.run(db, waiting)
    _ACCEPT_RUNNING.run(db, running)
    for function_id, number in counts.items():
        changes.accepted(function_id, number)
    return answers


def _earlier(db: sqlite3.Connection, item: NewInvocation) -> Accepted | None:
    """The earlier invocation of the same key, or the one that has the caller id. None: there is
    none, and both are kept, for the rest of this batch too."""
    key, scope = item.idempotency_key, item.key_scope or item.function_id
    if key is not None:
        found = db.execute(_SQL["idempotency_find"], (scope, key, item.accepted_at)).fetchone()
        if found is not None:
            return Accepted(whole(found[0], found[1]), True, found[2] != item.fingerprint)
    if item.listed_in:
        taken = _list(db, item)
        if taken is not None:
            return taken
    if key is not None:
        db.execute(
            _SQL["idempotency_keep"],
            (scope, key, *split(item.id), item.idempotency_expires_at, item.fingerprint),
        )
    return None


def _list(db: sqlite3.Connection, item: NewInvocation) -> Accepted | None:
    """Keep it in the list of its family, unless its caller id is taken there."""
    family = item.listed_in
    caller_id = format_id(item.id) if item.caller_id is None else item.caller_id
    row = (*split(item.id), family, caller_id, item.qualifier)
    if db.execute(_SQL["list_keep"], row).rowcount:
        return None
    return Accepted(
        whole(*db.execute(_SQL["list_find"], (family, caller_id)).fetchone()), taken=True
    )


# ---------------------------------------------------------------- settle


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
    _write_endings(db, full)
    _owe(db, owing, [item.attempt for item in owing], changes)
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


def _owe(
    db: sqlite3.Connection,
    endings: Sequence[Settle | End],
    attempts: Sequence[int],
    changes: Changes,
) -> None:
    """What they owe, and the invocations that are made of it in this commit."""
    if not endings:
        return
    deliveries.owe(db, endings, attempts, changes)
    calls = [one.call for ending in endings for one in ending.deliveries if one.call is not None]
    if calls:
        accept(db, calls, changes)


def _write_endings(db: sqlite3.Connection, flat: list[Any]) -> None:
    """Rows for the statement `end`, with what hangs on some of them."""
    _END.run(db, flat)
    ids, states, refs = flat[0 :: _END.width], flat[2 :: _END.width], flat[16 :: _END.width]
    reasons = flat[3 :: _END.width]
    _DEAD.run(
        db,
        [
            id
            for id, state, reason in zip(ids, states, reasons, strict=True)
            if state in _DEAD_STATES or reason == _ABORTED
        ],
    )
    _BLOB_USE.run(
        db, [value for use in zip(refs, ids, strict=True) if use[0] is not None for value in use]
    )


# ---------------------------------------------------------------- end, stop


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
    _write_endings(db, ended)
    _owe(db, owing, tried, changes)
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


# ---------------------------------------------------------------- claim


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
