"""The folder in which a backup is made, until it is whole: `.<DIR's name>.partial` beside DIR, marked with
`backup.unfinished`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ...errors import BackupFailed, Conflict, InvalidInput
from ..folder import BACKING_UP, MANIFEST, make_folder, sync_folder
from . import snapshot


def check_target(folder: Path, target: Path) -> None:
    if target.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(
            f"DIR: {target} lies in the data directory {folder}; name a folder outside, best on "
            "another disk.",
            field="DIR",
            value=str(target),
        )
    if folder.resolve().is_relative_to(_made_as(target).resolve()):
        raise InvalidInput(
            f"DIR: {target} is made as {_made_as(target)}, where the data directory is; name another folder.",
            field="DIR",
            value=str(target),
        )
    if target.is_symlink() or (target.exists() and not _empty(target)):
        raise InvalidInput(
            f"DIR: {target} is there already, and a backup never replaces anything. Name a new "
            "folder.",
            field="DIR",
            value=str(target),
        )


def _empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def check_room(made: Path, wanted: int) -> None:
    free = snapshot.free_bytes(made)
    if free < wanted:
        raise BackupFailed(
            f"There is no room for the backup: it needs {wanted:,} bytes more, and {free:,} are free "
            f"in {made.parent}. Make room, or back up to another disk.",
            path=str(made.parent),
        )


def _made_as(target: Path) -> Path:
    return target.parent / f".{target.name}.partial"


@contextlib.contextmanager
def partial(target: Path) -> Iterator[Path]:
    """The folder that becomes the backup; gone at the end unless it was renamed. What a killed backup
    left of it is removed first."""
    make_folder(target.parent)
    made = _made_as(target)
    made.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"Another backup to {target} is under way.") from None
        os.fchmod(descriptor, 0o700)
        _clear(made)
        try:
            _mark(made)
            yield made  # and it is renamed
        except BaseException:
            with contextlib.suppress(OSError):  # what stays goes with the next one
                _clear(made)
                made.rmdir()
            raise
    finally:
        os.close(descriptor)


def _mark(folder: Path) -> None:
    flags = os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    os.close(os.open(folder / BACKING_UP, flags, 0o600))


def _clear(folder: Path) -> None:
    """Cut off at any step it leaves nothing that looks whole: the list goes first, the mark last."""
    with contextlib.suppress(OSError):  # the disk may be full of it
        _mark(folder)  # earlier versions had none
    (folder / MANIFEST).unlink(missing_ok=True)
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        elif left.name != BACKING_UP:
            left.unlink()
    (folder / BACKING_UP).unlink(missing_ok=True)


def sync_all(folder: Path) -> None:
    """Everything below it is on disk, names included."""
    for directory, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(directory, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(directory))
