"""Files that a stranger may have made: only plain ones are read, and never more than a bound.

A named pipe would hold the command for ever, a device fill its memory, and a link or a path lead out of
the folder that it was given.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import InvalidInput


def read_bounded(path: Path, bytes_max: int) -> bytes:
    """A plain file. Raises InvalidInput naming it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InvalidInput(f"{path}: it is no plain file; put one there.", field=str(path))
            data = file.read(bytes_max + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{path}: it cannot be read ({why}).", field=str(path)) from None
    if len(data) > bytes_max:
        raise InvalidInput(f"{path}: larger than {bytes_max} bytes.", field=str(path))
    return data


def inside(folder: Path, written: str) -> Path:
    """The path that a file in `folder` names, links resolved. Raises ValueError with the reason
    where it leads out of the folder or nowhere: a project says nothing of the machine."""
    root = folder.resolve()
    try:
        found = (root / written).resolve()
        if not found.is_relative_to(root):
            raise ValueError(
                f"{written[:200]!r} leads out of the project's folder; put what it needs into it"
            )
        there = os.path.lexists(found)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{written[:200]!r} is no path ({_why(error)})") from None
    if not there:
        raise ValueError(f"there is no {written[:200]!r} in the project's folder")
    return found


def walk(root: Path, skipped: frozenset[str]) -> Iterator[Path]:
    """The plain files below a folder, links to files inside of it among them, in any order. What is
    hidden or in `skipped` is not looked at. Raises InvalidInput for what could only be left out in
    silence: links to elsewhere or to folders, special files, what cannot be read, names that are not
    UTF-8."""
    folders = [root]
    while folders:
        here = folders.pop()
        try:
            with os.scandir(here) as entries:
                found = list(entries)
        except OSError as error:
            raise _refused(root, here, f"cannot be read ({_why(error)})") from None
        for entry in found:
            if entry.name in skipped or entry.name.startswith("."):
                continue
            path = Path(entry.path)
            try:
                entry.name.encode()
            except UnicodeEncodeError:
                raise _refused(root, path, "has a name that is not UTF-8; rename it") from None
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            else:
                yield _plain(root, path)


def _plain(root: Path, path: Path) -> Path:
    try:
        if path.is_symlink():
            target = path.resolve()
            if not target.is_relative_to(root):
                why = "is a link to a file outside of the folder; put the file itself there"
                raise _refused(root, path, why)
            if target.is_dir():
                raise _refused(root, path, "is a link to a folder; put the folder itself there")
        if not path.is_file():
            raise _refused(root, path, "is a dead link or no plain file; take it out")
    except (OSError, RuntimeError) as error:
        raise _refused(root, path, f"cannot be read ({_why(error)})") from None
    return path


def _refused(root: Path, path: Path, why: str) -> InvalidInput:
    shown = str(path.relative_to(root)) if path != root else str(root)
    shown = shown.encode("utf-8", "replace").decode()
    return InvalidInput(f"{shown} {why}.", field=shown)


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
