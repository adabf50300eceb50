"""The invariants of design §2 over the whole store, each as a query that should find nothing; and
every page and every row of it, read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import msgspec

from ..codes import DELIVERY_STATES, STATES, SUCCEEDED
from ..history import History
from ..journal import decode_entry
from .damage import glance, hit
from .reading import TOLD_MAX, unreadable
from .statements import load

_SQL = load("verify.sql")
LOOK_SECONDS = 3600.0
_FINAL = [STATES[code].value for code in range(SUCCEEDED, len(STATES))]
_PRUNED_DELIVERY = {
    "delivered": "pruned_delivered",
    "dead": "pruned_dead",
    "stopped": "pruned_delivery_stopped",
}


def verify(db: sqlite3.Connection) -> dict[str, Any]:
    """`problems`: sentences, none when all holds; and the counts, summed over all functions.

    `orphaned` is no problem: attempts of a node that died, which the next rescue takes over. Where
    the file is damaged, whatever can still be checked is checked.
    """
    problems: list[str] = []
    counters: list[dict[str, int]] = []
    counts: dict[str, int] = {}
    tables: list[str] = []
    looks: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("SQLite's own check", lambda: _integrity(db)),
        ("the list of tables", lambda: _fill(tables, _tables(db))),
        ("counter", lambda: _fill(counters, _rows(db, "counters"))),
        ("the counters", lambda: _conservation(db, counters)),
        ("the counters of deliveries", lambda: _deliveries(db, counters)),
        *((name, partial(_each, db, name)) for name in _EACH),
        ("the journal", lambda: _ways(db)),
        ("the sums", lambda: _sums(db, counters, counts)),
    ]
    for what, look in looks:
        problems += _safely(what, look)
    for table in tables:
        problems += _safely(f"table {table}", partial(unreadable, db, table))
    return {"problems": problems, **counts}


def _safely(what: str, look: Callable[[], Iterable[str]]) -> Iterator[str]:
    """What `look` says, and where it had to stop: one damaged table hides none of the others."""
    try:
        yield from look()
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if isinstance(error, sqlite3.OperationalError) and code & 0xFF in _PASSING:
            raise  # it does not answer now; that says nothing about what is stored
        yield f"The file is damaged: {what} cannot be read through ({error})."


_PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT,
     sqlite3.SQLITE_CANTOPEN}
)  # fmt: skip


def _fill(into: list[Any], found: Iterable[Any]) -> tuple[str, ...]:
    into += found
    return ()


def _tables(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute(_SQL["tables"])]


def _sums(
    db: sqlite3.Connection, counters: list[dict[str, int]], answer: dict[str, int]
) -> tuple[str, ...]:
    stored, waiting, running = db.execute(_SQL["totals"]).fetchone()
    answer["invocations"] = stored
    answer["accepted"] = sum(row["accepted"] for row in counters)
    answer["waiting"], answer["running"] = waiting, running
    answer["orphaned"] = db.execute(_SQL["orphaned"]).fetchone()[0]
    for state in _FINAL:
        answer[state] = sum(row[state] for row in counters)
    answer["pruned"] = sum(row[f"pruned_{state}"] for row in counters for state in _FINAL)
    for state in DELIVERY_STATES:
        answer[f"deliveries_{state}"] = sum(row[f"deliveries_{state}"] for row in counters)
    return ()


def _integrity(db: sqlite3.Connection) -> Iterator[str]:
    try:
        lines = [row[0] for row in db.execute(_SQL["integrity"]) if row[0] != "ok"]
    except sqlite3.DatabaseError:
        yield from _hit(db)
        raise
    for line in lines:
        yield f"SQLite's integrity check says: {line}."
    if lines:
        yield from _hit(db)


def _hit(db: sqlite3.Connection) -> Iterator[str]:
    """That check gives numbers of pages, and does not go on after some kinds of damage: table by
    table it does."""
    broken = glance(db)
    for name in sorted({*hit(db, LOOK_SECONDS), *(broken[0] if broken else ())}):
        yield f"The file is damaged: {name}."


def _conservation(db: sqlite3.Connection, counters: list[dict[str, int]]) -> Iterator[str]:
    """accepted = waiting + running + ended + pruned, and each final state by itself."""
    live = dict(db.execute(_SQL["live_rows"]).fetchall())
    ended: dict[int, dict[str, int]] = {}
    for function_id, state, number in db.execute(_SQL["ended_states"]):
        if 0 <= state < len(STATES):
            ended.setdefault(function_id, {})[STATES[state].value] = number
    known = {row["function_id"] for row in counters}
    for function_id in sorted((live.keys() | ended.keys()) - known):
        yield f"Function {function_id} has invocations but no counters."
    for row in counters:
        function_id, there = row["function_id"], ended.get(row["function_id"], {})
        now, gone = live.get(function_id, 0), sum(row[f"pruned_{state}"] for state in _FINAL)
        finished = sum(there.get(state, 0) for state in _FINAL)
        if row["accepted"] != now + finished + gone:
            yield (
                f"Function {function_id}: accepted {row['accepted']} is not {now} live + "
                f"{finished} ended + {gone} pruned."
            )
        for state in _FINAL:
            here, pruned = there.get(state, 0), row[f"pruned_{state}"]
            if row[state] != here + pruned:
                yield (
                    f"Function {function_id}: the counter of {state} is {row[state]}, but {here} "
                    f"are stored and {pruned} were pruned."
                )


def _deliveries(db: sqlite3.Connection, counters: list[dict[str, int]]) -> Iterator[str]:
    stored: dict[tuple[int, str], int] = {}
    for function_id, state, number in db.execute(_SQL["delivery_states"]):
        if 0 <= state < len(DELIVERY_STATES):
            stored[function_id, DELIVERY_STATES[state]] = number
    for row in counters:
        for state in DELIVERY_STATES:
            pruned = row[_PRUNED_DELIVERY[state]] if state in _PRUNED_DELIVERY else 0
            here, counted = stored.get((row["function_id"], state), 0), row[f"deliveries_{state}"]
            if counted != here + pruned:
                yield (
                    f"Function {row['function_id']}: the counter of {state} deliveries is "
                    f"{counted}, but {here} are stored and {pruned} were pruned."
                )


_EACH: dict[str, Callable[..., str]] = {
    "not_exactly_one": lambda id, places: (
        f"Invocation {id:016x} stands in {places} of waiting, running and ended, not in one."
    ),
    "without_invocation": lambda table, id: (
        f"A row of {table} ({id:016x}) belongs to no invocation."
    ),
    "wrong_states": lambda table, id, state: (
        f"A row of {table} ({id:016x}) has the state {state}, which has no place there."
    ),
    "missing_attempts": lambda id, before, kept, highest: (
        f"Invocation {id:016x} made {before} earlier attempts, but {kept} are kept (the highest is "
        f"{highest})."
    ),
    "too_many_attempts": lambda id, attempt, allowed: (
        f"Invocation {id:016x} is at attempt {attempt}; its budgets allow {allowed}."
    ),
    "strange_leases": lambda id, lease: (
        f"Invocation {id:016x} runs under lease {lease}, which no node has."
    ),
    "not_dead_letters": lambda id: (
        f"Invocation {id:016x} is missing from the dead letters, or wrongly among them."
    ),
    "early_deliveries": lambda id: (
        f"Delivery {id:016x} is owed by an invocation that has not ended."
    ),
    "unended_deliveries": lambda id: (
        f"Delivery {id:016x} is pending with an end, or ended without one."
    ),
}


def _each(db: sqlite3.Connection, name: str) -> Iterator[str]:
    """Row by row; at most 20 of a kind are told."""
    for row in db.execute(_SQL[name]):
        yield _EACH[name](*row)


def _ways(db: sqlite3.Connection) -> Iterator[str]:
    """The ways that invocations went, as far as the journal is kept; at most 20 wrong ones are told."""
    history, told = History(), 0
    for seq, data in db.execute(_SQL["journal"]):
        try:
            entry = decode_entry(seq, data)
        except (msgspec.DecodeError, ValueError, TypeError):
            history = (
                History()
            )  # a damaged row, which is told with the others; something is missing
            continue
        for problem in history.forbidden(entry):
            told += 1
            if told > TOLD_MAX:
                return
            yield problem


def _rows(db: sqlite3.Connection, name: str) -> list[dict[str, int]]:
    cursor = db.execute(_SQL[name])
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]
