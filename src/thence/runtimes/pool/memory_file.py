"""Files without a name, in memory: what an instance writes, and the words that both sides see."""

from __future__ import annotations

import fcntl
import os
import tempfile


def memory_file(name: str, append: bool = False, seal_at: int = 0) -> int:
    """A file without a name, in memory where the system can. `seal_at`: its size in bytes for
    ever, since a function that cut it short would end the node at its next look (SIGBUS)."""
    if hasattr(os, "memfd_create"):
        # Nobody else may seal a file: one that cannot be emptied would stop the sweep.
        fd = os.memfd_create(name, os.MFD_CLOEXEC | (os.MFD_ALLOW_SEALING if seal_at else 0))
        if seal_at:
            os.ftruncate(fd, seal_at)
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
        os.ftruncate(fd, seal_at)
    if append:
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND)
    return fd
