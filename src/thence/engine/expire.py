"""expire: waiting invocations whose event age has ended, or that were held at a limit for the whole
time for platform errors (seed alibaba-fc-retries: 429 and 503 for up to five hours).

Held at the function's own limit they end as `concurrency_limit`, else, for want of an instance, as
`no_resources`. One timer rings at the next instant of either kind; work per event is constant for
event ages and logarithmic in the lanes that are at a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush

from ..catalog.function import Function
from ..clock import Clock
from ..lifecycle.states import Reason, State
from ..notices import Notices
from ..store.interface import Store
from .end import EndWaiting
from .lanes import Lane, Lanes
from .loop import Loop

STEP = 200
LOOK_SECONDS = 60.0  # should an instant ever be missed, it is found after so long


class Expire:
    """slots_used: of a function on this node, now."""

    def __init__(
        self,
        lanes: Lanes,
        store: Store,
        ending: EndWaiting,
        clock: Clock,
        notices: Notices,
        *,
        slots_used: Callable[[Function], int],
    ) -> None:
        self._lanes = lanes
        self._store = store
        self._ending = ending
        self._clock = clock
        self._notices = notices
        self._slots_used = slots_used
        self.loop = Loop("expire", self.once, clock, notices, interval_seconds=LOOK_SECONDS)
        self._next: int | None = None  # the next event age to end, as far as known
        self._budgets: list[tuple[int, int]] = []  # heap: (when to look, function id)
        self._noted: set[int] = set()  # the functions in it

    def note(self, expires_at: int) -> None:
        """Something waits that expires then."""
        if self._next is None or expires_at < self._next:
            self._next = expires_at
            self.loop.wake()

    def held(self, lane: Lane) -> None:
        """What waits there is held at a limit from now on. One entry a lane, whatever the backlog
        and however often the limit is reached."""
        budget_ms = _budget_ms(lane)
        if budget_ms is None or lane.throttled_since is None or lane.function.id in self._noted:
            return
        when = lane.throttled_since + budget_ms
        first = not self._budgets or when < self._budgets[0][0]
        self._noted.add(lane.function.id)
        heappush(self._budgets, (when, lane.function.id))
        if first:
            self.loop.wake()

    async def once(self) -> float | None:
        now = self._clock.now()
        done = await self._aged(now)
        done = await self._over_budget(now) or done
        if done:
            return 0
        self._next = None
        following = await self._store.next_expiry()
        # Meanwhile note() may have been told of another.
        known = [instant for instant in (following, self._next) if instant is not None]
        self._next = min(known, default=None)
        if self._budgets:
            known.append(self._budgets[0][0])
        wait = (min(known) - self._clock.now()) / 1000 if known else LOOK_SECONDS
        return min(max(wait, 0.001), LOOK_SECONDS)

    async def _aged(self, now: int) -> bool:
        found = await self._store.expiring(now, STEP)
        ends = (
            self._ending.end(waiting, State.EXPIRED, Reason.EVENT_AGE_EXCEEDED) for waiting in found
        )
        await asyncio.gather(*ends)
        return bool(found)

    # ------------------------------------------------------------ held at a limit

    async def _over_budget(self, now: int) -> bool:
        """Of each lane whose instant has come, one step."""
        due = []
        while self._budgets and self._budgets[0][0] <= now:
            due.append(heappop(self._budgets)[1])
        any_ended = False
        for number, id in enumerate(due):
            try:
                ended, again = await self._held_too_long(id, now)
            except BaseException:
                for left in due[number:]:
                    heappush(self._budgets, (now, left))
                raise
            if again is None:
                self._noted.discard(id)
            else:
                heappush(self._budgets, (again, id))
            any_ended = ended or any_ended
        return any_ended

    async def _held_too_long(self, id: int, now: int) -> tuple[bool, int | None]:
        """(whether any has ended, when to look again). None: it is at no limit any more."""
        lane = self._lanes.get(id)
        budget_ms = None if lane is None else _budget_ms(lane)
        if lane is None or budget_ms is None or lane.deleted or lane.throttled_since is None:
            return False, None
        if lane.throttled_since + budget_ms > now:
            return False, lane.throttled_since + budget_ms
        found = await self._store.waiting(id, STEP, due_before=now - budget_ms + 1)
        limit = lane.filled or lane.at_limit(self._slots_used(lane.function))
        reason = Reason.CONCURRENCY_LIMIT if limit else Reason.NO_RESOURCES
        if any(
            await asyncio.gather(
                *(self._ending.end(waiting, State.FAILED, reason) for waiting in found)
            )
        ):
            return True, now
        # The oldest has not waited that long; where none waits, none will have before that.
        oldest = await self._store.waiting(id, 1)
        since = _since(lane)  # it may have changed meanwhile
        if since is None:
            return False, None
        return False, max(since, oldest[0].due_at if oldest else now) + budget_ms


def _since(lane: Lane) -> int | None:
    return lane.throttled_since


def _budget_ms(lane: Lane) -> int | None:
    seconds = lane.own.policy.platform_seconds
    return None if seconds is None else round(seconds * 1000)
