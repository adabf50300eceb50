"""Nodes with their leases, and what the engine asks of the live queue."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ...clock import ClockMark
from ...lifecycle.decide import Spent
from ..codes import STATES
from ..keys import whole
from ..records import Lost, Waiting
from . import times
from .statements import load

_SQL = load("queue.sql")
_FOREVER = (1 << 63) - 1


class _Named(Struct, gc=False):
    """What is needed of Meta here."""

    qualifier: str = ""


_named = msgspec.json.Decoder(_Named).decode


def join(
    db: sqlite3.Connection, name: str, now: int, expires_at: int, mark: ClockMark | None
) -> int:
    times.keep(db, mark)
    number = db.execute(_SQL["join"], (name, now, expires_at)).lastrowid
    assert number is not None  # an insert always has one
    return number


def renew(
    db: sqlite3.Connection, incarnation: int, expires_at: int, mark: ClockMark | None
) -> bool:
    times.keep(db, mark)
    return db.execute(_SQL["renew"], (expires_at, incarnation)).rowcount == 1


def leave(db: sqlite3.Connection, incarnation: int, mark: ClockMark | None) -> None:
    times.keep(db, mark)
    db.execute(_SQL["leave"], (incarnation,))
    db.execute(_SQL["release"])


def dying(db: sqlite3.Connection, now: int) -> bool:
    return db.execute(_SQL["dying"], (now,)).fetchone() is not None


def former_gone(db: sqlite3.Connection, name: str | None) -> None:
    db.execute(_SQL["former_gone"], {"name": name})
    db.execute(_SQL["release"])


def declare_dead(db: sqlite3.Connection, now: int) -> None:
    db.execute(_SQL["declare_dead"], (now,))
    db.execute(_SQL["release"])


def lost(db: sqlite3.Connection, limit: int) -> list[Lost]:
    return [
        Lost(
            whole(id, tail), function_id, attempt, lease, STATES[state],
            Spent(retries, tries, since, losses, interrupted), accepted_at, expires_at, _qualifier(meta),
            bool(beside), bool(aborted),
        )
        for (
            id, tail, function_id, attempt, lease, state, retries, tries, since, losses, interrupted,
            accepted_at, expires_at, meta, beside, aborted,
        ) in db.execute(_SQL["lost"], (limit,))
    ]  # fmt: skip


def highest_id(db: sqlite3.Connection) -> int:
    row = db.execute(_SQL["highest_id"]).fetchone()
    return 0 if row is None else whole(row[0], row[1])


def next_due(db: sqlite3.Connection, function_ids: Sequence[int]) -> dict[int, int]:
    rows = db.execute(_SQL["next_due"], (json.dumps(list(function_ids)),))
    return {function_id: due_at for function_id, due_at in rows if due_at is not None}


def due_functions(db: sqlite3.Connection, after: int, limit: int | None) -> dict[int, int | None]:
    values = {"after": after, "limit": -1 if limit is None else limit}
    return dict(db.execute(_SQL["due_functions"], values).fetchall())


def suspects(db: sqlite3.Connection, function_id: int | None) -> dict[int, int]:
    if function_id is None:
        return dict(db.execute(_SQL["suspects"]).fetchall())
    return dict(db.execute(_SQL["suspects_of"], (function_id,)).fetchall())


def live(db: sqlite3.Connection, function_ids: Sequence[int]) -> set[int]:
    ids = json.dumps(list(function_ids))
    return {row[0] for row in db.execute(_SQL["live"], (ids,))}


def receivers_owed(db: sqlite3.Connection, after: str, limit: int | None) -> dict[str, int]:
    least = f"{after}\0" if after else ""  # the first that comes behind `after`
    values = {"least": least, "limit": -1 if limit is None else limit}
    return dict(db.execute(_SQL["receivers_owed"], values).fetchall())


def expiring(db: sqlite3.Connection, now: int, limit: int) -> list[Waiting]:
    return [_waiting(row) for row in db.execute(_SQL["expiring"], (now, limit))]


def next_expiry(db: sqlite3.Connection) -> int | None:
    expires_at: int | None = db.execute(_SQL["next_expiry"]).fetchone()[0]
    return expires_at


def waiting(
    db: sqlite3.Connection, function_id: int, limit: int, due_before: int | None
) -> list[Waiting]:
    before = _FOREVER if due_before is None else due_before
    return [_waiting(row) for row in db.execute(_SQL["waiting"], (function_id, before, limit))]


def _waiting(row: tuple[Any, ...]) -> Waiting:
    id, tail, function_id, state, due_at, expires_at, attempts, meta = row
    named = _qualifier(meta)
    return Waiting(whole(id, tail), function_id, STATES[state], due_at, expires_at, named, attempts)


def _qualifier(meta: bytes | None) -> str:
    return "" if meta is None else _named(meta).qualifier


def probe(db: sqlite3.Connection) -> None:
    """A small write, kept: it succeeds only where a commit would."""
    db.execute("DELETE FROM meta WHERE key = 'probe'")
    db.execute(_SQL["probe"])


def tidy(db: sqlite3.Connection) -> int:
    """What the log holds moves into the file, and the log is emptied (as far as readers let it)."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    free: int = db.execute("PRAGMA freelist_count").fetchone()[0]
    page: int = db.execute("PRAGMA page_size").fetchone()[0]
    return free * page
