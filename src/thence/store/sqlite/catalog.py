"""The catalog's rows: functions and their versions as they are deployed, and entries beside them; and
their changes, each a transaction that counts the catalogue's revision up."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from ...catalog.entry import Entry
from ...catalog.function import LATEST, Function, FunctionSpec
from ...catalog.step import (
    CatalogueParts,
    CatalogueRows,
    Changed,
    DeleteEntry,
    DeleteFunction,
    DeleteVersion,
    Left,
    PublishVersion,
    PutEntry,
    PutFunction,
    Step,
)
from ...errors import CatalogueChanged, Conflict, FunctionNotFound
from .statements import load

_SQL = load("catalog.sql")
TOUCHED_MAX = 10_000  # revisions of which it is kept what they touched
_decode = msgspec.json.Decoder(FunctionSpec).decode


def functions(db: sqlite3.Connection, deleted: bool) -> list[Function]:
    rows = db.execute(_SQL["functions_all" if deleted else "functions"])
    return [_function(row) for row in rows]


def entries(db: sqlite3.Connection) -> list[Entry]:
    return [Entry(*row) for row in db.execute(_SQL["entries"])]


def whole(db: sqlite3.Connection) -> CatalogueRows:
    return CatalogueRows(revision(db), functions(db, True), entries(db))


def revision(db: sqlite3.Connection) -> int:
    found: int = db.execute(_SQL["revision"]).fetchone()[0]
    return found


def since(db: sqlite3.Connection, known: int) -> CatalogueParts | CatalogueRows | None:
    now = revision(db)
    if now == known:
        return None
    first = db.execute(_SQL["touched_first"]).fetchone()[0]
    if known > now or first is None or first > known + 1:
        return whole(db)
    rows = db.execute(_SQL["touched"], (known,)).fetchall()
    families = {row[0] for row in rows if row[0]}
    keys = [row[1:] for row in rows if not row[0]]
    found: list[Function] = []
    owned: list[Entry] = []
    for family in families:
        found += (_function(row) for row in db.execute(_SQL["functions_of"], (family,)))
        owned += (Entry(*row) for row in db.execute(_SQL["entries_of"], (str(family),)))
    there = [row for key in keys if (row := db.execute(_SQL["entry"], key).fetchone())]
    entries = [Entry(*row) for row in there]
    return CatalogueParts(now, frozenset(families), found, owned, frozenset(keys), entries)


# ---------------------------------------------------------------- changes


def change(
    db: sqlite3.Connection, steps: Sequence[Step], now: int, if_unchanged: int | None
) -> Changed:
    if not db.execute(_SQL["count_up"], (if_unchanged,)).rowcount:
        raise CatalogueChanged(revision=revision(db))
    left = [_made(db, step, now) for step in steps]
    for step, made in zip(steps, left, strict=True):
        db.execute(_SQL["touch"], _touched(db, step, made))
    db.execute(_SQL["touched_drop"], (TOUCHED_MAX,))
    return Changed(revision(db), left)


def _touched(db: sqlite3.Connection, step: Step, left: Left) -> tuple[int, str, str, str]:
    """The family, or the key of the entry."""
    match step, left:
        case _, Function():
            return left.family, "", "", ""
        case DeleteVersion(function_id), _:
            found = db.execute(_SQL["family_of"], (function_id,)).fetchone()
            return (0 if found is None else found[0]), "", "", ""
        case DeleteFunction(family), _:
            return family, "", "", ""
        case _, Entry():
            return 0, left.kind, left.owner, left.name
        case DeleteEntry(kind, owner, name), _:
            return 0, kind, owner, name
    raise TypeError(f"{step!r} left {left!r}")


def _made(db: sqlite3.Connection, step: Step, now: int) -> Left:
    match step:
        case PutFunction():
            return _put(db, step, now)
        case PublishVersion():
            return _publish(db, step, now)
        case DeleteVersion(function_id):
            return db.execute(_SQL["delete_version"], (now, function_id)).rowcount == 1
        case DeleteFunction(family):
            return _delete(db, family, now)
        case PutEntry():
            return _put_entry(db, step, now)
        case DeleteEntry(kind, owner, name):
            return db.execute(_SQL["delete_entry"], (kind, owner, name)).rowcount == 1


def _put(db: sqlite3.Connection, step: PutFunction, now: int) -> Function:
    encoded, name = msgspec.json.encode(step.spec), step.name
    code = (step.code_digest, step.code_bytes)
    if not db.execute(_SQL["replace"], (encoded, *code, now, name)).rowcount:
        db.execute(_SQL["create"], (name, encoded, *code, now, now))
    return _by_name(db, name, LATEST)


def _delete(db: sqlite3.Connection, family: int, now: int) -> bool:
    if db.execute(_SQL["latest"], (family,)).fetchone() is None:
        return False
    db.execute(_SQL["delete_family"], (now, family))
    db.execute(_SQL["delete_entries_of"], (str(family),))
    return True


def _publish(db: sqlite3.Connection, step: PublishVersion, now: int) -> Function:
    family, version = step.family, step.version
    latest = db.execute(_SQL["latest"], (family,)).fetchone()
    if latest is None:
        raise FunctionNotFound(
            f"There is no function with the number {family}; it was deleted meanwhile.",
            kind="function",
            name=str(family),
        )
    name = latest[0]
    used = db.execute(_SQL["version_used"], (family, version)).fetchone()
    if version == LATEST or used is not None:
        raise Conflict(_taken(name, version, there=used is None or bool(used[0])))
    db.execute(_SQL["publish"], (now, version, step.note, family))
    return _by_name(db, name, version)


def _taken(name: str, version: str, *, there: bool) -> str:
    if there:
        return f"The function {name} has a version {version[:140]!r} already: choose another."
    return (
        f"The function {name} had a version {version[:140]!r}, of which invocations remain: choose "
        "another, or wait until their history is pruned."
    )


def _put_entry(db: sqlite3.Connection, step: PutEntry, now: int) -> Entry:
    owner = str(_by_name(db, step.function, LATEST).id) if step.function else step.owner
    db.execute(_SQL["put_entry"], (step.kind, owner, step.name, step.data, now))
    return Entry(*db.execute(_SQL["entry"], (step.kind, owner, step.name)).fetchone())


def _by_name(db: sqlite3.Connection, name: str, version: str) -> Function:
    return _function(db.execute(_SQL["by_name"], (name, version)).fetchone())


def _function(row: tuple[Any, ...]) -> Function:
    id, name, revision, spec, *rest = row
    return Function(id, name, revision, _decode(spec), *rest)
