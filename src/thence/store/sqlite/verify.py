"""The invariants of design §2 over the whole store, each as a query that should find nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from .codes import DELIVERY_STATES, STATES, SUCCEEDED
from .statements import load

_SQL = load("verify.sql")
_FINAL = [STATES[code].value for code in range(SUCCEEDED, len(STATES))]
_PRUNED_DELIVERY = {
    "delivered": "pruned_delivered",
    "dead": "pruned_dead",
    "stopped": "pruned_delivery_stopped",
}


def verify(db: sqlite3.Connection) -> dict[str, Any]:
    """`problems`: sentences, none when all holds; and the counts, summed over all functions.

    `orphaned` is no problem: attempts of a node that died, which the next rescue takes over.
    """
    try:
        return _verify(db)
    except sqlite3.OperationalError:
        raise  # it does not answer now; that says nothing about what is stored
    except sqlite3.DatabaseError as error:
        return {"problems": [f"The file is damaged and cannot be read through: {error}."]}


def _verify(db: sqlite3.Connection) -> dict[str, Any]:
    counters = _rows(db, "counters")
    stored, waiting, running = db.execute(_SQL["totals"]).fetchone()
    problems = [
        *_integrity(db),
        *_conservation(db, counters),
        *_deliveries(db, counters),
        *_each(db),
    ]
    answer: dict[str, Any] = {
        "problems": problems,
        "invocations": stored,
        "accepted": sum(row["accepted"] for row in counters),
        "waiting": waiting,
        "running": running,
        "orphaned": db.execute(_SQL["orphaned"]).fetchone()[0],
    }
    for state in _FINAL:
        answer[state] = sum(row[state] for row in counters)
    answer["pruned"] = sum(row[f"pruned_{state}"] for row in counters for state in _FINAL)
    for state in DELIVERY_STATES:
        answer[f"deliveries_{state}"] = sum(row[f"deliveries_{state}"] for row in counters)
    return answer


def _integrity(db: sqlite3.Connection) -> Iterator[str]:
    for (line,) in db.execute(_SQL["integrity"]):
        if line != "ok":
            yield f"SQLite's integrity check says: {line}."


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


def _each(db: sqlite3.Connection) -> Iterator[str]:
    """Row by row; at most 20 of a kind are told."""
    for id, places in db.execute(_SQL["not_exactly_one"]):
        yield f"Invocation {id:016x} stands in {places} of waiting, running and ended, not in one."
    for table, id in db.execute(_SQL["without_invocation"]):
        yield f"A row of {table} ({id:016x}) belongs to no invocation."
    for table, id, state in db.execute(_SQL["wrong_states"]):
        yield f"A row of {table} ({id:016x}) has the state {state}, which has no place there."
    for id, before, kept, highest in db.execute(_SQL["missing_attempts"]):
        yield (
            f"Invocation {id:016x} made {before} earlier attempts, but {kept} are kept "
            f"(the highest is {highest})."
        )
    for id, attempt, allowed in db.execute(_SQL["too_many_attempts"]):
        yield f"Invocation {id:016x} is at attempt {attempt}; its budgets allow {allowed}."
    for id, lease in db.execute(_SQL["strange_leases"]):
        yield f"Invocation {id:016x} runs under lease {lease}, which no node has."
    for (id,) in db.execute(_SQL["not_dead_letters"]):
        yield f"Invocation {id:016x} is missing from the dead letters, or wrongly among them."
    for (id,) in db.execute(_SQL["early_deliveries"]):
        yield f"Delivery {id:016x} is owed by an invocation that has not ended."
    for (id,) in db.execute(_SQL["unended_deliveries"]):
        yield f"Delivery {id:016x} is pending with an end, or ended without one."


def _rows(db: sqlite3.Connection, name: str) -> list[dict[str, int]]:
    cursor = db.execute(_SQL[name])
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]
