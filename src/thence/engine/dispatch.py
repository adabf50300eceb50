"""dispatch: give what is due to instances that are free, fairly between functions.

A lane (function) is looked at when something happens to it: an invocation is due, a run has ended, a
claim has come back. It is given as many claims as its function has room for, in one statement; the
claim is committed before the run is handed over. What keeps a lane from more decides where it waits,
and so which event has it looked at again: its own limit (a run of its own ends), the limit or switch
of all versions (one of theirs ends, `family.parked`), or the node (node_queue.py). No event looks at more
lanes than it serves, whatever their number. A just-accepted invocation of a lane with room and no
backlog is claimed in its own accept and never read back (design §4).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Any

from ..clock import Clock
from ..errors import ThenceError
from ..notices import InvocationThrottled, Notices
from ..runtimes.interface import Runtime
from ..store.interface import Store
from ..store.records import Claim
from .alarm import Alarm
from .due_queue import DueQueue
from .family import Family
from .flow import Flow
from .lanes import UNKNOWN, Lane, Lanes
from .lease import Lease
from .loop import Loop
from .node_queue import LOOKED_AT_MAX, NodeQueue
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
        flow: Flow,
        lease: Lease,
        *,
        held: Callable[[Lane], None],
        claim_max: int,
    ) -> None:
        """held: told when a lane comes to a limit with a backlog."""
        self._lanes = lanes
        self._runtime = runtime
        self._writer = writer
        self._outage = writer.outage
        self._store = store
        self._clock = clock
        self._notices = notices
        self._claim_max = claim_max
        self._turn: OrderedDict[Lane, None] = OrderedDict()  # lanes to be looked at
        self.node_queue = NodeQueue(runtime)
        self._later: DueQueue[Lane] = DueQueue()  # when what waits and is not due yet will be
        self._alarm = Alarm(clock, self._due)
        self._look: dict[int, Lane] = {}  # lanes whose next due instant must be asked of the store
        self._empty: set[int] = set()  # of these, those whose last claim found nothing
        self.loop = Loop("dispatch", self._look_ahead, clock, notices, interval_seconds=5.0)
        self._pumping = False
        self._turns = 0  # that lanes had
        self._flow = flow
        self._lease = lease
        self._held = held
        self.paused = True
        self.held_back = False
        """Nothing begins, because a suspect has the node; see hold_back()."""

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Learn what waits, without reading it, and begin."""
        now = self._clock.now()
        for function_id, due_at in (await self._store.due_functions()).items():
            lane = self._lanes.get(function_id)
            if lane is not None and due_at is not None:
                self.note(lane, due_at, now, UNKNOWN)
        self._runtime.on_room(self._on_room)
        self.paused = False
        self.loop.start()
        self.pump()

    async def stop(self) -> None:
        """No more claims. Those on their way are given back by the settle that follows."""
        self.paused = True
        await self.loop.stop()
        self._alarm.cancel()

    # ------------------------------------------------------------ being told

    def room(self, lane: Lane) -> int:
        """Room for just-accepted invocations: what older ones that wait leave of it."""
        if self.paused or lane.deleted:
            return 0
        room = self.free(lane) - lane.backlog
        return room if room > 0 else 0

    def free(self, lane: Lane, *, written: bool = True) -> int:
        """Room that is promised to nobody; 0 or less: none. Where a limit counts for all versions
        together, each run takes one of its slots, also where it would share an instance. `written`:
        what the run comes to is, as that of a synchronous call is not."""
        if (
            self.held_back
            or lane.family.disabled is not None
            or (self.node_queue.buckets and self.node_queue.before(lane))
        ):
            return 0
        return lane.slots.free(lane, self._runtime.room(lane.function), written=written)

    def note(self, lane: Lane, due_at: int, now: int, number: int = 1) -> None:
        """So many of that lane wait in the store and are due then."""
        if due_at <= now:
            lane.ready = True
            lane.backlog += number
            self._turn[lane] = None
        elif self._later.earlier(lane, due_at):
            self._alarm.arm(due_at)

    def wait_for_slot(self, lane: Lane, call: Callable[[], None]) -> None:
        """A synchronous call waits for a slot; such calls go before the backlog."""
        lane.queue_call(call)
        self._turn[lane] = None

    def throttled(self, lane: Lane, id: int) -> None:
        """An invocation has to wait, because its function is at its limit or the node is full."""
        self._hold(lane)
        if self._notices.wanted(InvocationThrottled) and lane.at_limit(lane.under_way):
            self._notices.publish(InvocationThrottled(id, lane.function.name))

    def _hold(self, lane: Lane) -> None:
        if lane.throttled_since is None:
            lane.throttled_since = self._clock.now()
            self._held(lane)

    def freed(self, lane: Lane) -> None:
        """A run of that lane has ended, or room that was promised to it is not used."""
        family = lane.family
        if self._outage.down and not self.paused:
            self._begin_calls(lane)  # nothing of them is written; all else waits for the store
        if family.parked:
            if lane.ready or lane.sync_waiters:
                family.parked[lane] = None  # it is not simply its own: others of it may come first
            self._unpark(family)
        elif lane.ready or lane.sync_waiters:
            self._turn[lane] = None
        if family.bucket is not None:
            self.node_queue.served(lane)
        if self._turn or self.node_queue.buckets:
            self.pump()

    def left(self, family: Family[Lane]) -> None:
        """A run of it is over, perhaps without a word of the runtime's, as it could not even begin:
        a slot of the limit of all versions may be free."""
        if family.parked and not family.held:
            self._unpark(family)
            self.pump()

    def hold_back(self, held_back: bool) -> None:
        """For suspects.py: nothing begins, until it is told otherwise."""
        self.held_back = held_back
        self.pump()

    def forget(self, lane: Lane) -> None:
        """It was deleted, and nothing of it waits or runs any more."""
        self._turn.pop(lane, None)
        self._later.drop(lane)
        self.node_queue.leave(lane)
        if lane.family.parked:
            lane.family.parked.pop(lane, None)
            self.left(lane.family)  # it may have been the one to be looked at before these

    def control_changed(self, family: Family[Lane]) -> None:
        """Another limit or switch counts for it: all its lanes that wait for that are looked at."""
        while family.parked:
            self._turn[family.parked.popitem(last=False)[0]] = None
        self.pump()

    def _on_room(self, function_id: int) -> None:
        lane = self._lanes.get(function_id)
        if lane is not None:
            self.freed(lane)
        elif self.node_queue.buckets:
            self.pump()

    # ------------------------------------------------------------ doing

    def pump(self) -> None:
        """Look at every lane to which something has happened, and give what the node has to those
        that stand in line for it. Cheap when there is nothing to do."""
        if self.paused or self.held_back or self._pumping or self._outage.down:
            return
        self._pumping = True
        try:
            while self._turn:
                lane, _ = self._turn.popitem(last=False)
                if self.node_queue.buckets:
                    # What has come free is not simply its own: who holds less comes first.
                    if self._has_work(lane):
                        self.node_queue.enter(lane)
                    self._deal()
                self._serve(lane)
                self._unpark(lane.family)
            if self.node_queue.buckets:
                self._deal()
        finally:
            self._pumping = False

    def _deal(self) -> None:
        """Serve those that wait for the node until it has no more to give."""
        while (lane := self.node_queue.first()) is not None and self._serve(lane):
            pass

    @staticmethod
    def _has_work(lane: Lane) -> bool:
        if lane.deleted:
            return bool(lane.sync_waiters)
        return bool(lane.sync_waiters) or (lane.ready and not lane.claiming)

    def _begin_calls(self, lane: Lane) -> None:
        """Its synchronous calls, as far as there is room."""
        while lane.sync_waiters and self.free(lane, written=False) > 0:
            self._turns += 1
            lane.last_turn = self._turns
            lane.next_call()()

    def _serve(self, lane: Lane) -> bool:
        """Give one lane what it has room for. False: it waits for the node."""
        self._begin_calls(lane)
        if not self._has_work(lane):
            self.node_queue.leave(lane)
            return True
        room = self.free(lane)
        if room <= 0:
            return self._put_aside(lane)
        self.node_queue.leave(lane)
        self._claim(lane, min(room, self._claim_max, max(lane.backlog, 1)))
        return True

    def _put_aside(self, lane: Lane) -> bool:
        """To where the event that gives it room will find it. False: it waits for the node."""
        family = lane.family
        if lane.ready and family.disabled is None:
            self._hold(lane)
        if family.held:
            self.node_queue.leave(lane)
            if family.parked is None:
                family.parked = OrderedDict()
            family.parked[lane] = None
            return True
        if (lane.filled and not lane.sync_waiters) or (lane.keeps and lane.beside() <= 0):
            self.node_queue.leave(lane)
            return True
        if self.node_queue.before(lane) or self._runtime.crowded(lane.function):
            self.node_queue.enter(lane)
            return False
        self.node_queue.leave(lane)
        return True

    def _unpark(self, family: Family[Lane]) -> None:
        """One more of it may begin: of its lanes the one is looked at whose last turn is longest ago,
        and after that the next."""
        parked = family.parked
        if parked and not family.held:
            lane = min(islice(parked, LOOKED_AT_MAX), key=_last_turn)
            del parked[lane]
            self._turn[lane] = None

    def _claim(self, lane: Lane, limit: int) -> None:
        self._turns += 1
        lane.last_turn = self._turns
        lane.claiming = limit
        lane.slots.take(lane, limit)
        lane.backlog = left = max(0, lane.backlog - limit)
        if lane.family.bucket is not None:
            self.node_queue.look(lane.family)
        claim = Claim(lane.function.id, limit, self._lease.number, self._clock.now())

        def done(claimed: Any, error: ThenceError | None) -> None:
            lane.claiming = 0
            lane.slots.release(lane, limit)
            if error is not None:
                lane.backlog += limit
                # The store is away: it stays ready, the writer's return pumps again.
                self._turn[lane] = None
                if not self.paused:
                    self._begin_calls(lane)  # what was promised to the claim is free for them
                return
            lane.count_waiting(-len(claimed))
            for claim in claimed:
                self._flow.begin(lane, claim)
            if len(claimed) < limit:
                # That is all that was due then. What was noted since still is, and comes first.
                lane.backlog = max(0, lane.backlog - left)
                lane.ready = lane.backlog > 0
                if not lane.ready:
                    lane.throttled_since = None
                self._look[lane.function.id] = lane
                if not claimed:
                    self._empty.add(lane.function.id)
                self.loop.wake()
            elif not lane.backlog:
                lane.backlog = UNKNOWN  # more than was counted may be due
            self.freed(lane)

        self._writer.claim(claim, done)

    async def _look_ahead(self) -> float | None:
        """Ask the store when the next waiting invocation of the emptied lanes is due."""
        if not self._look:
            # By the timer alone: should anything ever be missed, it waits no longer than this.
            for lane in self._lanes.all():
                if lane.ready or lane.sync_waiters:
                    self._turn[lane] = None
            self.pump()
            return None
        lanes, self._look = self._look, {}
        empty, self._empty = self._empty, set()
        try:
            due = await self._store.next_due(list(lanes))
        except Exception:
            # Nothing was answered, whatever it was: they are looked at again.
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
        while (lane := self._later.pop_due(now)) is not None:
            lane.ready = True
            lane.backlog += UNKNOWN
            self._turn[lane] = None
        self.pump()
        return self._later.next()


def _last_turn(lane: Lane) -> int:
    return lane.last_turn
