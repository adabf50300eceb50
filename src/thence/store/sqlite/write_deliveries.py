"""Delivery results, delivery claims and mailbox puts of one batch, inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from ..interface import MailboxPut
from ..records import DeliveryClaim, DeliveryResult, DeliveryView, Transition
from .codes import DELIVERY_STATE, DELIVERY_STATES, PENDING
from .journal import Changes
from .keys import whole
from .statements import change, load

_SQL = load("commit.sql")


def record(db: sqlite3.Connection, items: Sequence[DeliveryResult], changes: Changes) -> list[bool]:
    return [_record_one(db, item, changes) for item in items]


def _record_one(db: sqlite3.Connection, item: DeliveryResult, changes: Changes) -> bool:
    high = item.id >> 64
    row = db.execute(_SQL["delivery_pending"], (high,)).fetchone()
    if row is None:
        return False
    function_id, invocation, tail = row
    state = DELIVERY_STATE[item.state]
    ended_at = None if state == PENDING else item.now
    due_at = item.due_at if state == PENDING else item.now
    db.execute(_SQL["delivery_result"], (state, due_at, ended_at, item.reason, item.attempt, high))
    db.execute(
        _SQL["delivery_attempt_keep"],
        (high, item.attempt, item.started_at, item.duration_us, item.status, item.error),
    )
    if state != PENDING:
        changes.delivery(function_id, PENDING, state)
    changes.transitions.append(
        Transition(
            item.now, whole(invocation, tail), function_id, f"delivery:{item.state}", item.attempt,
            item.reason, item.id,
        )
    )  # fmt: skip
    return True


def claim(db: sqlite3.Connection, items: Sequence[DeliveryClaim]) -> list[list[DeliveryView]]:
    """Taken deliveries; no transition, they stay pending."""
    answers = []
    for item in items:
        rows = db.execute(
            _SQL["delivery_due"], (item.now, item.key, item.now, item.limit)
        ).fetchall()
        change(
            db,
            _SQL["delivery_take"],
            (item.until, item.lease or None, item.now),
            [row[0] for row in rows],
        )
        answers.append([view(row) for row in rows])
    return answers


def view(row: tuple[Any, ...]) -> DeliveryView:
    """A row in the column order of `delivery_due`, without its attempts."""
    (
        high, tail, key, invocation, invocation_tail, function_id, destination, condition, state,
        reason, created_at, due_at, ended_at, attempts_made, since,
    ) = row  # fmt: skip
    return DeliveryView(
        whole(high, tail), key, whole(invocation, invocation_tail), function_id, destination,
        condition, DELIVERY_STATES[state], reason, created_at, due_at, ended_at, attempts_made, since,
    )  # fmt: skip


def put(db: sqlite3.Connection, items: Sequence[MailboxPut]) -> None:
    for item in items:
        if item.once and not db.execute(_SQL["mailbox_once"], (item.once, item.now)).rowcount:
            continue
        if item.kind == "bucket":
            db.execute(_SQL["mailbox_replace"], (item.name, item.key))
        db.execute(
            _SQL["mailbox_put"],
            (
                item.kind, item.name, item.key, len(item.body), item.now, item.expires_at,
                item.content_type, msgspec.json.encode(item.headers), item.body,
            ),
        )  # fmt: skip
