"""The folders of instances: each has one for its temporary files, all in one folder of the fork server's.

Functions are of our user: what one of them, or whoever else, made of that folder must not keep all others
from starting.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Callable

from ...sandbox import folders


class InstanceFolders:
    """`moved(new, why)`: all that start from now on have theirs in `new`."""

    def __init__(self, directory: str, moved: Callable[[str, str], None]) -> None:
        self._directory = directory
        self._moved = moved
        self._former: list[str] = []  # directories that were ours before
        self._to_remove: list[str] = []  # of instances that have ended; they are not empty
        self.cleaners: set[int] = set()  # processes that remove such

    def path(self, number: int) -> str:
        return os.path.join(self._directory, str(number))

    def make(self, number: int) -> str:
        """The folder of that instance. Raises OSError."""
        try:
            self._make_in_ours(number)
        except OSError as error:
            self._move(f"{error.strerror} ({self.path(number)})")
            os.mkdir(self.path(number), 0o700)
        return self.path(number)

    def remove(self, folder: str) -> None:
        """Of an instance that has ended."""
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                return  # the whole directory goes when the fork server leaves
            self._to_remove.append(folder)
            self._clean()

    def remove_all(self) -> None:
        for directory in (*self._former, self._directory):
            folders.remove(directory)

    def _make_in_ours(self, number: int) -> None:
        try:
            there = os.lstat(self._directory)
        except FileNotFoundError:  # what is old in /tmp is removed on many machines
            os.mkdir(self._directory, 0o700)
        else:
            if there.st_uid != os.geteuid() or not stat.S_ISDIR(there.st_mode):
                # Whoever owns it could put code there for us to run.
                raise PermissionError(errno.EPERM, "its folder was made by somebody else")
        os.mkdir(self.path(number), 0o700)

    def _move(self, why: str) -> None:
        """To a new folder. What lies in the old one stays until the fork server leaves."""
        new = tempfile.mkdtemp(prefix=folders.PREFIX, dir=os.path.dirname(self._directory))
        self._former.append(self._directory)
        self._directory = new
        cache_in(new)
        self._moved(new, why)

    def _clean(self) -> None:
        """By a process: a large directory must not hold up the next cold start."""
        try:
            pid = os.fork()
        except OSError:
            return  # of processes, which a function may have used up; the next one takes these along
        if pid == 0:
            try:
                for folder in self._to_remove:
                    folders.remove(folder)
            finally:
                os._exit(0)  # never back into the fork server's loop
        self.cleaners.add(pid)
        self._to_remove.clear()


def cache_in(directory: str) -> None:
    """Code directories stay as they are."""
    sys.pycache_prefix = os.path.join(directory, "pycache")
