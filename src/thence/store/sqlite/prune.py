"""Retention in small steps: what may go is looked for in a snapshot, then deleted in one short
transaction that checks it again. Nothing live goes, and nothing that still owes a delivery."""

from __future__ import annotations

import sqlite3

from msgspec import Struct, field

from ..codes import DEAD, DELIVERED, DELIVERY_STOPPED, EXPIRED, FAILED, INVALID, STOPPED, SUCCEEDED
from .statements import change, load, select

_SQL = load("prune.sql")
_PRUNED = {
    SUCCEEDED: "pruned_succeeded",
    FAILED: "pruned_failed",
    STOPPED: "pruned_stopped",
    EXPIRED: "pruned_expired",
    INVALID: "pruned_invalid",
}
_PRUNED_DELIVERIES = {
    DELIVERED: "pruned_delivered",
    DEAD: "pruned_dead",
    DELIVERY_STOPPED: "pruned_delivery_stopped",
}


class Limits(Struct, frozen=True):
    """Retention: what ended (or was written) before these instants, ms, may go."""

    history_before: int
    payload_before: int
    result_before: int
    journal_before: int
    now: int
    limit: int
    minutes_before: int = 0


class Marks(Struct):
    """How far bodies are pruned already: below these ids there is none left, so that a step does
    not read the same history again. In memory only; a restart looks once more from the start."""

    payloads: int = 0
    results: int = 0


class Found(Struct):
    history: list[int] = field(default_factory=list)
    payloads: list[int] = field(default_factory=list)
    results: list[int] = field(default_factory=list)


def find(db: sqlite3.Connection, limits: Limits, marks: Marks) -> Found:
    """At most `limit` ids, history first: what goes whole needs no clearing of bodies."""
    found = Found()
    before = limits.history_before
    rows = db.execute(_SQL["find_history"], (_first_id(before), before, limits.limit))
    found.history = [row[0] for row in rows]
    room = limits.limit - len(found.history)
    gone = set(found.history)
    if room > 0:
        found.payloads, marks.payloads = _scan(
            db, "scan_payloads", marks.payloads, limits.payload_before, room, gone
        )
        room -= len(found.payloads)
    if room > 0:
        found.results, marks.results = _scan(
            db, "scan_results", marks.results, limits.result_before, room, gone
        )
    return found


def _scan(
    db: sqlite3.Connection, name: str, mark: int, before: int, limit: int, gone: set[int]
) -> tuple[list[int], int]:
    """Ids whose body may go, and the first id from which a body remains after that."""
    ids: list[int] = []
    first_kept: int | None = None
    top = _first_id(before)
    for id, free in db.execute(_SQL[name], (mark, top, before, -1)):
        if id in gone:
            continue
        if free and len(ids) < limit:
            ids.append(id)
        elif first_kept is None:
            first_kept = id
        if len(ids) >= limit:
            # The ones found now may not go after all (a delivery redriven meanwhile).
            break
    # What is found now is cleared by the caller, but may turn out to be owed again: look again.
    lowest = min(
        (key for key in (first_kept, ids[0] if ids else None) if key is not None), default=top
    )
    return ids, max(mark, lowest)


def sweep(db: sqlite3.Connection, limits: Limits, found: Found) -> tuple[int, list[str]]:
    """Delete in this transaction. Returns (rows changed, refs of blobs now unused)."""
    limit, now = limits.limit, limits.now
    changed = 0
    for name, before in (
        ("keys", now),
        ("messages", now),
        ("puts", limits.history_before),
        ("journal", limits.journal_before),
        ("minutes", limits.minutes_before),
    ):
        changed += db.execute(_SQL[name], (before, limit)).rowcount
    changed += db.execute(_SQL["nodes"], (limit,)).rowcount
    released: set[str] = set()
    payloads, results = _still_free(db, found.payloads), _still_free(db, found.results)
    released |= _clear(db, payloads, "payload_refs", "payload_clear")
    released |= _clear(db, results, "result_refs", "result_clear")
    change(db, _SQL["attempt_logs_clear"], (), results)
    history = _still_free(db, found.history)
    released |= _drop(db, history)
    unused = [
        ref for ref in sorted(released) if not db.execute(_SQL["blob_used"], (ref,)).fetchone()
    ]
    return changed + len(payloads) + len(results) + len(history), unused


def _still_free(db: sqlite3.Connection, ids: list[int]) -> list[int]:
    return [row[0] for row in select(db, _SQL["still_free"], (), ids)]


def _clear(db: sqlite3.Connection, ids: list[int], refs: str, clear: str) -> set[str]:
    used = select(db, _SQL[refs], (), ids)
    change(db, _SQL[clear], (), ids)
    return _release(db, used)


def _release(db: sqlite3.Connection, used: list[tuple[str, int]]) -> set[str]:
    for ref, id in used:
        db.execute(_SQL["blob_release"], (ref, id))
    return {ref for ref, _ in used}


def _drop(db: sqlite3.Connection, ids: list[int]) -> set[str]:
    if not ids:
        return set()
    used = select(db, _SQL["payload_refs"], (), ids) + select(db, _SQL["result_refs"], (), ids)
    for name, columns in (("ended_states", _PRUNED), ("delivery_states", _PRUNED_DELIVERIES)):
        for function_id, state, number in select(db, _SQL[name], (), ids):
            text = _SQL["count_pruned"].format(column=columns[state])
            db.execute(text, (number, function_id))
    for name in (
        "drop_delivery_attempts",
        "drop_deliveries",
        "drop_attempts",
        "drop_dead",
        "drop_listed",
        "drop_ended",
        "drop_invocations",
    ):
        change(db, _SQL[name], (), ids)
    return _release(db, used)


def _first_id(ms: int) -> int:
    """The lowest key that can have been made at `ms`; what ended before it has a lower one."""
    return max(ms, 0) << 16
