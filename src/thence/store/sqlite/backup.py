"""A backup: a data directory copied as it is at one moment, whether a service uses it or not.

    <DIR>/backup.json   what it is, written last: a folder without it is no backup
    <DIR>/store.db      the store, in one file
    <DIR>/blobs/ code/  every body and archive that this store names, checked against its digest
    <DIR>/status-log/   as it is

It is made as `.<DIR's name>.partial` beside DIR, marked with `backup.unfinished`, and renamed when it
is whole, checked and on disk, so whatever happens there is a good backup at DIR or none. The store
first, then the files: nothing is removed from the data directory meanwhile (removal.Readers), and what
is added later is not named.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from ... import __version__
from ...errors import BackupFailed, InvalidInput, StoreMissing, StoreTooNew
from ...removal import Readers
from ...unusable import advice
from ..driver import Phase
from ..folder import (
    BACKING_UP,
    MANIFEST,
    STORE,
    DataFolder,
    check_restored,
    sync_folder,
    write_whole,
)
from . import files, snapshot
from .connection import APPLICATION_ID, SCHEMA, denied
from .partial import check_room, check_target, partial, sync_all
from .salvage import is_broken, salvage
from .verify import verify

FORMAT = 1
PROBLEMS_TOLD = 20
SALVAGED = "The store was damaged; this is a new one, made of the rows that could be read."


class Manifest(Struct, frozen=True):
    format: int
    version: str  # of the program that made it
    schema: int
    made_at: int  # ms; everything committed before is in it
    identity: str
    store_bytes: int
    store_digest: str
    blobs: int
    blob_bytes: int
    archives: int
    archive_bytes: int
    invocations: int
    waiting: int
    running: int
    problems: list[str]  # of the data directory that was backed up; empty: all was well


def backup(folder: Path, target: Path, phase: Phase, *, damaged: bool = False) -> Manifest:
    """Back up the data directory `folder` as `target`, which must not exist (or be empty).

    damaged: what the store names but cannot be read, and broken promises, are noted in the backup;
    without it they are a reason to make none. Raises StoreMissing, StoreTooNew, InvalidInput,
    Conflict, BackupFailed having made nothing."""
    target = target.absolute()
    _check_source(folder)
    check_target(folder, target)
    try:
        with partial(target) as made:
            manifest = _fill(folder, made, phase, damaged)
            write_whole(made / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
            sync_all(made)
            (made / BACKING_UP).unlink()
            os.rename(made, target)
            sync_folder(target.parent)
            return manifest
    except OSError as error:
        raise BackupFailed(
            f"The backup could not be written: {error.strerror or error} "
            f"({error.filename or target}). {advice(error)} There is no backup at {target}.",
            path=str(target),
        ) from error
    except sqlite3.Error as error:
        raise BackupFailed(
            f"The store in {folder} cannot be copied: {error}.{denied(folder / STORE)} There is no "
            f"backup at {target}. Stop the service and run 'thence verify'; --damaged saves "
            "what can be read.",
            path=str(folder),
        ) from error


def _fill(folder: Path, made: Path, phase: Phase, damaged: bool) -> Manifest:
    with Readers(folder).reading():
        total = snapshot.size(folder / STORE)
        check_room(made, total)
        made_at = time.time_ns() // 1_000_000
        snapshot.copy(folder / STORE, made / STORE, phase("Copying the store", total))
        saved = []
        if damaged and is_broken(made / STORE):
            phase("Saving the rows that can be read", 0)
            saved = [SALVAGED, *salvage(made / STORE)]
        with closing(snapshot.connect_copy(made / STORE)) as db:
            schema = _check_owner(db, folder)
            counts, problems = _copy_named(db, folder, made, phase)
            problems = saved + problems
        for log in files.status_logs(folder):
            with contextlib.suppress(FileNotFoundError):  # the oldest one goes meanwhile
                files.copy_plain(log, made / files.STATUS_LOG / log.name)
    phase("Checking the copy", 0)
    with closing(snapshot.connect_copy(made / STORE)) as db:
        found, more = look_through(db, schema)
        identity = db.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
    problems += more
    if problems and not damaged:
        raise BackupFailed(
            f"{folder} is damaged, so this would be no good backup: "
            f"{' '.join(problems[:PROBLEMS_TOLD])} Nothing was kept. With --damaged a backup of what "
            "can be read is made all the same.",
            path=str(folder),
            problems=problems[:PROBLEMS_TOLD],
        )
    return Manifest(
        FORMAT,
        __version__,
        schema,
        made_at,
        identity[0] if identity else "",
        (made / STORE).stat().st_size,
        files.digest_of(made / STORE),
        *counts,
        *found,
        problems=problems[:PROBLEMS_TOLD],
    )


def _copy_named(
    db: sqlite3.Connection, folder: Path, made: Path, phase: Phase
) -> tuple[tuple[int, int, int, int], list[str]]:
    """(blobs, their bytes, archives, their bytes) and what is wrong with some."""
    sums = {"blob": [0, 0], "code": [0, 0]}
    for named in files.named(db):
        sums[named.kind][0] += 1
        sums[named.kind][1] += named.bytes
    total = sums["blob"][1] + sums["code"][1]
    check_room(made, total)
    advance = phase("Copying bodies and code", total)
    problems = []
    for named in files.named(db):
        problem = files.copy(folder, made, named)
        if problem:
            problems.append(problem)
            if named.path:
                (made / named.path).unlink(missing_ok=True)
        advance(named.bytes)
    return (*sums["blob"], *sums["code"]), problems  # type: ignore[return-value]  # two and two


def look_through(db: sqlite3.Connection, schema: int) -> tuple[tuple[int, int, int], list[str]]:
    """(invocations, waiting, running) and the problems that `verify` finds. A store of an earlier
    schema is only checked as a file."""
    if schema == SCHEMA:
        report = verify(db)
        problems = report["problems"]
    else:
        lines = [row[0] for row in db.execute("PRAGMA integrity_check(20)")]
        problems = [f"SQLite's integrity check says: {line}." for line in lines if line != "ok"]
    if problems:
        return (0, 0, 0), problems
    tables = ("invocation", "waiting", "running")
    counts = [db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables]
    return (counts[0], counts[1], counts[2]), problems


def _check_source(folder: Path) -> None:
    check_restored(folder)
    path = folder / STORE
    if not path.is_file() or not path.stat().st_size:
        DataFolder(path).new("is missing or empty")  # raises where a store was lost
        raise StoreMissing(
            f"{folder} is not a data directory: its {STORE} is missing or empty. Name one with "
            "--data-dir or THENCE_DATA_DIR.",
            path=str(path),
        )
    if (folder / MANIFEST).exists():
        raise InvalidInput(
            f"{folder} is a backup already; copy it as it is.", field="data_dir", value=str(folder)
        )


def _check_owner(db: sqlite3.Connection, folder: Path) -> int:
    """The schema of a store of ours."""
    schema: int = db.execute("PRAGMA user_version").fetchone()[0]
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID or not schema:
        raise StoreMissing(
            f"{folder / STORE} is no store of Thence, or an empty one.", path=str(folder / STORE)
        )
    if schema > SCHEMA:
        raise StoreTooNew(
            f"{folder / STORE} was written by a newer version (schema {schema}; this one knows "
            f"{SCHEMA}): back it up with that version.",
            schema=schema,
            known=SCHEMA,
        )
    return schema
