"""The store's file copied as it is at one moment, while others write to it.

The copy is made inside one read transaction, so every page is of the same moment, no write makes it
begin anew, and its time depends on the size of the store only. Meanwhile the write-ahead log cannot be
emptied: it grows by what is written. So nothing else is done inside, and the copy is given up when
the log is about to fill the disk.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ...errors import BackupFailed
from .connection import connect_reader

PAGES = 4_096  # between two looks at the free space: 16 MiB of 4 KiB pages
ROOM_BYTES_MIN = 16 * 1024 * 1024  # that the service keeps on its disk
BUSY_MS = 30_000  # a start of the service may hold the file that long

Advance = Callable[[int], None]


def size(source: Path) -> int:
    """About how many bytes a copy has. Raises sqlite3.Error."""
    with closing(connect_reader(source)) as live:
        live.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        return _size(live)


def copy(source: Path, target: Path, advance: Advance) -> None:
    """`target`, a new file for its owner only, is the store `source` as it was at one moment, in one
    file without a log. advance: told of each piece, in bytes. Raises sqlite3.Error, OSError,
    BackupFailed where the service's disk fills meanwhile."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    with closing(connect_reader(source)) as live:
        live.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        live.execute("BEGIN")
        page_bytes = live.execute("PRAGMA page_size").fetchone()[0]
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the moment
        elsewhere = _elsewhere(source, target)
        left = _size(live) // page_bytes
        log_bytes = _log_bytes(source)

        def step(_status: int, remaining: int, total: int) -> None:
            nonlocal left
            advance((left - remaining) * page_bytes)
            left = remaining
            if not elsewhere or _log_bytes(source) <= log_bytes:
                return  # nobody writes, or it finds room in the log: the disk does not get fuller
            if free_bytes(source.parent) < ROOM_BYTES_MIN:
                raise BackupFailed(
                    f"The backup was given up: only {free_bytes(source.parent):,} bytes are free in "
                    f"{source.parent}, and the store's log grows while it is copied. Make room "
                    "there, or back up at a quieter time.",
                    path=str(source.parent),
                )

        with closing(sqlite3.connect(target, isolation_level=None)) as made:
            # The file is of no use before it is whole: it needs no journal, and is synced once.
            made.execute("PRAGMA journal_mode = OFF")
            made.execute("PRAGMA synchronous = OFF")
            live.backup(made, pages=PAGES, progress=step, sleep=0.01)
        live.execute("ROLLBACK")
    with closing(sqlite3.connect(target, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode = DELETE")  # one file that is whole by itself
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def connect_copy(path: Path) -> sqlite3.Connection:
    """A copy that nobody writes, read without making files beside it."""
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None
    )
    db.execute("PRAGMA query_only = ON")
    return db


def _elsewhere(source: Path, target: Path) -> bool:
    return os.stat(source).st_dev != os.stat(target).st_dev


def _log_bytes(source: Path) -> int:
    try:
        return Path(f"{source}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    if not found.f_blocks:
        return sys.maxsize  # no size at all (ramfs, some of FUSE): writing finds whether it fits
    return found.f_bavail * found.f_frsize


def _size(db: sqlite3.Connection) -> int:
    count: int = db.execute("PRAGMA page_count").fetchone()[0]
    page_bytes: int = db.execute("PRAGMA page_size").fetchone()[0]
    return count * page_bytes
