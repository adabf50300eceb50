"""Opening the file: the exclusive hold, the settings of a connection, the schema."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from ...errors import StoreCorrupt, StoreInUse, StoreLocked, StoreTooNew, StoreUnavailable
from ...unusable import OWNER, advice, others
from ..reserve import Reserve
from .damage import hit
from .faults import cannot_start, is_busy, is_damage

SCHEMA = 8
APPLICATION_ID = 0x5448454E  # "THEN": tells a Thence store from any other SQLite file
SQLITE_MIN = (3, 35, 0)
BUSY_SECONDS = 5.0  # only a visitor with another program can hold the file; waited for in threads
CACHE_KIB = 16_384
WAL_PAGES = 4_000  # 16 MiB: a checkpoint's fsync is shared by many commits
HIT_SECONDS = 10.0
# Of a start, where damage was found before; what is not read by then is taken as well.
NOTED_SECONDS = 600.0
WAL_BYTES_KEPT = 32 * 1024 * 1024  # longer: it is moved beside the commits (tending.py)


def hold(path: Path) -> int:
    """Take the exclusive hold on `<path>.lock`; the file descriptor keeps it. Raises StoreInUse."""
    name = f"{path}.lock"
    try:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreCorrupt(
            f"{name} cannot be opened: {error.strerror}. {advice(error)}".rstrip()
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        pid = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise StoreCorrupt(f"{name} cannot be locked: {error.strerror}.") from error
        raise StoreInUse(
            f"{path} is in use by process {pid}: stop it or use another data directory.", pid=pid
        ) from None
    # Only for whoever is told of it; a full disk must not keep a start from freeing space.
    with contextlib.suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes. Every commit is on disk when COMMIT returns."""
    db = _connect(str(path), uri=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    # Some builds overwrite what is deleted, and so write a deleted gigabyte into the log: pruning
    # and a full disk need that a deletion is small. What costs nothing is still overwritten.
    db.execute("PRAGMA secure_delete = FAST")
    db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
    return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that sees committed data only and cannot write."""
    db = _connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    db.execute("PRAGMA query_only = ON")
    return db


def _connect(name: str, *, uri: bool) -> sqlite3.Connection:
    db = sqlite3.connect(
        name,
        uri=uri,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=1024,
    )
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def patient(db: sqlite3.Connection, seconds: float) -> sqlite3.Connection:
    """How long its statements wait for a lock of others from now on."""
    db.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
    return db


def prepare(path: Path, new: Callable[[], None] = lambda: None) -> sqlite3.Connection:
    """Open or make the store and bring its schema up to date. `new` is called before tables are made
    in a file that has none. Raises StoreCorrupt, StoreTooNew and what `new` raises."""
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        raise StoreCorrupt(
            f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or newer is needed. Use a Python "
            "that is built with a newer one."
        )
    try:
        # Made by us, so that nobody else on the machine may read it; WAL files inherit the mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreCorrupt(
            f"{path} cannot be opened: {error.strerror}. {advice(error)}".rstrip()
        ) from error
    db: sqlite3.Connection | None = None
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        if _check(db, path):
            new()
        db.close()
        db = connect_writer(path)
        _migrate(db)
        return patient(db, 0)
    except sqlite3.Error as error:
        if db is not None:
            db.close()
        raise unopened(path, error) from error
    except BaseException:
        if db is not None:
            db.close()
        raise


def unopened(path: Path, error: sqlite3.Error) -> StoreCorrupt | StoreUnavailable:
    """What a start that found `error` ends with."""
    if is_damage(error, path):
        return StoreCorrupt(cannot_start(path, str(error), find_hit(path)))
    if is_busy(error):
        return StoreLocked(
            f"{path} cannot be opened: another program holds a lock on it, and did not let go for "
            f"{BUSY_SECONDS:g} s. Nothing was changed. End that program (a database shell, a copy under "
            "way) and start again."
        )
    return StoreUnavailable(f"{path} cannot be opened: {error}.{denied(path)}")


def denied(path: Path) -> str:
    """Whose files they are where that is why they cannot be opened, or that no more can be made: SQLite
    says neither. With a space before it."""
    found = others([path, Path(f"{path}-wal"), Path(f"{path}-shm")])
    if found:
        return f" {found}. {OWNER}"
    with contextlib.suppress(OSError):
        if not Reserve(path.parent, 0).free_files():
            return " The disk can hold no more files: its inodes are used up ('df -i')."
    return ""


def find_hit(path: Path) -> list[str]:
    """The damaged tables and indexes of a file, as far as a look of a few seconds finds them."""
    try:
        db = connect_reader(path)
    except sqlite3.Error:
        return []  # not even that: the error that led here says enough
    try:
        return hit(db, HIT_SECONDS)
    finally:
        db.close()


def _check(db: sqlite3.Connection, path: Path) -> bool:
    """Whose file it is, before anything is changed in it. True: nobody's, it has no tables."""
    schema = db.execute("PRAGMA user_version").fetchone()[0]
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and (tables or schema or owner):
        raise StoreCorrupt(
            f"{path} is not a Thence store: it belongs to another program. Use another data directory."
        )
    if schema > SCHEMA:
        raise StoreTooNew(
            f"{path} was written by a newer version (schema {schema}; this one knows {SCHEMA}): "
            "upgrade Thence or use another data directory.",
            schema=schema,
            known=SCHEMA,
        )
    return not tables


def _migrate(db: sqlite3.Connection) -> None:
    """Each migration is one transaction: a crash in the middle leaves the version before it."""
    present = db.execute("PRAGMA user_version").fetchone()[0]
    folder = resources.files(__package__).joinpath("migrations")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql") or (number := int(file.name[:4])) <= present:
            continue
        try:
            db.executescript(
                f"BEGIN IMMEDIATE;\n{file.read_text('utf-8')}\n"
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
            )
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
