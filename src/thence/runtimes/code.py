"""Function code on this node's disk: archives as they came, and unpacked for instances to import.

    <root>/<digest>.zip    the archive
    <root>/<digest>/       its files, read-only in spirit: 0644 and folders 0755, no other bits

Both are named by the archive's digest and appear whole or not at all, so instances of several
revisions run side by side and a crash leaves only files that a later sweep removes.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..catalog.code import (
    ArchiveInfo,
    CodeLimits,
    open_archive,
    read_member,
    read_members,
)
from ..errors import InvalidCode, StoreUnavailable
from ..removal import Marks, Readers
from ..space import Space
from .aside import Aside

DIGEST = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = ".tmp-"
_MARKS = ".unused"
NO_LIMIT = CodeLimits(code_files_max=2**63)  # what is stored was checked by the limits of its day
ALONGSIDE_BYTES = 16 * 1024  # of an archive; larger ones may take long to unpack
ALONGSIDE_FILES = 8  # and so do more files, which are written to the disk one by one


class CodeCache:
    """The code of all deployed functions below `root`."""

    def __init__(self, root: Path, space: Space | None = None) -> None:
        self.space = space or Space()
        # Instances run with a folder of their own: what they are told must not be relative.
        self._root = root.absolute()
        self._readers = Readers(self._root.parent)
        self._aside = Aside(self._unpack_again)
        self._ours = f"{_TEMPORARY}{secrets.token_hex(4)}-"
        """With this begins what we have not done yet; what else is half done is of a crash. Ours is left
        alone whoever makes it: half removed, and then renamed, it would be taken for whole for ever."""

    async def store(self, data: bytes, info: ArchiveInfo) -> None:
        """Keep a checked archive, packed and unpacked; durable when it returns.

        Storing the same digest again does nothing where it is whole. Raises StoreUnavailable, InvalidCode."""
        self.space.check()
        try:
            await asyncio.to_thread(self._store, data, info)
        except OSError as error:
            raise self.space.short(
                StoreUnavailable(
                    f"The code cannot be written: {error.strerror or error}. Check the free space "
                    "and the permissions of the data directory.",
                    errno=error.errno,
                )
            ) from error

    def path(self, digest: str) -> Path:
        """The folder with the unpacked code of that digest. Raises StoreUnavailable where it is
        missing and cannot be unpacked again from its archive, or is being unpacked: thousands of
        files must not keep the event loop, from which this is called."""
        folder = self._root / _checked(digest)
        if folder.is_dir():
            return folder
        try:
            if self._is_quick(digest):
                self._unpack(self.archive(digest), folder)
                return folder
            why = self._aside.ask(digest)
        except (OSError, InvalidCode) as error:
            raise _lost(digest, error) from error
        if why:
            raise _lost(digest, why)
        raise StoreUnavailable(f"The code {digest[:12]}… is being unpacked again.", digest=digest)

    def archive_path(self, digest: str) -> Path:
        """Where the archive lies, if it is there."""
        return self._root / f"{_checked(digest)}.zip"

    def archive(self, digest: str) -> bytes:
        """The archive as it came. Raises StoreUnavailable where it is missing."""
        try:
            return self.archive_path(digest).read_bytes()
        except OSError as error:
            raise StoreUnavailable(
                f"The archive {digest[:12]}… cannot be read: {error.strerror or error}. Deploy the "
                "function again.",
                digest=digest,
            ) from error

    def prune(self, keep: set[str], now: int, kept_ms: int) -> tuple[int, int]:
        """Remove the code of every digest that was in no `keep` since `kept_ms` ago, and what a crash
        left half done; nothing while a backup reads. Returns how many digests are not in `keep`, and
        how many of them went. Not to be called while `store` is under way. Raises OSError."""
        if not self._root.is_dir() or self._readers.any():
            return 0, 0
        there = list(self._root.iterdir())
        names = {entry.name.removesuffix(".zip") for entry in there}
        unused = {name for name in names if DIGEST.fullmatch(name)} - keep
        gone = set(Marks(self._root / _MARKS).overdue(unused, now, kept_ms))
        for entry in there:
            half_done = entry.name.startswith(_TEMPORARY) and not entry.name.startswith(self._ours)
            if half_done or entry.name.removesuffix(".zip") in gone:
                self._remove(entry)
        return len(unused), len(gone)

    def drop(self, digest: str) -> None:
        """Remove that code, which nothing uses. What cannot be removed is left for the next prune."""
        if self._readers.any():
            return  # a backup reads
        self.archive_path(digest).unlink(missing_ok=True)
        self._remove(self._root / digest)

    def _remove(self, entry: Path) -> None:
        """A folder loses its name first: cut off at any step, or while another service renames it, no
        part of it is taken for the whole. What cannot be removed costs space only, until the next start."""
        if not entry.is_dir() or entry.is_symlink():
            entry.unlink(missing_ok=True)
            return
        going = self._temporary()
        try:
            os.rename(entry, going)
        except FileNotFoundError:
            return
        except OSError:  # a full disk may have no room for another name
            going = entry
        shutil.rmtree(going, ignore_errors=True)

    def _store(self, data: bytes, info: ArchiveInfo) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._root / _checked(info.digest)
        archive = self._root / f"{info.digest}.zip"
        if not folder.is_dir():
            self._unpack(data, folder)
        if not _holds(archive, data):  # deploying again mends a damaged one
            temporary = self._temporary()
            try:
                _write(temporary, [data], 0o600)
                os.replace(temporary, archive)
            finally:
                temporary.unlink(missing_ok=True)
            _sync(self._root)

    def _is_quick(self, digest: str) -> bool:
        path = self.archive_path(digest)
        if path.stat().st_size > ALONGSIDE_BYTES:
            return False
        with open_archive(path.read_bytes()) as archive:
            return len(archive.infolist()) <= ALONGSIDE_FILES

    def _unpack_again(self, digest: str) -> None:
        folder = self._root / digest
        if not folder.is_dir():  # it may have been deployed again meanwhile
            self._unpack(self.archive_path(digest).read_bytes(), folder)

    def _unpack(self, data: bytes, folder: Path) -> None:
        temporary = self._temporary()
        temporary.mkdir(mode=0o755)
        try:
            with open_archive(data) as archive:
                for member in read_members(archive, NO_LIMIT):
                    target = temporary / member.path
                    if member.is_folder:
                        _below(temporary, target)
                        continue
                    _below(temporary, target.parent)
                    _write(target, read_member(archive, member), 0o644)
            for directory, _, _ in os.walk(temporary):
                os.chmod(directory, 0o755)
                _sync(Path(directory))
            try:
                os.rename(temporary, folder)
            except OSError:
                if not folder.is_dir():  # else the same code was stored meanwhile
                    raise
            _sync(self._root)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)  # already moved, or of no use

    def _temporary(self) -> Path:
        return self._root / f"{self._ours}{secrets.token_hex(8)}"


def _lost(digest: str, why: object) -> StoreUnavailable:
    return StoreUnavailable(
        f"The code {digest[:12]}… cannot be unpacked again: {why}. Check the free space and the "
        "inodes of the data directory's disk ('df', 'df -i'). Deploy the function again where its archive is damaged or gone.",
        digest=digest,
    )


def _below(top: Path, folder: Path) -> None:
    """Never makes `top` anew: a sweep of another service has taken it then, with what was in it."""
    if folder != top and not folder.is_dir():
        _below(top, folder.parent)
        folder.mkdir(mode=0o755, exist_ok=True)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:  # not there, or it cannot be read
        return False


def _checked(digest: str) -> str:
    if DIGEST.fullmatch(digest) is None:
        raise ValueError(f"{digest[:80]!r} is not a sha256 digest in hex")
    return digest


def _write(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
