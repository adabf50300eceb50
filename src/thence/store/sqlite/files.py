"""The files beside the store that it names: found, checked against their digests, copied."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from ..blobs import blob_path
from ..folder import make_folder
from .statements import load

_SQL = load("files.sql")
PIECE_BYTES = 1 << 20
STATUS_LOG = "status-log"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Named(Struct, frozen=True):
    """A file that the store names, by its path in the data directory."""

    kind: str  # blob, code
    path: str
    digest: str  # sha256 in hex of its content; empty: not known
    bytes: int  # as the store has it


def named(db: sqlite3.Connection) -> Iterator[Named]:
    """A name that no file of ours has (the row is damaged, or of somebody who wants a file elsewhere)
    has an empty path."""
    for ref, digest, size in db.execute(_SQL["bodies"]):
        yield Named("blob", _blob(ref), digest, size)
    for digest, size in db.execute(_SQL["archives"]):
        yield Named("code", _archive(digest), str(digest), size)


def _blob(ref: object) -> str:
    try:
        return str(blob_path(Path("blobs"), str(ref)))
    except ValueError:
        return ""


def _archive(digest: object) -> str:
    return f"code/{digest}.zip" if _DIGEST.fullmatch(str(digest)) else ""


def check(folder: Path, one: Named) -> str:
    """What is wrong with that file, as a sentence; empty: nothing."""
    return _read(folder, one, None)


def copy(source: Path, target: Path, one: Named) -> str:
    """The same, and the file is copied, for its owner only. Raises OSError where it cannot be
    written."""
    return _read(source, one, target / one.path)


def strange(folder: Path) -> list[str]:
    """What is no plain file and no folder in a backup: it may come from elsewhere, and a link in it
    would bring a file of this machine into the data directory, a pipe would never end."""
    found = []
    for here, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(here, name)
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                found.append(str(path.relative_to(folder)))
    return found


def _read(folder: Path, one: Named, target: Path | None) -> str:
    if not one.path:
        what = "code" if one.kind == "code" else "a body"
        return f"store.db names {what} by what is no name of a file of the service."
    digest = hashlib.sha256()
    try:
        source = os.open(folder / one.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return f"{one.path} cannot be read: {error.strerror or error}."
    try:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            return f"{one.path} cannot be read: it is no plain file."
        output = None if target is None else _create(target)
        try:
            while piece := os.read(source, PIECE_BYTES):
                digest.update(piece)
                if output is not None:
                    _write(output, piece)
        finally:
            if output is not None:
                os.close(output)
    finally:
        os.close(source)
    if one.digest and digest.hexdigest() != one.digest:
        return f"{one.path} is damaged: its digest is not the one that was written."
    return ""


def copy_plain(source: Path, target: Path) -> str:
    """A file without a digest; its sha256. Raises OSError."""
    digest = hashlib.sha256()
    with source.open("rb") as file:
        output = _create(target)
        try:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                _write(output, piece)
        finally:
            os.close(output)
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """sha256 in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def status_logs(folder: Path) -> list[Path]:
    """Files of the status log, which no row names."""
    return sorted((folder / STATUS_LOG).glob("status-*.log"))


def _create(path: Path) -> int:
    make_folder(path.parent)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)


def _write(output: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(output, left) :]
