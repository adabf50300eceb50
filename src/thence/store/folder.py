"""The data directory as a whole: whether its store and the files beside it belong together.

A store that is missing or empty where there is code, bodies or the mark of an earlier store has been
lost (a failed restore, a wrong mount, a deleted file). Beginning with an empty one in its place would
hide that, and in time remove the files. So that is refused, unless whoever starts says `--fresh`.

    <folder>/identity     the number of the store that these files belong to; the store has it too
    <folder>/backup.json  this is a backup, not a data directory
    <folder>/backup.unfinished, restore.unfinished   a part of one; nothing is started on it
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path

from ..errors import StoreForeign, StoreMissing, StoreUnavailable

IDENTITY = "identity"
MANIFEST = "backup.json"
RESTORING = "restore.unfinished"
BACKING_UP = "backup.unfinished"
STORE = "store.db"
_ID = re.compile(r"[0-9a-f]{32}")
_LOST = ".before-fresh"


class DataFolder:
    """store: the path of the store's file. fresh: a new store may take the place of a lost one.
    create: a new store may be made at all."""

    def __init__(self, store: Path, *, fresh: bool = False, create: bool = True) -> None:
        self._store = store
        self._folder = store.parent
        self._fresh = fresh
        self._create = create
        self._new = False

    def check_kind(self) -> None:
        """Before anything is made in the folder. Raises StoreMissing, StoreForeign."""
        check_restored(self._folder)
        if self._create and (self._folder / MANIFEST).exists():
            raise StoreForeign(
                f"{self._folder} is a backup, and stays as it is. Make a data directory of it with "
                f"'thence restore {self._folder} --data-dir FOLDER'.",
                path=str(self._folder),
            )

    def check(self) -> None:
        """Before the store's file is opened or made, by whoever holds it. Raises StoreMissing."""
        if not _bytes(self._store):
            self.new("is missing" if not self._store.exists() else "is empty (0 bytes)")
            self._set_aside()

    def new(self, why: str = "has no tables") -> None:
        """The store's file is missing, empty or without tables. Raises StoreMissing where a new store
        must not take its place."""
        self._new = True
        path = self._store
        if not self._create:
            raise StoreMissing(
                f"{path} {why}: it is no store. Restore it from a backup ('thence restore').",
                path=str(path),
            )
        there = [] if self._fresh else list(self._lies())
        if there:
            raise StoreMissing(
                f"{path} {why}, but {self._folder} holds {', '.join(there)}: the store of this data "
                "directory was lost. Nothing was changed. Put the store back: 'thence restore' into "
                "an empty folder, or the file with its -wal. To go on without it, with no function "
                "and no invocation, start once with 'thence serve --fresh'.",
                path=str(path),
            )

    def number(self, stored: str) -> str:
        """The store is open and has this number ("": none yet). The one that it and the folder have in
        common from now on: whoever opens it writes that into the store, and then calls `mark`. Raises
        StoreForeign where they have different ones, StoreMissing for `fresh` where no store was lost."""
        if self._fresh and not self._new:
            raise StoreMissing(
                f"{self._store} is there: --fresh begins anew only where the store was lost. Start "
                "without --fresh.",
                path=str(self._store),
            )
        there = self._identity()
        if stored and there and stored != there and not self._new:
            raise StoreForeign(
                f"{self._store} belongs to another data directory (it is {stored[:8]}…, the files in "
                f"{self._folder} belong to {there[:8]}…). Put the right store back. If these belong "
                f"together all the same, remove {self._folder / IDENTITY} and start again.",
                path=str(self._store),
            )
        return stored or ("" if self._new else there) or secrets.token_hex(16)

    def mark(self, number: str) -> None:
        """The folder has it too. Raises StoreUnavailable."""
        if self._identity() == number:
            return
        try:
            write_whole(self._folder / IDENTITY, f"{number}\n".encode())
        except OSError as error:
            raise StoreUnavailable(
                f"{self._folder / IDENTITY} cannot be written: {error.strerror or error}.",
                errno=error.errno,
            ) from error

    def _identity(self) -> str:
        try:
            text = (self._folder / IDENTITY).read_text("ascii", "replace").strip()
        except FileNotFoundError:
            return ""
        return text if _ID.fullmatch(text) else ""

    def _lies(self) -> Iterator[str]:
        """What there is of an earlier store, in words."""
        folder = self._folder
        archives = sum(1 for file in _entries(folder / "code") if file.suffix == ".zip")
        if archives:
            yield f"{archives} code archive{'s' if archives > 1 else ''} (code/)"
        if any(_entries(part) for part in _entries(folder / "blobs")):
            yield "bodies of invocations (blobs/)"
        if _entries(folder / "status-log"):
            yield "a status log (status-log/)"
        if _bytes(Path(f"{self._store}-wal")):
            yield f"the write-ahead log of its store ({self._store.name}-wal)"
        if self._identity():
            yield f"the mark of its store ({IDENTITY})"

    def _set_aside(self) -> None:
        """SQLite would delete the log of a database that is gone; somebody may still want it."""
        log = Path(f"{self._store}-wal")
        if _bytes(log):
            os.replace(log, f"{log}{_LOST}")


def check_restored(folder: Path) -> None:
    """Raises StoreMissing where the folder is a backup or a restore that is under way, or was cut off."""
    if (folder / BACKING_UP).exists() and not (folder / MANIFEST).exists():
        raise StoreMissing(
            f"{folder} is an unfinished backup: it is under way or was cut off, and not all of it is "
            "there. The next 'thence backup' to the same DIR removes what was cut off.",
            path=str(folder),
        )
    if not (folder / RESTORING).exists():
        return
    pid = _holder(folder / f"{STORE}.lock")
    if pid is not None:
        raise StoreMissing(
            f"A restore into {folder} is under way (process {pid}): wait until it has ended.",
            path=str(folder),
        )
    quoted = shlex.quote(str(folder))
    raise StoreMissing(
        f"A restore into {folder} was cut off before its end: what is there is a part of the backup and "
        f"cannot be used, and nothing else was there before. Remove it (rm -r {quoted}), then run "
        f"thence restore BACKUP --data-dir {quoted} again.",
        path=str(folder),
    )


def _holder(lock: Path) -> str | None:
    """The process that holds the store, "unknown" where it does not say; None: nobody does."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # it was never held, or whoever looks may not know
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(descriptor)
    return None


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted; nothing where it is missing. Raises StoreMissing where it cannot be
    told."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        return [folder]  # something is there
    except OSError as error:
        raise StoreMissing(
            f"The store is missing, and {folder} cannot be read: {error.strerror or error}. Check the "
            "data directory and its owner.",
            path=str(folder),
        ) from error


def write_whole(path: Path, data: bytes) -> None:
    """The file with this content, or as it was before; durable, for its owner only. Raises OSError."""
    temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """The folder and those above it that are missing, for their owner only, and durable: a name is
    safe only when the folder that holds it is. Raises OSError."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Names in it stay through a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
