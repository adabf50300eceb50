"""A data directory made of a backup, in an empty folder, checked before and after.

While it is made, `restore.unfinished` stands in the folder, and no service starts on it. What fails
leaves the folder as empty as it was; only a kill leaves the mark behind.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from ...errors import BackupInvalid, InvalidInput, RestoreFailed
from ..driver import Phase
from ..folder import (
    IDENTITY,
    MANIFEST,
    RESTORING,
    STORE,
    check_restored,
    make_folder,
    sync_folder,
    write_whole,
)
from . import files, snapshot
from .backup import (
    FORMAT,
    PROBLEMS_TOLD,
    Manifest,
    look_through,
)
from .connection import SCHEMA, hold
from .partial import sync_all

ALLOWED = {"lost+found"}  # of a disk of its own
_decode = msgspec.json.Decoder(Manifest).decode


def manifest_of(backup: Path) -> Manifest:
    """Raises BackupInvalid where `backup` is not a whole backup, or holds what no backup does."""
    strange = files.strange(backup)
    if strange:
        raise BackupInvalid(
            f"{backup} holds {strange[0]!r}, which is a link or no plain file: 'thence backup' makes no "
            "such thing, and it may lead anywhere. Use another backup.",
            path=str(backup),
        )
    try:
        manifest = _decode((backup / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise BackupInvalid(
            f"{backup} is no backup, or one that was cut off: it has no {MANIFEST}. Name a folder that "
            "'thence backup' made.",
            path=str(backup),
        ) from None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BackupInvalid(
            f"{backup / MANIFEST} cannot be read: {error}. Use another backup.", path=str(backup)
        ) from error
    if manifest.format > FORMAT or manifest.schema > SCHEMA:
        raise BackupInvalid(
            f"{backup} was made by a newer version ({manifest.version}): restore it with that one.",
            path=str(backup),
        )
    return manifest


def check(backup: Path, phase: Phase) -> tuple[Manifest, list[str]]:
    """Everything in the backup against its digests and promises; problems as sentences. Raises
    BackupInvalid. It is not changed."""
    manifest = manifest_of(backup)
    phase("Checking the store", manifest.store_bytes)
    try:
        if files.digest_of(backup / STORE) != manifest.store_digest:
            return manifest, [f"{STORE} is damaged: its digest is not the one that was written."]
        with closing(snapshot.connect_copy(backup / STORE)) as db:
            _, problems = look_through(db, manifest.schema)
            advance = phase(
                "Checking bodies and code", manifest.blob_bytes + manifest.archive_bytes
            )
            for named in files.named(db):
                problem = files.check(backup, named)
                problems += [problem] if problem else []
                advance(named.bytes)
    except (OSError, sqlite3.Error) as error:
        return manifest, [f"{STORE} cannot be read: {error}."]
    return manifest, problems


def restore(backup: Path, folder: Path, phase: Phase, *, damaged: bool = False) -> Manifest:
    """Make `folder`, which must be empty or not exist, a data directory as the backup has it.

    damaged: also of a backup with problems. Raises BackupInvalid, InvalidInput, StoreInUse,
    StoreMissing (an earlier restore into it was cut off), RestoreFailed having left nothing."""
    manifest = manifest_of(backup)
    check_restored(folder)
    _check_empty(folder)
    try:
        make_folder(folder)
        _check_room(folder, manifest.store_bytes + manifest.blob_bytes + manifest.archive_bytes)
        with _unfinished(folder):
            problems = _fill(backup, folder, manifest, phase)
            known = set(manifest.problems)
            if not damaged and (problems or known):
                told = (
                    manifest.problems + [problem for problem in problems if problem not in known]
                )[:PROBLEMS_TOLD]
                raise BackupInvalid(
                    f"{backup} is damaged: {' '.join(told)} Nothing was kept in {folder}. Use another "
                    "backup, or take what is there with --damaged.",
                    path=str(backup),
                    problems=told,
                )
            sync_all(folder)
    except OSError as error:
        raise RestoreFailed(
            f"The backup could not be restored: {error.strerror or error} "
            f"({error.filename or folder}). Nothing was kept in {folder}.",
            path=str(folder),
        ) from error
    return manifest


def _fill(backup: Path, folder: Path, manifest: Manifest, phase: Phase) -> list[str]:
    """Copy everything; what is wrong with it. The store comes last."""
    temporary = folder / f".{STORE}.partial"
    advance = phase("Copying the store", manifest.store_bytes)
    digest = files.copy_plain(backup / STORE, temporary)
    advance(manifest.store_bytes)
    problems = []
    if digest != manifest.store_digest:
        problems.append(f"{STORE} is damaged: its digest is not the one that was written.")
    try:
        with closing(snapshot.connect_copy(temporary)) as db:
            advance = phase("Copying bodies and code", manifest.blob_bytes + manifest.archive_bytes)
            for named in files.named(db):
                problem = files.copy(backup, folder, named)
                problems += [problem] if problem else []
                advance(named.bytes)
            phase("Checking", 0)
            problems += look_through(db, manifest.schema)[1]
    except sqlite3.Error as error:
        problems.append(f"{STORE} cannot be read: {error}.")
    for log in files.status_logs(backup):
        files.copy_plain(log, folder / files.STATUS_LOG / log.name)
    if manifest.identity:
        write_whole(folder / IDENTITY, f"{manifest.identity}\n".encode())
    os.replace(temporary, folder / STORE)
    return problems


def _check_room(folder: Path, wanted: int) -> None:
    free = snapshot.free_bytes(folder)
    if free < wanted:
        raise RestoreFailed(
            f"There is no room for what is to be restored: it needs {wanted:,} bytes, and {free:,} are free "
            f"in {folder}. Make room, or name a folder on another disk with --data-dir.",
            path=str(folder),
        )


def _check_empty(folder: Path) -> None:
    try:
        there = {file.name for file in folder.iterdir()} - ALLOWED
    except FileNotFoundError:
        return
    except OSError as error:
        raise InvalidInput(
            f"data_dir: {folder} cannot be read: {error.strerror or error}.", field="data_dir"
        ) from error
    if there:
        raise InvalidInput(
            f"data_dir: {folder} is not empty ({_some(there)}), and a restore never "
            "replaces anything. Move what is there away (keep it until all is well), or name another "
            "folder with --data-dir.",
            field="data_dir",
            value=str(folder),
        )


def _some(names: set[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


@contextmanager
def _unfinished(folder: Path) -> Iterator[None]:
    """The folder is ours and marked until it is whole; empty again where that fails."""
    before = {file.name for file in folder.iterdir()}
    held: int | None = None
    try:
        # The mark first: a service that starts now is refused by it, or by the hold.
        write_whole(folder / RESTORING, b"")
        held = hold(folder / STORE)
        folder.chmod(0o700)
        yield
        (folder / RESTORING).unlink()
        sync_folder(folder)
    except BaseException:
        for file in folder.iterdir():
            if file.name in before or file.name == RESTORING:
                continue
            if file.is_dir() and not file.is_symlink():
                shutil.rmtree(file, ignore_errors=True)
            else:
                file.unlink(missing_ok=True)
        # The last: a kill before leaves the mark behind.
        (folder / RESTORING).unlink(missing_ok=True)
        raise
    finally:
        if held is not None:
            os.close(held)
