"""How a node's engine begins and ends: open the store and join it; give back, finish, settle and leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..clock import Clock
from ..errors import StoreDamaged, StoreUnavailable
from ..lifecycle.ids import id_millis
from ..notices import NodeDraining, NodeStopped, Notices, StoreLost
from .loop import Loop
from .options import Options
from .wiring import Parts

T = TypeVar("T")
log = logging.getLogger("thence.engine")
OPEN_SECONDS = 1.0  # between two attempts to open the store on a full disk
LEAVE_MS = 2000  # after the grace period, for what it cut off to be written; serve.py gives 5 s for all that


class Life:
    """`start()` first, `drain()` last."""

    def __init__(self, parts: Parts, clock: Clock, notices: Notices, options: Options) -> None:
        self._parts = parts
        self._clock = clock
        self._notices = notices
        self._options = options
        self.draining = False
        self.held_up = asyncio.Event()
        """A start that waits for room on the disk: nothing has begun."""

    async def start(self) -> None:
        """Open the store, join it, and begin. Raises StartupError."""
        try:
            await self._start()
        except StoreDamaged as error:
            raise await self._parts.store.refusal(error) from error

    async def _begin_time(self, floor: int) -> None:
        """Service time goes on where it was; what is under way does not age by a jump."""
        jump = self._clock.begin(await self._parts.store.clock_mark(), floor)
        if jump:
            await self._when_there_is_room(
                lambda: self._parts.store.shift_ages(jump, self._clock.mark())
            )
            log.warning(
                "the clock is %d s after the last that the store knows, and only the machine's "
                "clock says so: ages and budgets of what is under way do not count that time, and "
                "nothing is pruned by it for a day",
                jump // 1000,
            )

    async def _start(self) -> None:
        await self._open()
        highest = await self._parts.store.highest_id()
        self._parts.ids.above(highest)
        await self._begin_time(id_millis(highest))
        await self._parts.catalogue.start()
        await self._parts.runtime.start()
        await self._when_there_is_room(self._parts.node.join)
        self._parts.writer.start()
        if self._options.waiting_max:
            await self._count_waiting()  # before anything begins, or ends, that is counted then
        await self._parts.dispatch.start()
        await self._parts.suspects.start()
        await self._parts.deliver.start()
        for loop in (self._parts.node.loop, self._parts.minutes.loop, *self._chores()):
            loop.start()
        for lane in self._parts.lanes.all():
            if lane.deleted:
                self._parts.retire.note(lane)
        self._parts.accept.closed = self._parts.invoke.closed = False

    async def _open(self) -> None:
        """Open the store. Raises StartupError, StoreUnavailable."""
        # (Before the hold is taken the reserve is left alone: it may be that of a running service.)
        await self._when_there_is_room(self._parts.store.open)
        self._parts.room.opened()

    async def _when_there_is_room(self, write: Callable[[], Awaitable[T]]) -> T:
        """What that answers; on a disk so full that not even this can be done, as soon as it can.
        Raises what it raises for another reason."""
        said = False
        while True:
            try:
                done = await write()
            except StoreUnavailable as error:
                refusal = self._parts.room.lost(error)
                if not self._parts.room.full:
                    raise
                if not said:
                    self._notices.publish(StoreLost(refusal.detail))
                said = True
                self.held_up.set()
                await self._clock.sleep(OPEN_SECONDS)
            else:
                self.held_up.clear()
                return done

    async def _count_waiting(self) -> None:
        """What waits from before counts towards limits.waiting_max."""
        for counted in await self._parts.store.counts(self._clock.now()):
            lane = self._parts.lanes.get(counted.function_id)
            if lane is not None:
                lane.count_waiting(counted.waiting - lane.waiting)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, give back what has not begun, finish what runs within `seconds`, settle
        the rest as cut off, and leave the store. Idempotent."""
        if self.draining:
            return
        self.draining = True
        self._notices.publish(NodeDraining(self._parts.node.name))
        self._parts.accept.closed = True
        self._parts.invoke.close()
        self._parts.writer.leave()
        # What runs has its time from now on, whatever the store is waiting for.
        self._parts.dispatch.paused = self._parts.settle.draining = True
        loop, ends = asyncio.get_running_loop(), self._clock.now() + round(seconds * 1000)
        running = loop.create_task(self._parts.runtime.drain(seconds))
        sending = loop.create_task(self._parts.deliver.stop(seconds))
        await self._parts.accept.settled()
        await self._parts.dispatch.stop()
        await self._parts.suspects.loop.stop()
        for chore in self._chores():
            await chore.stop()
        await self._parts.writer.flush()  # claims on their way become runs, which are given back
        await self._parts.run.settled()
        await asyncio.sleep(0)  # they are
        await running
        until = max(ends, self._clock.now()) + LEAVE_MS
        await self._parts.results.settled(until)
        await self._parts.writer.written(until)
        await sending
        await self._parts.minutes.close()
        await self._parts.writer.stop()
        await self._parts.runtime.close()
        await self._parts.sending.close()
        await self._parts.node.leave()
        await self._parts.store.close()
        self._notices.publish(NodeStopped(self._parts.node.name, self._parts.settle.cut_off))

    async def end_runs(self) -> None:
        """End the processes of functions at once: a drain had no time for that. Idempotent."""
        await self._parts.runtime.close()

    async def close(self) -> None:
        """Let go of the store and of the processes of functions where the start failed. Idempotent."""
        await self._parts.runtime.close()
        await self._parts.store.close()

    def _chores(self) -> tuple[Loop, ...]:
        chores = [
            self._parts.rescue.loop,
            self._parts.expire.loop,
            self._parts.retire.loop,
            self._parts.prune.loop,
            self._parts.sweep.loop,
        ]
        if self._parts.store.shared:
            chores.append(self._parts.elsewhere.loop)
        return tuple(chores)
