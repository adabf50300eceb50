"""Deliveries owed, their claims and results, and mailbox puts of one batch, inside the caller's
transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from ..codes import DELIVERED, DELIVERY_STATE, DELIVERY_STATES, PENDING
from ..digests import digest
from ..journal import Changes
from ..keys import split, whole
from ..records import (
    ClaimedDeliveries,
    DeliveryClaim,
    DeliveryResult,
    DeliveryView,
    End,
    MailboxPut,
    Settle,
    Transition,
)
from .statements import Many, change, load, select

_SQL = load("commit.sql")
_OWE = Many(_SQL["owe"])
_OWE_PLACED = Many(_SQL["owe_placed"])
_ATTEMPT_PLACED = Many(_SQL["attempt_placed"])
_ATTEMPT_KEEP = Many(_SQL["delivery_attempt_keep"])
_MAILBOX_PUT = Many(_SQL["mailbox_put"])
_encode = msgspec.json.Encoder().encode


def record(db: sqlite3.Connection, items: Sequence[DeliveryResult], changes: Changes) -> list[bool]:
    if not items:
        return []
    pending = {
        row[0]: row[1:]
        for row in select(db, _SQL["delivery_pending"], (), [item.id >> 64 for item in items])
    }
    answers: list[bool] = []
    updates: list[Any] = []
    attempts: list[Any] = []
    for item in items:
        high = item.id >> 64
        # Of two results for one delivery in a batch the first that ends it counts.
        row = pending.get(high)
        answers.append(row is not None)
        if row is None:
            continue
        function_id, invocation, tail = row
        state = DELIVERY_STATE[item.state]
        if state == PENDING:
            updates.append((state, item.due_at, None, item.reason, item.attempt, high))
        else:
            del pending[high]
            updates.append((state, item.now, item.now, item.reason, item.attempt, high))
            changes.delivery(function_id, PENDING, state)
        attempts += (
            high, item.attempt, item.started_at, item.duration_us, item.status, item.error,
        )  # fmt: skip
        changes.transitions.append(
            Transition(
                item.now, whole(invocation, tail), function_id, f"delivery:{item.state}",
                item.attempt, item.reason, item.id,
            )
        )  # fmt: skip
    db.executemany(_SQL["delivery_result"], updates)
    _ATTEMPT_KEEP.run(db, attempts)
    return answers


def claim(db: sqlite3.Connection, items: Sequence[DeliveryClaim]) -> list[ClaimedDeliveries]:
    """Taken deliveries; no transition, they stay pending."""
    answers = []
    for item in items:
        rows = db.execute(
            _SQL["delivery_due"], (item.now, item.receiver, item.now, item.limit)
        ).fetchall()
        change(
            db,
            _SQL["delivery_take"],
            (item.until, item.lease or None, item.now),
            [row[0] for row in rows],
        )
        following = db.execute(_SQL["delivery_next"], (item.receiver,)).fetchone()[0]
        answers.append(ClaimedDeliveries([view(row) for row in rows], following))
    return answers


def owe(
    db: sqlite3.Connection, endings: Sequence[Settle | End], attempts: Sequence[int],
    changes: Changes,
) -> None:  # fmt: skip
    """Deliveries owed from these endings on: the same transaction (design §2, promise 5). Those
    within this store are made with it."""
    to_owe: list[Any] = []
    placed: list[Any] = []
    made: list[Any] = []
    puts: list[MailboxPut] = []
    log = changes.transitions.append
    for ending, attempt in zip(endings, attempts, strict=True):
        function_id, now, high = ending.function_id, ending.now, ending.id >> 64
        for owed in ending.deliveries:
            row = (
                *split(owed.id), high, function_id, owed.receiver, owed.due_at, now, owed.condition,
                owed.destination,
            )  # fmt: skip
            log(Transition(now, ending.id, function_id, "delivery:pending", attempt, "", owed.id))
            if not owed.placed:
                to_owe += row
                changes.delivery(function_id, None, PENDING)
                continue
            placed += (*row, now, now)
            made += (owed.id >> 64, now)
            changes.delivery(function_id, None, DELIVERED)
            log(Transition(now, ending.id, function_id, "delivery:delivered", 1, "", owed.id))
            if owed.put is not None:
                puts.append(owed.put)
    _OWE.run(db, to_owe)
    _OWE_PLACED.run(db, placed)
    _ATTEMPT_PLACED.run(db, made)
    put(db, puts)


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
    rows: list[Any] = []
    for item in items:
        if item.once and not db.execute(_SQL["mailbox_once"], (item.once, item.now)).rowcount:
            continue
        if item.kind == "bucket":
            # The object of the same key may stand in this very batch.
            _MAILBOX_PUT.run(db, rows)
            rows.clear()
            db.execute(_SQL["mailbox_replace"], (item.name, item.key))
        rows += (
            item.kind, item.name, item.key, len(item.body), item.now, item.expires_at,
            item.content_type, _encode(item.headers), item.body, digest(item.body),
        )  # fmt: skip
    _MAILBOX_PUT.run(db, rows)
