"""Room on the disk that is kept for a bad day: a file of real blocks, given up when the disk is full.

SQLite needs space to delete with: on a disk without a free byte nothing can be removed from a store.
With the reserve's space what is old can be deleted, and nothing new is taken until it is back. It must
hold what the write-ahead log does (16 MiB): before the log is emptied, the file grows by what is in it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

NAME = "reserve"
DISK_PARTS = 4  # the reserve is at most one such part of the disk


class Reserve:
    """`<folder>/reserve`. bytes_wanted: its size, where the disk is not small; 0: there is none."""

    def __init__(self, folder: Path, bytes_wanted: int) -> None:
        self.folder = folder
        self._path = folder / NAME
        self.bytes_wanted = bytes_wanted

    def wanted_bytes(self) -> int:
        """Raises OSError."""
        disk = self._disk()
        return min(self.bytes_wanted, disk.f_blocks * disk.f_frsize // DISK_PARTS)

    def held_bytes(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def free_bytes(self) -> int:
        """What is free on the disk besides the reserve. Raises OSError."""
        disk = self._disk()
        return disk.f_bavail * disk.f_frsize

    def _disk(self) -> os.statvfs_result:
        """Raises OSError, also where the file system has no size (ramfs, some of FUSE): 0 bytes free of 0
        is no full disk."""
        disk = os.statvfs(self.folder)
        if not disk.f_blocks:
            raise OSError(errno.EOPNOTSUPP, "its file system does not say how large it is")
        return disk

    def free_files(self) -> int:
        """So many files can still be made on the disk; some file systems have no such limit and say
        0 of 0. Raises OSError."""
        disk = os.statvfs(self.folder)
        return disk.f_favail if disk.f_files else 1

    def take(self, size: int) -> bool:
        """Make it `size` bytes; False where the disk has not got them, and then there is none."""
        if self.held_bytes() == size:
            return True
        if not size:
            self.release()
            return True
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                os.ftruncate(descriptor, size)
                os.posix_fallocate(descriptor, 0, size)
            finally:
                os.close(descriptor)
        except OSError:
            # Full, or no such call on this disk: nothing is kept back that is not really there.
            self.release()
            return False
        return True

    def release(self) -> None:
        """Its space is free. Raises OSError."""
        self._path.unlink(missing_ok=True)
