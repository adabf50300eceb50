"""A process's own children, by /proc. While they are not waited for their ids are nobody else's, so
they are what may be ended by id without harm to strangers."""

from __future__ import annotations

import os


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
