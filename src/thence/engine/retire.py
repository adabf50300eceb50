"""retire: what waits for a deleted function can never run; it ends as invalid, in small steps.

A loop of its own, because the backlog may be large and the store may be away when the function is
deleted: the deletion is durable at once, the endings follow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..clock import Clock
from ..lifecycle.states import Reason, State
from ..notices import Notices
from ..store.interface import Store
from ..store.records import Waiting
from .lanes import Lane, Lanes
from .loop import Loop

STEP = 200


class Retire:
    """end: expire.end, which ends one waiting invocation with all it owes."""

    def __init__(
        self,
        lanes: Lanes,
        store: Store,
        end: Callable[[Waiting, State, Reason], Awaitable[bool]],
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._lanes = lanes
        self._store = store
        self._end = end
        self._left: dict[int, Lane] = {}
        self.loop = Loop("retire", self.once, clock, notices, interval_seconds=5.0)

    def note(self, lane: Lane) -> None:
        """Something may wait for that deleted function."""
        self._left[lane.function.id] = lane
        self.loop.wake()

    async def once(self) -> float | None:
        while self._left:
            function_id = next(reversed(self._left))
            found = await self._store.waiting(function_id, STEP)
            if not found:
                del self._left[function_id]
                continue
            ends = (self._end(one, State.INVALID, Reason.FUNCTION_DELETED) for one in found)
            await asyncio.gather(*ends)
            return 0
        return None
