"""Waiting until something is so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class WaitUntil:
    """One waits at a time; whoever changes what is waited for calls `look` while `waiting`."""

    def __init__(self) -> None:
        self.waiting = False
        self._is_so: Callable[[], bool] = bool
        self._reached = asyncio.Event()

    def look(self) -> None:
        if self._is_so():
            self._reached.set()

    async def until(self, is_so: Callable[[], bool], limit: Awaitable[None]) -> bool:
        """Wait until `is_so()` is true, or for `limit`; whether it is true then."""
        self._reached = asyncio.Event()
        self._is_so = is_so
        self.waiting = True
        self.look()
        waits = {asyncio.ensure_future(limit), asyncio.ensure_future(self._reached.wait())}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        self.waiting = False
        return is_so()
