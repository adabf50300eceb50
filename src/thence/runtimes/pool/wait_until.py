"""Waiting for the day when something is no longer so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Until:
    """One waits at a time; whoever changes what is awaited calls `look` while `waiting`."""

    def __init__(self) -> None:
        self.waiting = False
        self._awaited: Callable[[], bool] = bool
        self._over = asyncio.Event()

    def look(self) -> None:
        if not self._awaited():
            self._over.set()

    async def no_longer(self, awaited: Callable[[], bool], limit: Awaitable[None]) -> bool:
        """Wait until `awaited()` is false, or for `limit`; whether it is false then."""
        self._over = asyncio.Event()
        self._awaited = awaited
        self.waiting = True
        self.look()
        waits = {asyncio.ensure_future(limit), asyncio.ensure_future(self._over.wait())}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        self.waiting = False
        return not awaited()
