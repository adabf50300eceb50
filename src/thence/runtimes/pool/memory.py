"""What the node can see of an instance's memory, through /proc; 0 where there is none."""

from __future__ import annotations

import os
import resource

from ..sandbox.children import ids_are_ours
from .instance import Instance

_PAGE = resource.getpagesize()


def measure_base(instance: Instance, slack_bytes: int) -> None:
    """Remember what the empty instance holds: its memory limit is on top of that."""
    if not ids_are_ours():
        return  # it would be another process's: RLIMIT_DATA alone limits it
    try:
        instance.statm = os.open(f"/proc/{instance.pid}/statm", os.O_RDONLY)
    except OSError:
        return  # it has ended already
    base = resident_bytes(instance)
    if base:
        limit = instance.function.spec.memory_mb << 20
        instance.memory_limit_bytes = base + limit + slack_bytes


def resident_bytes(instance: Instance) -> int:
    if instance.statm < 0:
        return 0
    try:
        return int(os.pread(instance.statm, 128, 0).split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0  # it has just ended


def peak_bytes(instance: Instance) -> int:
    """The most that its process has held at once since it was forked (VmHWM)."""
    if not instance.pid or not ids_are_ours():
        return 0
    try:
        with open(f"/proc/{instance.pid}/status", "rb") as file:
            for line in file:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) << 10
    except (OSError, IndexError, ValueError):
        return 0  # it has just ended
    return 0
