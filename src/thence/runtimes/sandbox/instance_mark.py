"""Whose a process is, whatever has become of its parents: the number of its instance, written where the
kernel hands it on to all that it starts and shows it to others, as a limit that no kernel since 2.4 acts
on (of file locks). It can be lowered and never raised. Whoever lowers it to that of another instance is
taken for that one's, and ends with it.
"""

from __future__ import annotations

import contextlib
import resource

_RLIMIT_LOCKS = 10
_MOST = 1 << 62
_SHOWN = "Max file locks"


def put(number: int) -> None:
    """On this process, the instance of that number. Where the system has no such limit nothing is."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(_RLIMIT_LOCKS, (_MOST - number, _MOST - number))


def of(pid: int) -> int | None:
    """The number of the instance that it came from. None: it has none, or is gone."""
    try:
        with open(f"/proc/{pid}/limits") as file:
            words = next(line[len(_SHOWN) :].split() for line in file if line.startswith(_SHOWN))
        return _MOST - int(words[1])  # the hard one
    except (OSError, StopIteration, ValueError, IndexError):
        return None
