"""Work beside the event loop's callbacks: bodies on their way to or from the blob store, deliveries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from ..errors import ThenceError

log = logging.getLogger("thence.engine")


class Tasks:
    """Tasks that belong to one verb. They are kept until they end (the loop itself holds them only
    weakly), and an error that nobody expected is logged, not lost."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def settled(self) -> None:
        """Return when none is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        # Our own errors are answers that nobody waits for (a blob that could not be removed).
        if error is not None and not isinstance(error, ThenceError):
            log.error("work of the engine failed", exc_info=error)
