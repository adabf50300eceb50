"""A process's own children, by /proc. While they are not waited for their ids are nobody else's, so
they are what may be ended by id without harm to strangers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection

_LOOK_SECONDS = 0.002  # between looks at those that are dying


def ids_are_ours() -> bool:
    """Whether /proc says the process ids that system calls take. It does not where it is that of
    another PID namespace: then an id that is read there is somebody else's here."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False  # there is no /proc


def children() -> list[int] | None:
    """Of this process, zombies included; it must have one thread. None: they cannot be known."""
    if not ids_are_ours():
        return None
    pid = os.getpid()
    try:
        with open(f"/proc/self/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return None  # a kernel without that file


def end_all(spared: Collection[int] = ()) -> bool:
    """Kill every child, and what becomes one by that, until none but those `spared` lives. False:
    they cannot be known. None is waited for: where processes are limited, what starts others without
    end would at once have a new one for each that was."""
    killed: set[int] = set()
    dying: list[int] = []
    while True:
        dying = [pid for pid in dying if not _has_ended(pid)]
        found = children()
        if found is None:
            return False
        new = [pid for pid in found if pid not in killed and pid not in spared]
        for pid in new:
            os.kill(pid, signal.SIGKILL)
        if not new and not dying:
            return True
        killed.update(new)
        dying += new
        time.sleep(_LOOK_SECONDS)


def _has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
