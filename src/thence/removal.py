"""When a file that nothing uses may be removed: not at once, and not while a backup reads.

A store that was restored from an older backup, or the wrong one, does not know files that are in
use; whoever puts the right store back must find them. So what is found unused is marked, and goes
only after it has been unused for `retention.unused_days` without a break (Marks). A backup names
files by the store as it was when it began: until it has read them nothing is removed (Readers).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

READERS = "readers.lock"
"""In the data directory: held together by whoever reads files there that must not go."""


class Marks:
    """Since when some files have been unused, kept in a small file beside them.

    It stands with the files and not in the store: a store that is put back to an earlier state would
    bring earlier marks along."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def overdue(self, unused: Iterable[str], now: int, kept_ms: int) -> list[str]:
        """Those of `unused` that were so in every call since `kept_ms` ago. One that is not named is
        used again: its time begins anew. Raises OSError; then nothing may be removed."""
        before = self._read()
        since = {name: min(before.get(name, now), now) for name in unused}
        gone = [name for name, start in since.items() if now - start >= kept_ms]
        left = {name: start for name, start in since.items() if now - start < kept_ms}
        if left != before:
            self._write(left)
        return gone

    def _read(self) -> dict[str, int]:
        try:
            found: Any = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            # Never written, or cut off: all of it is kept for its whole time once more.
            return {}
        if not isinstance(found, dict):
            return {}
        return {name: start for name, start in found.items() if isinstance(start, int)}

    def _write(self, marks: dict[str, int]) -> None:
        if not marks:
            self._path.unlink(missing_ok=True)
            return
        temporary = self._path.with_name(f".tmp-{self._path.name.lstrip('.')}")
        temporary.write_text(json.dumps(marks))
        os.replace(temporary, self._path)


class Readers:
    """`<data directory>/readers.lock`: shared by those who read, looked at by those who remove.

    Whoever removes need not hold it meanwhile: what it removes was unused in a commit before it
    looked, so a reader that comes later does not find it named."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / READERS
        self._looking = threading.Lock()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing is removed until this ends, be it by a kill. Raises OSError."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.geteuid() == 0:
                # Made by root, it must still be open to the service.
                owner = self._path.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def any(self) -> bool:
        """Whether anybody reads now. Raises OSError."""
        with self._looking:  # two looks at once would take each other for a reader
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                return False  # nobody ever did
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(descriptor)
            return False
