"""SQLite's errors, sorted: those that pass by themselves, those that mean damage, our own mistakes.

What passes (a full disk, a lock, an error of a disk that may answer the next time) is asked again.
Damage is said once and nothing is written any more: what is written into a damaged file makes it
worse, and a 202 over one would be a promise that may not be kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ...errors import StoreDamaged, StoreLocked, StoreUnavailable
from ..digests import DamagedRow

BUSY = sqlite3.SQLITE_BUSY
_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY_DBMOVED,
        sqlite3.SQLITE_CORRUPT_SEQUENCE,
        sqlite3.SQLITE_CORRUPT_INDEX,
        sqlite3.SQLITE_CORRUPT_VTAB,
        8202,  # SQLITE_IOERR_DATA: a checksum of the file system does not fit
        8458,  # SQLITE_IOERR_CORRUPTFS
    }
)
_MISTAKES = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
)
# What SQLite says of a catalogue that has lost something, and Python of a text that is none: they
# have no code of their own, and every statement of ours is fixed and was tried.
_LOST_WORDS = ("no such table", "no such column", "no such index", "Could not decode to UTF-8")
CATALOGUE = "sqlite_master"
ADVICE = (
    "Nothing more is accepted; what can be read is served. Stop the service, look with "
    "'thence verify' at what is hit, and restore a backup (docs/operations.md, A damaged store)."
)


def told(error: BaseException, path: Path) -> StoreUnavailable | None:
    """What the caller is told of `error`. None: it is no state of the database but a mistake of
    ours, or nothing of ours at all, and stays what it is."""
    if isinstance(error, DamagedRow):
        return damaged(path, str(error), [error.table])
    if isinstance(error, msgspec.DecodeError):
        return damaged(path, f"a row cannot be understood ({error})")
    if not isinstance(error, sqlite3.Error) or isinstance(error, _MISTAKES):
        return None
    if is_damage(error, path):
        return damaged(path, str(error))
    if is_busy(error):
        return StoreLocked(
            f"Another program holds the write lock of {path.name}. Nothing was changed; it goes on "
            "when that program lets go."
        )
    return StoreUnavailable(f"The store does not answer: {error}. Nothing was changed.")


def says_damage(error: sqlite3.Error) -> bool:
    """By what the error itself says."""
    code = getattr(error, "sqlite_errorcode", None)
    if code in _DAMAGE or str(error).startswith(_LOST_WORDS):
        return True
    # Python's own class for what SQLite found to be no database.
    return code is None and type(error) is sqlite3.DatabaseError


def is_damage(error: sqlite3.Error, path: Path) -> bool:
    """Also by whether the file is still there."""
    if says_damage(error):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    # A file that cannot be opened may be one descriptor too many; one that is not there is gone.
    return code is not None and code & 0xFF == sqlite3.SQLITE_CANTOPEN and not path.exists()


def is_busy(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == BUSY


def damaged(path: Path, why: str, tables: Sequence[str] = ()) -> StoreDamaged:
    """Said at run time. `tables`: tables and indexes, as far as they are known."""
    return StoreDamaged(
        f"{path.name} is damaged{_in(tables)}: {why}. {ADVICE}",
        retry_after_seconds=60,
        tables=list(tables),
        why=why,
    )


def cannot_start(path: Path, why: str, tables: Sequence[str] = ()) -> str:
    """Said at a start."""
    if list(tables) == [CATALOGUE]:
        then = "Not even its list of tables can be read: restore a backup"
    else:
        then = "'thence verify' tells what is hit; restore a backup, or save what can be read"
    return (
        f"{path} is damaged{_in(tables)} (store_corrupt): {why}. {then} (docs/operations.md, A damaged "
        "store)."
    )


def _in(tables: Sequence[str]) -> str:
    return f" in {', '.join(tables)}" if tables else ""
