"""What processes cost: CPU and memory of a process and all below it, read from /proc (Linux).

CPU has the resolution of the kernel's clock ticks (usually 10 ms), so it says something about
thousands of invocations, not about one.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class Usage(Struct, frozen=True):
    """CPU seconds since the processes began, their ended children included."""

    node: float = 0.0  # the process itself, all threads
    below: float = 0.0  # everything below it: the fork server and the instances
    loop: float = 0.0  # of node: its first thread, the event loop

    @property
    def total(self) -> float:
        return self.node + self.below

    def since(self, earlier: Usage) -> Usage:
        return Usage(self.node - earlier.node, self.below - earlier.below, self.loop - earlier.loop)


def usage(pid: int) -> Usage:
    """The CPU of `pid` and of all below it. A process that has ended counts as nothing."""
    node = below = 0.0
    for item in tree(pid):
        stat = _stat(item)
        if stat is None:
            continue
        own, reaped = float(int(stat[11]) + int(stat[12])), float(int(stat[13]) + int(stat[14]))
        if item == pid:
            node += own
            below += reaped
        else:
            below += own + reaped
    first = _stat(pid, f"task/{pid}/stat")
    loop = 0 if first is None else int(first[11]) + int(first[12])
    return Usage(node / _TICKS, below / _TICKS, loop / _TICKS)


def own_cpu() -> float:
    """CPU seconds of this process, the load generator."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def tree(pid: int) -> list[int]:
    """`pid` and every process below it that exists now."""
    children: dict[int, list[int]] = {}
    for item in _pids():
        stat = _stat(item)
        if stat is not None:
            children.setdefault(int(stat[1]), []).append(item)
    found = [pid]
    for item in found:
        found.extend(children.get(item, ()))
    return found


def memory_bytes(pid: int) -> int:
    """Proportional set size of one process: what it holds, shared pages divided by their sharers."""
    try:
        rollup = (_PROC / str(pid) / "smaps_rollup").read_text()
    except PermissionError:
        # The service closes its memory to its own user's other processes: then shared pages count
        # in full, which the two sides of a difference have in common.
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * resource.getpagesize()
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{pid}/smaps_rollup has no Pss line")


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _stat(pid: int, file: str = "stat") -> list[str] | None:
    """The fields of /proc/<pid>/stat from the third on (state); None when it has ended."""
    try:
        text = (_PROC / str(pid) / file).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()
