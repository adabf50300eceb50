"""Bodies too large for a row: one file each, written whole or not at all.

A blob is written once under a reference that its caller made (`<id hex>.payload`) and never
changed. `put` returns only when the file and its name are on disk, so a row that names a blob may
be committed right after. An object store will be a further class with the same three methods.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import logging
import os
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from ..errors import StoreUnavailable
from ..removal import Marks, Readers
from ..seldom import Seldom
from ..space import Space
from .folder import make_folder, sync_folder

log = logging.getLogger("thence.blobs")

REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}(\.[A-Za-z0-9_-]{1,20}){0,3}")
PARTS = 256
KEPT_MAX = 100_000  # refs whose removal waits for a backup
_TEMPORARY = ".tmp-"
_MARKS = ".unused"

T = TypeVar("T")


class BlobStore(Protocol):
    async def put(self, ref: str, data: bytes) -> str:
        """Write `data` under `ref`; returns its sha256 in hex once it is durable.

        The same ref again replaces the blob as one step. Raises StoreUnavailable having kept
        nothing, and ValueError for a ref that is not of the form REF.
        """
        ...

    async def get(self, ref: str, digest: str = "") -> bytes:
        """The blob. Raises StoreUnavailable where it is missing, cannot be read, or (with a
        digest) is not the one that was written."""
        ...

    async def delete(self, refs: Sequence[str]) -> None:
        """Remove blobs; those already gone are no error. While a backup reads they are kept, and go
        with a later call. Raises StoreUnavailable."""
        ...

    async def part(self, number: int) -> list[str]:
        """The refs in one of the PARTS parts of the store (0 to PARTS - 1; every blob is in exactly
        one), for looking through it in small steps. Raises StoreUnavailable."""
        ...

    async def overdue(
        self, number: int, unused: Sequence[str], now: int, kept_ms: int
    ) -> list[str]:
        """Those of `unused`, which are all that nothing uses of part `number`, that were unused in
        every such call since `kept_ms` ago. Raises StoreUnavailable."""
        ...


class FileBlobs:
    """Blobs as files under `root`, in 256 folders so that none grows too long.

    The work is done in threads, off the event loop; `inline=True` does it on the loop itself, for
    tests that own time.
    """

    def __init__(self, root: Path, *, space: Space | None = None, inline: bool = False) -> None:
        self._root = root
        self.space = space or Space()
        self._readers = Readers(root.parent)
        self._kept: set[str] = set()
        self._inline = inline
        self._seldom = Seldom()
        self._mark = f"{_TEMPORARY}{secrets.token_hex(4)}-"  # of this process's unfinished files
        self._tidied = False

    async def put(self, ref: str, data: bytes) -> str:
        path = self._path(ref)
        self.space.check()
        try:
            return await self._do(f"blob {ref} cannot be written", lambda: self._put(path, data))
        except StoreUnavailable as error:
            raise self.space.short(error) from error

    async def get(self, ref: str, digest: str = "") -> bytes:
        path = self._path(ref)
        try:
            return await self._do(f"blob {ref} cannot be read", lambda: _read(path, ref, digest))
        except StoreUnavailable as error:
            if self._seldom.may_say():
                log.error("a body is lost: %s ('thence verify' tells of all)", error.detail)
            raise

    async def delete(self, refs: Sequence[str]) -> None:
        gone, self._kept = self._kept | {*refs}, set()
        if not gone:
            return
        try:
            kept = await self._do("unused blobs cannot be deleted", lambda: self._delete(gone))
        except StoreUnavailable:
            self._kept |= set(itertools.islice(gone, KEPT_MAX))
            raise
        self._kept |= kept

    async def part(self, number: int) -> list[str]:
        folder = self._root / f"{number:02x}"
        return await self._do("blobs cannot be listed", lambda: _list(folder))

    async def overdue(
        self, number: int, unused: Sequence[str], now: int, kept_ms: int
    ) -> list[str]:
        folder = self._root / f"{number:02x}"
        if not folder.is_dir():
            return []
        marks = Marks(folder / _MARKS)
        return await self._do(
            "unused blobs cannot be marked", lambda: marks.overdue(unused, now, kept_ms)
        )

    async def _do(self, what: str, work: Callable[[], T]) -> T:
        try:
            return work() if self._inline else await asyncio.to_thread(work)
        except OSError as error:
            raise StoreUnavailable(
                f"The {what}: {error.strerror or error}. Check the free space and the permissions "
                "of the data directory.",
                errno=error.errno,
            ) from error

    def _put(self, path: Path, data: bytes) -> str:
        if not self._tidied:
            # Once: files that a killed process left unfinished. The store's hold on the data
            # directory sees to it that no other process writes here.
            self._tidied = True
            for left in self._root.glob(f"*/{_TEMPORARY}*"):
                if not left.name.startswith(self._mark):
                    left.unlink(missing_ok=True)
        return _write(path, data, path.with_name(f"{self._mark}{secrets.token_hex(8)}"))

    def _delete(self, refs: set[str]) -> set[str]:
        """Those that are kept for now. What is beyond KEPT_MAX is left to the sweep."""
        paths = {ref: self._path(ref) for ref in refs}
        if self._readers.any():
            return set(itertools.islice(refs, KEPT_MAX))
        for path in paths.values():
            path.unlink(missing_ok=True)
        return set()

    def _path(self, ref: str) -> Path:
        return blob_path(self._root, ref)


def blob_path(root: Path, ref: str) -> Path:
    """Where the blob lies below `root`. Raises ValueError."""
    if REF.fullmatch(ref) is None:
        raise ValueError(f"{ref[:120]!r} is not a blob reference")
    # Ids grow with time, so their first digits would fill one folder after the other; a digest of
    # the ref spreads them.
    return root / hashlib.sha256(ref.encode()).hexdigest()[:2] / ref


def _write(path: Path, data: bytes, temporary: Path) -> str:
    make_folder(path.parent)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        # The first error is the one to tell of; a left-over temporary file costs only space.
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)
    return hashlib.sha256(data).hexdigest()


def _read(path: Path, ref: str, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise StoreUnavailable(
            f"The blob {ref} is missing from the data directory. Restore it from a backup of the "
            "same moment as the database.",
            ref=ref,
        ) from None
    if digest and hashlib.sha256(data).hexdigest() != digest:
        raise StoreUnavailable(
            f"The blob {ref} is damaged: its digest is not the one that was written. Restore it "
            "from a backup and check the disk.",
            ref=ref,
        )
    return data


def _list(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(name for name in os.listdir(folder) if REF.fullmatch(name))
