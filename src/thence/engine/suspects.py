"""suspects: what was lost with a node may have ended it, so it runs one at a time, and alone.

Suspects (invocations that were lost before) are claimed here and nowhere else: only one of them is
running at any time, so that a loss can be blamed on it and on nothing that ran beside it (rescue.py).
While one has its turn the node begins nothing else. First it waits for what runs to end, but only for
half the time that others may be held back; what still runs then runs beside it and is not charged.
When that time is over, others go on beside it. After a turn they have the node for as long as it
kept them waiting, so suspects never take more than half of the time, and of a node that runs nothing
else they take no more than they need. Where all slots of its own function are taken the node goes on,
but the next of those slots is its: else a function with a backlog would never come to it. A turn in
vain, because no instance came free in it, is followed by a pause of another length each time: else
runs that end in step with the pauses would never let one begin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import Clock
from ..errors import ThenceError
from ..notices import Notices
from ..runtimes.interface import Runtime
from ..store.interface import Store
from ..store.records import Claim
from .dispatch import Dispatch
from .due_queue import DueQueue
from .flow import Flow
from .lanes import Lane, Lanes
from .lease import Lease
from .loop import Loop
from .running import Running
from .writer import Writer

QUIET_SECONDS = 0.02  # how often it is looked whether the node runs nothing
AGAIN_MS = 1000  # then a lane that cannot run now is looked at again


class Suspects:
    def __init__(
        self,
        lanes: Lanes,
        runtime: Runtime,
        dispatch: Dispatch,
        writer: Writer,
        store: Store,
        clock: Clock,
        notices: Notices,
        running: Running,
        flow: Flow,
        lease: Lease,
        *,
        alone_seconds: float,
        random: Callable[[], float],
    ) -> None:
        self._lanes = lanes
        self._runtime = runtime
        self._dispatch = dispatch
        self._writer = writer
        self._outage = writer.outage
        self._store = store
        self._clock = clock
        self._running = running
        self._flow = flow
        self._lease = lease
        self._alone_ms = round(alone_seconds * 1000)
        self._random = random
        self._due: DueQueue[Lane] = (
            DueQueue()
        )  # lanes that have suspects, and when the first is due
        self._kept: dict[Lane, None] = {}  # those whose next slot is kept
        self._busy = False  # one is claimed, or runs
        self._unknown: Lane | None = None  # its next due instant must be asked of the store
        self._empty = False  # because the last claim found nothing
        self._held_since: int | None = None  # others are held back since then
        self._pause_until = 0  # others have the node until then
        self.loop = Loop("suspects", self.once, clock, notices, interval_seconds=5.0)

    async def start(self) -> None:
        for function_id, due_at in (await self._store.suspects()).items():
            lane = self._lanes.get(function_id)
            if lane is not None:
                self._due.put(lane, due_at)
        self.loop.start()

    def note(self, lane: Lane, due_at: int) -> None:
        """One waits for its next attempt."""
        self._due.earlier(lane, due_at)
        self.loop.wake()

    def over(self) -> None:
        """The attempt of the one that ran is settled."""
        self._busy = False
        self._let_go()
        self.loop.wake()

    def forget(self, lane: Lane) -> None:
        """It was deleted, and nothing of it waits or runs any more."""
        self._due.drop(lane)
        self._keep(lane, False)

    async def once(self) -> float | None:
        """One step; how long until the next (s), unless something happens before."""
        now = self._clock.now()
        if self._busy:
            left = self._hold_left(now)
            if self._held_since is None:
                self._give_back()  # it may run for long, and nobody else's turn comes before
            return left
        if self._outage.down:
            self._let_go()
            return None  # nothing can be claimed
        if self._unknown is not None:
            await self._look(self._unknown)
            return 0
        if now < self._pause_until:
            return (self._pause_until - now) / 1000
        first = self._due.first()
        if first is None or first[1] > now:
            self._let_go()
            return None if first is None else (first[1] - now) / 1000
        lane = first[0]
        if lane.deleted:
            self._due.drop(lane)  # retire.py ends what waits
            self._keep(lane, False)
            return 0
        if not self._may_run(lane):
            self._keep_next(lane)
            return self._later(lane, now)
        self._hold(now)
        if not self._quiet() and now < self._begin_by():
            return QUIET_SECONDS
        if self._runtime.room(lane.function, alone=True) <= 0:
            return self._later(lane, now, in_vain=True)
        self._claim(lane, now)
        return self._hold_left(now)

    # ------------------------------------------------------------ the turn

    def _may_run(self, lane: Lane) -> bool:
        """Whether only others stand in its way."""
        family = lane.family
        if family.disabled is not None:
            return False
        if family.limit is not None and family.used >= family.limit:
            return False
        return lane.under_way + lane.unwritten < lane.function.spec.concurrency

    def _quiet(self) -> bool:
        return not len(self._running) and not self._runtime.occupancy().in_use

    def _later(self, lane: Lane, now: int, *, in_vain: bool = False) -> float:
        """Its turn is lost; that of the next lane comes. `in_vain`: the node was held back for it."""
        self._due.put(lane, now + AGAIN_MS)
        if in_vain:  # the node is in its way, so its own function need not wait for it
            self._keep(lane, False)
        pause = self._pause_until
        self._let_go()
        if in_vain and self._pause_until > max(pause, now):
            self._pause_until += round((self._pause_until - now) * self._random())
        return 0.001

    def _claim(self, lane: Lane, now: int) -> None:
        self._busy, self._unknown = True, lane
        lane.slots.take(lane)
        self._keep(lane, False)
        claim = Claim(lane.function.id, 1, self._lease.number, now, suspects=True)

        def done(claimed: Any, error: ThenceError | None) -> None:
            lane.slots.release(lane)
            self._empty = error is None and not claimed
            if error is None and claimed:
                lane.count_waiting(-1)
                self._flow.begin(lane, claimed[0])
            else:
                self.over()
                self._dispatch.freed(lane)

        self._writer.claim(claim, done)

    def _keep_next(self, lane: Lane) -> None:
        """Of its own slots, and of those of all versions once only these are missing: nothing is kept
        that its suspect could not use."""
        family, concurrency = lane.family, lane.function.spec.concurrency
        all_taken = family.limit is not None and family.used >= family.limit
        own_left = lane.under_way + lane.unwritten < concurrency
        self._keep(lane, concurrency > 0, own_left and all_taken)

    def _keep(self, lane: Lane, keeps: bool, of_all: bool = False) -> None:
        before = lane.keeps, lane.keeps_of_all
        if before == (keeps, of_all):
            return
        lane.keep_slot(keeps, of_all)
        if keeps:
            self._kept[lane] = None
        else:
            self._kept.pop(lane, None)
        if before > (keeps, of_all):
            self._dispatch.freed(lane)

    def _give_back(self) -> None:
        """All that is kept."""
        for lane in list(self._kept):
            self._keep(lane, False)

    async def _look(self, lane: Lane) -> None:
        """When its next one is due, now that one was claimed."""
        self._due.drop(lane)
        due = (await self._store.suspects(lane.function.id)).get(lane.function.id)
        self._unknown = None
        if due is not None:
            # It stands behind the lanes that wait already, else one with many would keep those waiting.
            # Due, yet perhaps not to be claimed, because past its age: never look at once again.
            again = self._clock.now() + (AGAIN_MS if self._empty else 0)
            self._due.earlier(lane, max(due, again))

    # ------------------------------------------------------------ holding others back

    def _hold(self, now: int) -> None:
        if self._held_since is None and self._alone_ms:
            self._held_since = now
            self._dispatch.hold_back(True)

    def _begin_by(self) -> int:
        """Then it begins, whatever runs beside it."""
        return 0 if self._held_since is None else self._held_since + self._alone_ms // 2

    def _hold_left(self, now: int) -> float | None:
        if self._held_since is None:
            return None
        left = self._held_since + self._alone_ms - now
        if left > 0:
            return left / 1000
        self._let_go()
        return None

    def _let_go(self) -> None:
        if self._held_since is not None:
            now = self._clock.now()
            self._pause_until = 2 * now - self._held_since
            self._held_since = None
            self._dispatch.hold_back(False)
