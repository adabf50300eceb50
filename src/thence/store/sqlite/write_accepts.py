"""Accepts of one batch, inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ...lifecycle.ids import LOW_MASK, format_id
from ...lifecycle.states import State
from ..digests import digest
from ..journal import Changes
from ..keys import split, whole
from ..records import Accepted, NewInvocation, Transition
from .statements import Many, load

_SQL = load("commit.sql")
_ACCEPT = Many(_SQL["accept"])
_ACCEPT_PLAIN = Many(_SQL["accept_plain"])
_WAITING = Many(_SQL["accept_waiting"])
_RUNNING = Many(_SQL["accept_running"])
_BLOB_USE = Many(_SQL["blob_use"])
_QUEUED_WORD, _RUNNING_WORD = State.QUEUED.value, State.RUNNING.value


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
        log(Transition(at, id, function_id, _QUEUED_WORD, 0))
        if item.lease:
            running += (high, function_id, item.due_at, item.expires_at, at, item.lease)
            log(Transition(at, id, function_id, _RUNNING_WORD, 1))
        else:
            waiting += (high, function_id, item.due_at, item.expires_at)
        counts[function_id] = counts.get(function_id, 0) + 1
        answers.append(Accepted(id))
    _ACCEPT_PLAIN.run(db, plain)
    _ACCEPT.run(db, offloaded)
    _BLOB_USE.run(db, blobs)
    _WAITING.run(db, waiting)
    _RUNNING.run(db, running)
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
