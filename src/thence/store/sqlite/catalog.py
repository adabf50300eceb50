"""The catalog's rows: functions and their versions as they are deployed, and entries beside them."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from ...catalog.entry import Entry
from ...catalog.function import LATEST, Function, FunctionSpec
from ...errors import Conflict, FunctionNotFound
from .statements import load

_SQL = load("catalog.sql")
_decode = msgspec.json.Decoder(FunctionSpec).decode


def functions(db: sqlite3.Connection, deleted: bool) -> list[Function]:
    rows = db.execute(_SQL["functions_all" if deleted else "functions"])
    return [_function(row) for row in rows]


def put(
    db: sqlite3.Connection, name: str, spec: FunctionSpec, digest: str, size: int, now: int
) -> Function:
    encoded = msgspec.json.encode(spec)
    changed = db.execute(_SQL["replace"], (encoded, digest, size, now, name)).rowcount
    if not changed:
        db.execute(_SQL["create"], (name, encoded, digest, size, now, now))
    return _function(db.execute(_SQL["by_name"], (name, LATEST)).fetchone())


def delete(db: sqlite3.Connection, function_id: int, now: int) -> bool:
    if db.execute(_SQL["latest"], (function_id,)).fetchone() is None:
        return False
    db.execute(_SQL["delete_family"], (now, function_id))
    db.execute(_SQL["delete_entries_of"], (str(function_id),))
    return True


def publish(
    db: sqlite3.Connection, function_id: int, version: str, note: str, now: int
) -> Function:
    latest = db.execute(_SQL["latest"], (function_id,)).fetchone()
    if latest is None:
        raise FunctionNotFound(
            f"There is no function with the number {function_id}; it was deleted meanwhile.",
            kind="function",
            name=str(function_id),
        )
    name = latest[0]
    used = db.execute(_SQL["version_used"], (function_id, version)).fetchone()
    if version == LATEST or used is not None:
        raise Conflict(_taken(name, version, there=used is None or bool(used[0])))
    db.execute(_SQL["publish"], (now, version, note, function_id))
    return _function(db.execute(_SQL["by_name"], (name, version)).fetchone())


def _taken(name: str, version: str, *, there: bool) -> str:
    if there:
        return f"The function {name} has a version {version[:140]!r} already: choose another."
    return (
        f"The function {name} had a version {version[:140]!r}, of which invocations remain: choose "
        "another, or wait until their history is pruned."
    )


def delete_version(db: sqlite3.Connection, function_id: int, now: int) -> bool:
    return db.execute(_SQL["delete_version"], (now, function_id)).rowcount == 1


def _function(row: tuple[Any, ...]) -> Function:
    id, name, revision, spec, *rest = row
    return Function(id, name, revision, _decode(spec), *rest)


# ---------------------------------------------------------------- entries


def entries(db: sqlite3.Connection) -> list[Entry]:
    return [Entry(*row) for row in db.execute(_SQL["entries"])]


def put_entry(
    db: sqlite3.Connection, kind: str, owner: str, name: str, data: bytes, now: int
) -> Entry:
    db.execute(_SQL["put_entry"], (kind, owner, name, data, now))
    return Entry(*db.execute(_SQL["entry"], (kind, owner, name)).fetchone())


def delete_entry(db: sqlite3.Connection, kind: str, owner: str, name: str) -> bool:
    return db.execute(_SQL["delete_entry"], (kind, owner, name)).rowcount == 1
