"""Uploads of code: temporary keys, and the files that were uploaded with them.

Each key is made for one object, is good for KEY_SECONDS and lives in memory only. An object's name
begins with the instant of its key, so that its file tells its age to every later process; it lies in
a folder of its own in the data directory and goes after KEPT_SECONDS.

Bounded are the keys (the oldest is forgotten), the uploads under way at a time (others wait, and
nothing of them is read meanwhile) and their duration, the memory of each (PIECE_BYTES and what one read brings) and the
disk: the files kept are at most KEPT_MAX, and together at most KEPT_LARGEST times the largest code
archive; those that were written first go first.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import fastcrc
from msgspec import Struct

from ...clock import Clock
from ...errors import PayloadTooLarge, StoreUnavailable, ThenceError
from ...signing.interface import Key, Refused
from ...signing.oss import ALGORITHM
from ...space import Space

KEY_SECONDS = 900
KEYS_MAX = 1000
KEPT_SECONDS = 86_400
KEPT_MAX = 64
KEPT_LARGEST = 8
WRITING_MAX = 4
WRITING_SECONDS = 600  # real time: it is the connection that is slow
PIECE_BYTES = 1024 * 1024
OBJECT = re.compile(r"([0-9a-f]{12})[0-9a-f]{32}")
_TEMPORARY = ".tmp-"

P = ParamSpec("P")
T = TypeVar("T")


class TemporaryKey(Struct, frozen=True):
    """What signs the upload of `object` and of nothing else, until `expires_at` (ms)."""

    access_key_id: str
    secret: str
    security_token: str
    object: str
    expires_at: int
    key: Key


class TemporaryKeys:
    """Those that were made in the last KEY_SECONDS, at most KEYS_MAX."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, TemporaryKey] = OrderedDict()  # the oldest first

    def make(self) -> TemporaryKey:
        now = self._clock.now()
        while self._known:
            oldest = next(iter(self._known.values()))
            if oldest.expires_at > now and len(self._known) < KEYS_MAX:
                break
            self._known.popitem(last=False)
        id, secret, token = f"TMP.{secrets.token_hex(12)}", secrets.token_hex(20), _token()
        made = TemporaryKey(
            *(id, secret, token, f"{now:012x}{secrets.token_hex(16)}"),
            now + KEY_SECONDS * 1000,
            Key(id, secret, token, algorithm=ALGORITHM),
        )
        self._known[id] = made
        return made

    def find(self, access_key_id: str) -> TemporaryKey | None:
        """None: there is no such key, or no longer."""
        found = self._known.get(access_key_id)
        return found if found is not None and found.expires_at > self._clock.now() else None

    def key(self, access_key_id: str) -> Key | None:
        found = self.find(access_key_id)
        return None if found is None else found.key


class TooSlow(ThenceError):
    """A body that takes longer than WRITING_SECONDS; nothing of it is kept."""

    code = "upload_too_slow"
    title = "The upload took too long"


class Stored(Struct, frozen=True):
    """What was uploaded: MD5 (16 bytes) and CRC-64/XZ of it."""

    md5: bytes
    crc: int


class Uploads:
    """Files by the names of their objects. bytes_max: of one."""

    def __init__(
        self, folder: Path, clock: Clock, bytes_max: int, space: Space | None = None
    ) -> None:
        self._space = space or Space()
        self.bytes_max = bytes_max
        self._folder = folder
        self._clock = clock
        self._mark = f"{_TEMPORARY}{secrets.token_hex(4)}-"  # of this process's unfinished files
        self._writing = asyncio.Semaphore(WRITING_MAX)

    async def store(self, object: str, body: AsyncIterator[bytes], md5: bytes | None) -> Stored:
        """Write the object, whole and durable or not at all; the same again replaces it.

        md5: what the body's must be. Raises PayloadTooLarge, Refused ("body"), TooSlow,
        StoreUnavailable and what `body` raises."""
        target, temporary = self._path(object), self._folder / f"{self._mark}{secrets.token_hex(8)}"
        self._space.check()
        try:
            return await self._store(target, temporary, body, md5)
        except StoreUnavailable as error:
            raise self._space.short(error) from error

    async def _store(
        self, target: Path, temporary: Path, body: AsyncIterator[bytes], md5: bytes | None
    ) -> Stored:
        async with self._writing:
            incoming = await _disk(_Incoming, temporary)
            try:
                await self._take(body, incoming)
                stored = Stored(incoming.md5.digest(), incoming.crc)
                if md5 is not None and md5 != stored.md5:
                    raise Refused("body", "content-md5: it is not the MD5 of the body that came")
                await _disk(incoming.finish, target)
            finally:
                incoming.close()
            await _disk(self._make_room, target)
        return stored

    async def _take(self, body: AsyncIterator[bytes], incoming: _Incoming) -> None:
        try:
            async with asyncio.timeout(WRITING_SECONDS):
                async for piece in _pieces(body):
                    if incoming.size + len(piece) > self.bytes_max:
                        raise too_large(self.bytes_max)
                    await _disk(incoming.add, piece)
        except TimeoutError:
            raise TooSlow(f"The upload took more than {WRITING_SECONDS} seconds.") from None

    async def read(self, object: str) -> bytes | None:
        """None: it was not uploaded, or it went. Raises StoreUnavailable."""
        if _made_at(object) + KEPT_SECONDS * 1000 <= self._clock.now():
            return None
        try:
            return await _disk(self._path(object).read_bytes)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    async def sweep(self) -> None:
        """Remove what is past its time, and what a killed process left unfinished."""
        oldest = self._clock.sure() - KEPT_SECONDS * 1000
        for path in self._files():
            name = path.name
            if name.startswith(_TEMPORARY):
                gone = not name.startswith(self._mark)
            else:
                gone = OBJECT.fullmatch(name) is not None and _made_at(name) <= oldest
            if gone:
                path.unlink(missing_ok=True)

    def _make_room(self, newest: Path) -> None:
        found = []
        for path in self._files():
            # One that goes meanwhile takes no room.
            with contextlib.suppress(FileNotFoundError):
                if OBJECT.fullmatch(path.name) and path != newest:
                    status = path.stat()
                    found.append((status.st_mtime_ns, path.name, status.st_size))
        found.sort(reverse=True)
        left = KEPT_LARGEST * self.bytes_max - newest.stat().st_size
        for number, (_, name, size) in enumerate(found, 2):
            left -= size
            if number > KEPT_MAX or left < 0:
                (self._folder / name).unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return list(self._folder.iterdir()) if self._folder.is_dir() else []

    def _path(self, object: str) -> Path:
        if OBJECT.fullmatch(object) is None:  # whoever asks has checked it: it becomes a path
            raise ValueError(f"{object[:80]!r} is not the name of an upload")
        return self._folder / object


class _Incoming:
    """A file that is being written, with its sums. All but `close` on a thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        self._file = open(descriptor, "wb", buffering=0)  # noqa: SIM115  # closed by close()
        self.size = 0
        self.crc = fastcrc.crc64.xz(b"")
        self.md5 = hashlib.md5(usedforsecurity=False)

    def add(self, piece: bytes) -> None:
        left = memoryview(piece)
        while left:
            left = left[self._file.write(left) :]
        self.size += len(piece)
        self.crc = fastcrc.crc64.xz(piece, self.crc)
        self.md5.update(piece)

    def finish(self, target: Path) -> None:
        """It is there by its name, and stays there if the machine fails."""
        os.fsync(self._file.fileno())
        os.replace(self._path, target)
        for folder in (target.parent, target.parent.parent):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        self._file.close()
        # What cannot be removed now goes with the sweep of a later process.
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


async def _pieces(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body in pieces of about PIECE_BYTES: each costs a thread's turn."""
    held, size = [], 0
    async for chunk in body:
        held.append(chunk)
        size += len(chunk)
        if size >= PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


async def _disk(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *arguments, **named)
    except OSError as error:
        raise StoreUnavailable(
            f"The uploaded code cannot be written or read: {error.strerror or error}. Check the free "
            "space and the permissions of the data directory.",
            errno=error.errno,
        ) from error


def too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The code has more than {limit} bytes, the most that limits.code_bytes_max allows.",
        limit_bytes=limit,
    )


def _made_at(object: str) -> int:
    return int(object[:12], 16)


def _token() -> str:
    return secrets.token_urlsafe(48)
