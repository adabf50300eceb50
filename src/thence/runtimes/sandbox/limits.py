"""Limits of an instance's process, whatever language it runs, set by itself before any code of a user."""

from __future__ import annotations

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1
_MIB = 1 << 20
_OPEN_FILES_MAX = 1024
HEADROOM_BYTES = 32 * _MIB  # lent to what has to report that memory ran out

libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent_pid: int) -> None:
    """This process ends when its parent does. Raises OSError."""
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:  # it died between the fork and the line above
        os._exit(1)


def close_files(keep: list[int]) -> None:
    """All but 0, 1, 2 and `keep`; few can be opened, and no core is written."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    low = 3
    for fd in sorted(keep):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, max(low, most))
    soft = min(_OPEN_FILES_MAX, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def bound_memory(memory_mb: int) -> None:
    """The limit is what the function may add to what an empty instance already has."""
    soft = _data_bytes() + memory_mb * _MIB
    resource.setrlimit(resource.RLIMIT_DATA, (soft, soft + HEADROOM_BYTES))
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")  # where the machine itself runs out, functions go before the node
    except OSError:
        # No /proc, or not allowed: only the kernel's choice of a victim is less good.
        pass


def lend_headroom() -> None:
    """After memory ran out: let the soft limit rise to the hard one, so that it can be reported."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _data_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except OSError:
        return 64 * _MIB  # no /proc: more than a bare instance needs
