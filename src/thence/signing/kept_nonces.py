"""Used nonces on disk, so that a request recorded before a restart is refused after it.

A file for each bucket (window.py) in a folder of the data directory, 8 bytes appended for each nonce:
the system has them when the request is taken, so they outlive the end of the process, kill -9 too.
They are not synced, because that would cost each request a commit: after a loss of power those of the
last half minute may be missing, within the window of their dates.

What is kept is a hash with a key that lies beside the files. Where the disk takes no more, the nonces are
kept in memory alone, and that is said once.
"""

from __future__ import annotations

import logging
import os
from array import array
from hashlib import blake2b
from pathlib import Path

log = logging.getLogger("thence.signing")

MARK_BYTES = 8
_KEY_BYTES = 16
_KEY = "key"


class KeptNonces:
    """The files of one process. Nothing is opened before the first nonce comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = os.urandom(_KEY_BYTES)
        self._key_kept = False  # then that of the files; without it they say nothing
        self._files: dict[int, int] = {}  # descriptors by bucket
        self._failed = False

    def load(self, first: int) -> dict[int, set[int]]:
        """The marks by bucket, of those that begin at `first`; older files are removed."""
        found: dict[int, set[int]] = {}
        try:
            self._take_key()
            for path in self._folder.iterdir():
                if not path.name.isdecimal():
                    continue
                if int(path.name) < first:
                    path.unlink()
                    continue
                data = path.read_bytes()
                marks = array("Q", data[: len(data) - len(data) % MARK_BYTES])
                found[int(path.name)] = set(marks)
        except OSError as error:
            self._lost(error)
        return found

    def _take_key(self) -> None:
        """That of the files, where a whole one is there."""
        path = self._folder / _KEY
        if path.exists():
            key = path.read_bytes()
            if len(key) == _KEY_BYTES:
                self._key, self._key_kept = key, True
                return
        self._keep_key()

    def _keep_key(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / _KEY
        path.touch(0o600)
        path.write_bytes(self._key)
        self._key_kept = True

    def mark(self, nonce: bytes) -> int:
        return int.from_bytes(
            blake2b(nonce, digest_size=MARK_BYTES, key=self._key).digest(), "little"
        )

    def add(self, bucket: int, mark: int) -> None:
        try:
            if not self._key_kept:
                self._keep_key()
            file = self._files.get(bucket)
            if file is None:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                file = self._files[bucket] = os.open(self._folder / str(bucket), flags, 0o600)
            os.write(file, mark.to_bytes(MARK_BYTES, "little"))
            self._failed = False
        except OSError as error:
            self._lost(error)

    def drop(self, bucket: int) -> None:
        file = self._files.pop(bucket, None)
        if file is not None:
            os.close(file)
        try:
            (self._folder / str(bucket)).unlink(missing_ok=True)
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            log.warning(
                "nonces of signed requests cannot be kept in %s (%s): those that come now could be "
                "used again after a restart, until their dates leave the window.",
                self._folder,
                error.strerror or error,
            )
