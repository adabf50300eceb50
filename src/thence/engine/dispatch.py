"""dispatch: give what is due to instances that are free, fairly between functions.

Each lane (function) takes turns. A lane is given as many claims as its function has room for, in
one statement; the claim is committed before the run is handed over. A just-accepted invocation of a
lane with room and no backlog is claimed in its own accept and never read back (design §4).

Fairness: when the node's instances are all taken and some lane waits for its first, lanes that hold
more than an equal share get nothing until it has one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import Clock
from ..errors import ThenceError
from ..notices import InvocationThrottled, Notices
from ..runtimes.interface import Runtime
from ..store.interface import Store
from ..store.records import Claim, Claimed
from .alarm import Alarm
from .lanes import UNKNOWN, Lane, Lanes
from .loop import Loop
from .writer import Writer

AGED_MS = 1000


class Dispatch:
    def __init__(
        self,
        lanes: Lanes,
        runtime: Runtime,
        writer: Writer,
        store: Store,
        clock: Clock,
        notices: Notices,
        *,
        claim_max: int,
    ) -> None:
        self._lanes = lanes
        self._runtime = runtime
        self._writer = writer
        self._store = store
        self._clock = clock
        self._notices = notices
        self._claim_max = claim_max
        self._turn: dict[int, Lane] = {}  # lanes with something to do, the next to be served first
        self._starving = False
        self._share = 0.0  # instances that a lane may have while another has none
        self._alarm = Alarm(clock, self._due)
        self._look: dict[int, Lane] = {}  # lanes whose next due instant must be asked of the store
        self._empty: set[int] = set()  # of these, those whose last claim found nothing
        self._loop = Loop("dispatch", self._look_ahead, clock, notices, interval_seconds=5.0)
        self._pumping = False
        self.lease = 0
        self.paused = True
        self.begin: Callable[[Lane, Claimed], None]
        """Hands a committed claim to the runtime; set by the engine."""
        self.held: Callable[[Lane], None]
        """Told when a lane comes to a limit with a backlog; set by the engine."""

    # ------------------------------------------------------------ life

    async def start(self, lease: int) -> None:
        """Learn what waits, without reading it, and begin."""
        self.lease = lease
        now = self._clock.now()
        for function_id, due_at in (await self._store.due_functions()).items():
            lane = self._lanes.get(function_id)
            if lane is not None:
                self.note(lane, due_at, now, UNKNOWN)
        self._runtime.on_room(self._on_room)
        self.paused = False
        self._loop.start()
        self.pump()

    async def stop(self) -> None:
        """No more claims. Those on their way are given back by the settle that follows."""
        self.paused = True
        await self._loop.stop()
        self._alarm.cancel()

    # ------------------------------------------------------------ being told

    def room(self, lane: Lane) -> int:
        """Room for just-accepted invocations: what older ones that wait leave of it."""
        if self.paused or lane.deleted or (self._starving and self._over_share(lane)):
            return 0
        room = self.free(lane) - lane.backlog
        return room if room > 0 else 0

    def free(self, lane: Lane) -> int:
        """Room that is promised to nobody; 0 or less: none. Where a limit counts for all versions
        together, each run takes one of its slots, also where it would share an instance."""
        family = lane.family
        if family.disabled is not None:
            return 0
        room = self._runtime.room(lane.function, promised=self._lanes.promised) - lane.reserved
        return room if family.limit is None else min(room, family.limit - family.used)

    def note(self, lane: Lane, due_at: int, now: int, number: int = 1) -> None:
        """So many of that lane wait in the store and are due then."""
        lane.note_due(due_at, now, number)
        if lane.ready:
            self._turn.setdefault(lane.function.id, lane)
        elif lane.next_due is not None:
            self._alarm.arm(lane.next_due)

    def wait_for_slot(self, lane: Lane, call: Callable[[], None]) -> None:
        """A synchronous call waits for a slot; such calls go before the backlog."""
        lane.sync_waiters.append(call)
        self._turn.setdefault(lane.function.id, lane)

    def throttled(self, lane: Lane, id: int) -> None:
        """An invocation has to wait because its function is at its limit."""
        self._hold(lane)
        if self._notices.wanted(InvocationThrottled):
            self._notices.publish(InvocationThrottled(id, lane.function.name))

    def _hold(self, lane: Lane) -> None:
        if lane.throttled_since is None:
            lane.throttled_since = self._clock.now()
            self.held(lane)

    def _on_room(self, function_id: int) -> None:
        if self._turn:
            self.pump()

    def _over_share(self, lane: Lane) -> bool:
        return self._runtime.limits(lane.function)[0] > self._share

    def _equal_share(self) -> float:
        """Of the instances in use, what each lane in turn would have."""
        used = (self._runtime.limits(lane.function)[0] for lane in self._turn.values())
        return sum(used) / max(1, len(self._turn))

    # ------------------------------------------------------------ doing

    def pump(self) -> None:
        """Give every lane in turn what it has room for. Cheap when there is nothing to do."""
        if self.paused or self._pumping or self._writer.down:
            return
        self._pumping = True
        try:
            starving = False
            for lane in list(self._turn.values()):
                starving = self._serve(lane) or starving
            if starving:
                self._share = self._equal_share()
            self._starving = starving
        finally:
            self._pumping = False

    def _serve(self, lane: Lane) -> bool:
        """One lane's turn. True: it has work, nothing running, and got no room."""
        function = lane.function
        while lane.sync_waiters and self.free(lane) > 0:
            lane.sync_waiters.popleft()()
        if not lane.ready or lane.deleted:
            if lane.sync_waiters:
                return self._has_nothing(lane)
            self._turn.pop(function.id, None)
            return False
        if lane.claiming:
            return False
        if self._starving and self._over_share(lane):
            return False
        room = self.free(lane)
        if room <= 0:
            if lane.family.disabled is None:
                self._hold(lane)
            return self._has_nothing(lane)
        self._claim(lane, min(room, self._claim_max, max(lane.backlog, 1)))
        # Served: to the end of the turn.
        self._turn.pop(function.id, None)
        self._turn[function.id] = lane
        return False

    def _has_nothing(self, lane: Lane) -> bool:
        """It could run something and runs nothing: others have all there is."""
        function = lane.function
        return (
            function.spec.concurrency > 0
            and lane.reserved == 0
            and not lane.family.held
            and self._runtime.limits(function)[0] == 0
        )

    def _claim(self, lane: Lane, limit: int) -> None:
        lane.claiming = limit
        lane.reserve(limit)
        lane.backlog = max(0, lane.backlog - limit)
        claim = Claim(lane.function.id, limit, self.lease, self._clock.now())

        def done(claimed: Any, error: ThenceError | None) -> None:
            lane.claiming = 0
            lane.reserve(-limit)
            if error is not None:
                lane.backlog += limit
                return  # the store is away: the lane stays ready, the writer's return pumps again
            lane.waiting = max(0, lane.waiting - len(claimed))
            for one in claimed:
                self.begin(lane, one)
            if len(claimed) < limit:
                # That is all that was due. What was accepted since counts for itself.
                lane.ready = False
                lane.backlog = 0
                lane.throttled_since = None
                self._look[lane.function.id] = lane
                if not claimed:
                    self._empty.add(lane.function.id)
                self._loop.wake()
            elif not lane.backlog:
                lane.backlog = UNKNOWN  # more than was counted may be due
            self.pump()

        self._writer.claim(claim, done)

    async def _look_ahead(self) -> float | None:
        """Ask the store when the next waiting invocation of the emptied lanes is due."""
        if not self._look:
            self.pump()  # should anything ever be missed, it waits no longer than this
            return None
        lanes, self._look = self._look, {}
        empty, self._empty = self._empty, set()
        try:
            due = await self._store.next_due(list(lanes))
        except Exception:
            self._look.update(lanes)
            self._empty |= empty
            raise
        now = self._clock.now()
        for function_id, due_at in due.items():
            if due_at <= now and function_id in empty:
                # Due, yet not to be claimed: past its age. expire() ends it; do not spin until then.
                due_at = now + AGED_MS
            self.note(lanes[function_id], due_at, now, UNKNOWN)
        self.pump()
        return None

    # ------------------------------------------------------------ the next instant

    def _due(self, now: int) -> int | None:
        """Some lane's next instant has come."""
        earliest: int | None = None
        for lane in self._lanes.all():
            if lane.next_due is None:
                continue
            if lane.next_due <= now:
                lane.next_due = None
                lane.ready = True
                lane.backlog += UNKNOWN
                self._turn.setdefault(lane.function.id, lane)
            elif earliest is None or lane.next_due < earliest:
                earliest = lane.next_due
        self.pump()
        return earliest
