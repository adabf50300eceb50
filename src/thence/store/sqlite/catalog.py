"""The catalog's rows: functions as they are deployed."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from ...catalog.function import Function, FunctionSpec
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
    return _function(db.execute(_SQL["by_name"], (name,)).fetchone())


def delete(db: sqlite3.Connection, function_id: int, now: int) -> bool:
    return db.execute(_SQL["delete"], (now, now, function_id)).rowcount == 1


def _function(row: tuple[Any, ...]) -> Function:
    id, name, revision, spec, digest, size, created_at, updated_at, deleted_at = row
    return Function(
        id, name, revision, _decode(spec), digest, size, created_at, updated_at, deleted_at
    )
