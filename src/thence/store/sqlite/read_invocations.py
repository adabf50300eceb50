"""Reading one invocation with all that belongs to it, and lists of many."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from ...lifecycle.decide import Spent
from ...lifecycle.states import ACTIVE, DEAD, WAITING, Reason
from .. import cursors
from ..codes import REASON, REASONS, STATE, STATES, budget_of, fault_of, outcome_of
from ..digests import stored_body
from ..keys import split, whole
from ..records import (
    AttemptView,
    Body,
    DeliveryView,
    Filter,
    InvocationRow,
    InvocationView,
    Meta,
    Page,
)
from . import pages
from .read_deliveries import of_invocations
from .statements import load, select

_SQL = load("reads.sql")
_meta = msgspec.json.Decoder(Meta).decode


def meta_of(data: bytes | None) -> Meta:
    return Meta() if data is None else _meta(data)


def invocation(db: sqlite3.Connection, id: int) -> InvocationView | None:
    found = views(db, [id >> 64])
    return found[0] if found and found[0].id == id else None


def views(
    db: sqlite3.Connection, keys: Sequence[int], *, deliveries: bool = True
) -> list[InvocationView]:
    """Those of `keys` that are there, in that order, each with all that belongs to it (with
    `deliveries` False, but for what it owes)."""
    attempts: dict[int, list[AttemptView]] = {}
    for key, *row in select(db, _SQL["attempts"], (), keys):
        attempts.setdefault(key, []).append(_attempt(row))
    owed = of_invocations(db, keys) if deliveries else {}
    rows = {row[0]: row for row in select(db, _SQL["invocations"], (), keys)}
    return [
        _view(rows[key], attempts.get(key, []), owed.get(key, [])) for key in keys if key in rows
    ]


def _view(
    row: tuple[Any, ...], attempts: list[AttemptView], owed: list[DeliveryView]
) -> InvocationView:
    (
        high, tail, function_id, name, accepted_at, first_due, expires_at, size, meta, state,
        reason, ended_at, attempt, due_at, retries, tries, since, losses, result_bytes, redriven,
        claimed_at, outcome, budget, started_at, duration_us, *error, log_bytes, version,
    ) = row  # fmt: skip
    if outcome is not None:
        last = (attempt, outcome, budget, started_at, ended_at, duration_us, None)
        attempts.append(_attempt((*last, *error, log_bytes)))
    elif claimed_at is not None:
        attempts.append(AttemptView(attempt, None, None, claimed_at, None, 0))
    return InvocationView(
        whole(high, tail), function_id, name or "", STATES[state], _reason(reason), accepted_at,
        first_due if due_at is None else due_at, expires_at, ended_at, attempt,
        Spent(retries, tries, since, losses), size, result_bytes, meta_of(meta),
        _redriven(redriven), attempts, owed, version,
    )  # fmt: skip


def _attempt(row: Sequence[Any]) -> AttemptView:
    number, outcome, budget, started_at, ended_at, duration_us, retry_at, *error, log_bytes = row
    type_, message, stack = (text or "" for text in error)
    return AttemptView(
        number, outcome_of(outcome), budget_of(budget), started_at, ended_at, duration_us, retry_at,
        type_, message, stack, log_bytes or 0, fault_of(outcome),
    )  # fmt: skip


def payload(db: sqlite3.Connection, id: int) -> tuple[Body, str] | None:
    row = db.execute(_SQL["payload"], split(id)).fetchone()
    if row is None:
        return None
    return stored_body(row[:4], "invocation", id >> 64), meta_of(row[4]).content_type


def result(db: sqlite3.Connection, id: int) -> Body | None:
    row = db.execute(_SQL["result"], split(id)).fetchone()
    if row is None or row[1] is None:
        return None
    return stored_body(row, "ended", id >> 64)


def log(db: sqlite3.Connection, id: int, attempt: int | None) -> bytes | None:
    row = db.execute(_SQL["log"], {"id": id >> 64, "attempt": attempt}).fetchone()
    return None if row is None else row[0]


def page(db: sqlite3.Connection, filter: Filter, limit: int, cursor: str | None) -> Page:
    """Looks at SCAN rows at most, of the smallest table that holds all that can match."""
    states = filter.states
    if filter.reason is not None and filter.reason not in set(Reason):
        return Page([], None)  # no invocation has a reason that does not exist
    below = cursors.decode(cursor)
    if filter.until is not None:
        below = min(below, cursors.of_instant(filter.until))
    values = {
        "lowest": 0 if filter.since is None else cursors.of_instant(filter.since),
        "below": below,
        "function": filter.function_id,
        "family": filter.family,
        "states": None if states is None else json.dumps([STATE[state] for state in states]),
        "reason": None if filter.reason is None else REASON[Reason(filter.reason)],
        "redriven": filter.redriven,
    }
    source = "dead" if filter.dead else "invocation"
    if states is not None and not filter.dead:
        for small, kinds in (("dead", DEAD), ("running", ACTIVE), ("waiting", WAITING)):
            if states <= kinds:
                source = small
    text, scanned = _SQL["list"].format(source=source), _SQL["list_scanned"].format(source=source)
    rows, following = pages.page(db, text, scanned, values, limit)
    return Page([_line(row) for row in rows], following)


def _line(row: tuple[Any, ...]) -> InvocationRow:
    high, tail, name, state, reason, accepted_at, due_at, ended_at, attempt, redriven, version = row
    return InvocationRow(
        whole(high, tail), name or "", STATES[state], _reason(reason), accepted_at, due_at,
        ended_at, attempt, _redriven(redriven), version,
    )  # fmt: skip


def _reason(code: int | None) -> Reason | None:
    return None if code is None else REASONS[code]


def _redriven(data: bytes | None) -> int | None:
    return None if data is None else int.from_bytes(data, "big")


def mark_redriven(db: sqlite3.Connection, pairs: list[tuple[int, int]]) -> None:
    for dead, new in pairs:
        db.execute(_SQL["mark_redriven"], (new.to_bytes(16, "big"), dead >> 64))
