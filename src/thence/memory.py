"""Giving memory back to the system after a rush.

glibc keeps what was freed in the middle of its heap, so after a rush of large bodies a process keeps
most of its peak for ever. Once a minute somebody looks whether it has grown by much since the last time,
and only then lets the C library give back what it does not use (some ten milliseconds for 100 MB, in a
thread). Whether what is left then is in use for ever or only until the rush is over cannot be seen, so
it is tried again, each time after twice as long. With another C library, or without /proc, nothing is done.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable

LOOK_SECONDS = 60.0
GROWN_BYTES = 32 * 1024 * 1024
PAUSE_LOOKS_MAX = 64
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """What this process has in memory; 0 where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0


def trim() -> None:
    """Give back what was freed."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


class GiveBack:
    """Looks, and gives back. resident, give: of this process, unless a test says otherwise."""

    def __init__(
        self, resident: Callable[[], int] = resident_bytes, give: Callable[[], None] = trim
    ) -> None:
        self._resident = resident
        self._give = give
        self._least = resident()  # ever
        self._left = self._least  # by the last time
        self._pause = self._looks = 1  # looks between two times; those until the next

    async def once(self) -> float:
        """One look; the seconds until the next."""
        now = self._resident()
        self._least, self._left = min(self._least, now), min(self._left, now)
        if now > self._left + GROWN_BYTES:
            self._pause = 1
            await self._give_back()
        elif now > self._least + GROWN_BYTES:
            self._looks -= 1
            if self._looks <= 0:
                self._pause = min(2 * self._pause, PAUSE_LOOKS_MAX)
                await self._give_back()
        return LOOK_SECONDS

    async def _give_back(self) -> None:
        await asyncio.to_thread(self._give)
        self._left = self._resident()
        self._least = min(self._least, self._left)
        self._looks = self._pause
