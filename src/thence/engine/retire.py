"""retire: what waits for a deleted function can never run; it ends as invalid, in small steps.

A loop of its own, because the backlog may be large and the store may be away when the function is
deleted: the deletion is durable at once, the endings follow. When nothing of it waits or runs any
more, its lane is dropped: else whoever deploys and deletes all day would fill the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..clock import Clock
from ..lifecycle.states import Reason, State
from ..notices import Notices
from ..store.interface import Store
from .end import EndWaiting
from .lanes import Lane, Lanes
from .loop import Loop

STEP = 200
SECONDS = 5.0


class Retire:
    """forget: told of each lane that is dropped."""

    def __init__(
        self,
        lanes: Lanes,
        store: Store,
        ending: EndWaiting,
        clock: Clock,
        notices: Notices,
        *,
        forget: Callable[[Lane], Awaitable[None]],
    ) -> None:
        self._lanes = lanes
        self._store = store
        self._ending = ending
        self._forget = forget
        self._left: dict[int, Lane] = {}  # something may wait
        self._finishing: dict[int, Lane] = {}  # nothing waits, something may run
        self._dropped: dict[int, Lane] = {}  # nothing of them is here; to be told of
        self.loop = Loop("retire", self.once, clock, notices, interval_seconds=SECONDS)

    def note(self, lane: Lane) -> None:
        """Something may wait for that deleted function."""
        self._lanes.keep(lane)
        self._left[lane.function.id] = lane
        self.loop.wake()

    async def once(self) -> float | None:
        while self._left:
            function_id = next(reversed(self._left))
            found = await self._store.waiting(function_id, STEP)
            if not found:
                self._finishing[function_id] = self._left.pop(function_id)
                continue
            ends = (
                self._ending.end(waiting, State.INVALID, Reason.FUNCTION_DELETED)
                for waiting in found
            )
            await asyncio.gather(*ends)
            return 0
        await self._let_go()
        return None

    async def _let_go(self) -> None:
        """Forget those of which the store has nothing under way. Of the others something runs, or
        came to wait since they were looked at: they are looked at again."""
        quiet = [id for id, lane in self._finishing.items() if lane.idle]
        for at in range(0, len(quiet), STEP):
            step = quiet[at : at + STEP]
            live = await self._store.live(step)
            for id in step:
                lane = self._finishing.pop(id)
                if id in live:
                    self._left[id] = lane
                elif lane.idle and id not in self._left:
                    self._lanes.drop(lane)
                    self._dropped[id] = lane
                elif id not in self._left:
                    self._finishing[id] = lane  # something began meanwhile
        for id, lane in list(self._dropped.items()):
            if self._lanes.get(id) is None:
                await self._forget(lane)  # or the next time, where the store is away
            del self._dropped[id]
