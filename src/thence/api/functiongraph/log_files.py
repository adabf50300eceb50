"""The status log as files in the data directory, the default (seed huawei-functiongraph-notification-
policy has it in a log service).

    status-log/status-00000001.log, …-00000002.log, …

Lines are on disk when `write` returns. A file that has reached its size is followed by the next one;
the oldest goes when there are more than the settings keep. A write that failed leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from .log_line import Line, parse

NAME = re.compile(r"status-([0-9]{8})\.log")


class Query(Struct, frozen=True):
    """Which lines are meant; empty or None = any. `function`: a URN, or one without its version.
    Times in ms, both ends included."""

    request_id: str = ""
    function: str = ""
    status: str = ""
    since: int | None = None
    until: int | None = None

    def takes(self, line: Line) -> bool:
        return (
            self.request_id in ("", line.request_id)
            and self.status in ("", line.status)
            and (self.since is None or line.at >= self.since)
            and (self.until is None or line.at <= self.until)
            and (self.function in ("", line.urn) or line.urn.rpartition(":")[0] == self.function)
        )


class Place(Struct, frozen=True, order=True):
    """Where a line begins."""

    number: int
    offset: int


class LogFiles:
    """One writer. bytes_max: of one file; files_max: how many are kept."""

    name = "files"
    lost = 0  # what cannot be written is tried again
    leave_seconds: float | None = None  # nothing cuts off a write, and its lines would come twice

    def __init__(self, folder: Path, bytes_max: int, files_max: int) -> None:
        self.folder = folder
        self._bytes_max = bytes_max
        self._files_max = files_max
        self._reading = asyncio.Lock()

    async def write(self, lines: Sequence[Line]) -> None:
        """Raises OSError; then none of them is there."""
        await asyncio.to_thread(self._write, "".join(line.text() + "\n" for line in lines).encode())

    async def close(self) -> None:
        """Nothing is open between two writes."""

    async def read(
        self, query: Query, limit: int, before: Place | None
    ) -> tuple[list[Line], Place | None]:
        """Newest first, and where to go on. Raises OSError."""
        async with self._reading:  # each looks through whole files
            return await asyncio.to_thread(self._read, query, limit, before)

    # ------------------------------------------------------------ in a thread

    def _write(self, data: bytes) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        numbers = self._numbers()
        path = self._path(numbers[-1] if numbers else 1)
        if numbers and path.stat().st_size >= self._bytes_max:
            path = self._path(numbers[-1] + 1)
        with open(path, "ab", opener=private) as file:
            end = _whole(path, file.tell())
            file.truncate(end)
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                os.truncate(path, end)
                raise
        for number in self._numbers()[: -self._files_max]:
            self._path(number).unlink(missing_ok=True)

    def _numbers(self) -> list[int]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return sorted(int(match[1]) for name in names if (match := NAME.fullmatch(name)))

    def _path(self, number: int) -> Path:
        return self.folder / f"status-{number:08d}.log"

    def _read(
        self, query: Query, limit: int, before: Place | None
    ) -> tuple[list[Line], Place | None]:
        found: list[tuple[Place, Line]] = []
        for number in reversed(self._numbers()):
            if before is not None and number > before.number:
                continue
            end = before.offset if before is not None and number == before.number else None
            some = deque(self._matches(number, end, query), maxlen=limit + 1 - len(found))
            found += reversed(some)
            if len(found) > limit:
                return [line for _, line in found[:limit]], found[limit - 1][0]
        return [line for _, line in found], None

    def _matches(self, number: int, end: int | None, query: Query) -> Iterator[tuple[Place, Line]]:
        needle = (query.request_id or query.function).encode()
        path = self._path(number)
        if query.since is not None and path.stat().st_mtime * 1000 + 1000 < query.since:
            return  # its last line was written before
        with open(path, "rb") as file:
            offset = 0
            for raw in file:
                if end is not None and offset >= end:
                    return
                at, offset = offset, offset + len(raw)
                if needle not in raw or not raw.endswith(b"\n"):
                    continue
                found = parse(raw[:-1].decode("utf-8", "replace"))
                if found is not None and query.takes(found):
                    yield Place(number, at), found


def private(path: str, flags: int) -> int:
    """For `open`: a new file is nobody else's business."""
    return os.open(path, flags, 0o600)


def _whole(path: Path, size: int) -> int:
    """Where the last whole line ends: a crash may have cut off the one behind it."""
    if not size:
        return 0
    with open(path, "rb") as file:
        begin = max(0, size - (1 << 16))
        file.seek(begin)
        tail = file.read()
    # (No line is that long: without an end of line there is only a cut one.)
    return begin + tail.rfind(b"\n") + 1
