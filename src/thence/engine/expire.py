"""expire: waiting invocations whose event age has ended, or that were held at their function's
limit for the whole platform budget (seed alibaba-fc-retries: 429 for up to five hours)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..clock import Clock
from ..lifecycle.states import Reason, State
from ..notices import InvocationSettled, Notices
from ..store.interface import Store
from ..store.records import End, Waiting
from .lanes import Lane, Lanes
from .loop import Loop
from .writer import Writer

STEP = 200


class Expire:
    def __init__(
        self,
        lanes: Lanes,
        store: Store,
        writer: Writer,
        clock: Clock,
        notices: Notices,
        *,
        platform_budget_seconds: float,
    ) -> None:
        self._lanes = lanes
        self._store = store
        self._writer = writer
        self._clock = clock
        self._notices = notices
        self._budget_ms = round(platform_budget_seconds * 1000)
        self.loop = Loop("expire", self.once, clock, notices, interval_seconds=60.0)
        self._next: int | None = None
        self.owed: Callable[[Lane, State, int, str], tuple[Any, ...]]
        """settle.owed; set by the engine."""
        self.note_delivery: Callable[[str, int], None]

    def note(self, expires_at: int) -> None:
        """Something waits that expires then."""
        if self._next is None or expires_at < self._next:
            self._next = expires_at
            self.loop.wake()

    async def once(self) -> float | None:
        now = self._clock.now()
        done = await self._aged(now)
        done = await self._throttled(now) or done
        if done:
            return 0
        self._next = None
        following = await self._store.next_expiry()
        # Meanwhile note() may have been told of another.
        known = [one for one in (following, self._next) if one is not None]
        self._next = min(known, default=None)
        waits = [(self._next - now) / 1000] if self._next is not None else []
        for lane in self._lanes.all():
            if lane.throttled_since is not None:
                waits.append((lane.throttled_since + self._budget_ms - now) / 1000)
        wait = min(waits, default=60.0)
        return min(max(wait, 0.01), 60.0)

    async def _aged(self, now: int) -> bool:
        found = await self._store.expiring(now, STEP)
        ends = (self.end(one, State.EXPIRED, Reason.EVENT_AGE_EXCEEDED) for one in found)
        await asyncio.gather(*ends)
        return bool(found)

    async def _throttled(self, now: int) -> bool:
        any_ended = False
        for lane in self._lanes.all():
            since = lane.throttled_since
            if since is None or since + self._budget_ms > now:
                continue
            found = await self._store.waiting(
                lane.function.id, STEP, due_before=now - self._budget_ms + 1
            )
            ends = (self.end(one, State.FAILED, Reason.PLATFORM_ERRORS_EXHAUSTED) for one in found)
            any_ended = any(await asyncio.gather(*ends)) or any_ended
            if not found:
                # The oldest has not waited that long: look again when it will have.
                oldest = await self._store.waiting(lane.function.id, 1)
                lane.throttled_since = min(oldest[0].due_at, now) if oldest else None
        return any_ended

    async def end(self, waiting: Waiting, state: State, reason: Reason) -> bool:
        """End a waiting invocation; False: it does not wait any more."""
        lane = self._lanes.get(waiting.function_id)
        if lane is None:
            return False
        now = self._clock.now()
        deliveries = self.owed(lane, state, now, waiting.qualifier)
        end = End(waiting.id, waiting.function_id, state, reason, now, deliveries)
        applied: bool = await self._writer.wait(self._writer.end, end)
        if applied:
            lane.waiting = max(0, lane.waiting - 1)
            if self._notices.wanted(InvocationSettled):
                self._notices.publish(
                    InvocationSettled(waiting.id, lane.function.name, state, reason, 0)
                )
            for delivery in deliveries:
                self.note_delivery(delivery.key, delivery.due_at)
        return applied
