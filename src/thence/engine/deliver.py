"""deliver: send each owed record, by its own retries, until delivered or a dead letter.

Deliveries have lanes of their own, one a destination key, each with a limit of tries under way, and
a bound on all of them: turns.py says whose turn it is. The outbox is the store; memory holds only
the keys that owe something and what is being sent.

No event looks at all keys: a claim answers when its own key is due next, and the next instant of all
keys comes from a heap. The one loop over all keys is that of start().

What a run owes to this store itself (the mailbox, its functions) is made in the commit that owes it,
by place.py; what comes here of that kind waited for something (a function that was disabled, a large
body, an end without a run) and is made in batches, with a bound of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from ..clock import Clock
from ..errors import StoreDamaged, StoreUnavailable, ThenceError
from ..lifecycle.delivery import DeliveryPolicy
from ..lifecycle.ids import format_id
from ..notices import Notices
from ..store.blobs import BlobStore
from ..store.interface import Store
from ..store.records import ClaimedDeliveries, DeliveryClaim, DeliverySource, DeliveryView
from .alarm import Alarm
from .lease import Lease
from .sending import Sending
from .tasks import Tasks
from .tries import Made, Tries
from .turns import CLAIM_MAX, Key, Trust, Turns, Waits
from .writer import Writer

log = logging.getLogger("thence.deliver")

AGAIN_MS = 1000  # after a store that did not answer
IDLE_MAX = 4096  # receivers to whom nothing is owed, remembered by how they answered
LOCAL_TRIES_MAX = 4 * CLAIM_MAX  # to boxes and functions of this store: they hold no connection


class _Lane(Key):
    """One key, and the turns that it takes part in."""

    __slots__ = ("turns",)

    def __init__(self, name: str, concurrency: int, trust: Trust, turns: Turns) -> None:
        super().__init__(name, concurrency, trust)
        self.turns = turns


class Deliver:
    """concurrency: tries under way at one receiver. tries_max: at all of them together."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        blobs: BlobStore,
        clock: Clock,
        notices: Notices,
        *,
        policy: DeliveryPolicy,
        concurrency: int,
        tries_max: int,
        timeout_seconds: float,
        function_name: Callable[[int], str],
        lease: Lease,
        sending: Sending,
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._concurrency = concurrency
        # A claim outlives the try it is for, also when fetching a blob is slow.
        self._claim_ms = round((timeout_seconds * 2 + 30) * 1000)
        self.tries = Tries(blobs, clock, notices, policy, function_name, send=sending)
        self._keys: dict[str, _Lane] = {}
        self._idle: dict[str, _Lane] = {}  # the one that has been idle for longest first
        self._remote, self._local = Turns(tries_max), Turns(LOCAL_TRIES_MAX)
        self._waits = Waits()
        self._away_until = 0
        self._alarm = Alarm(clock, self._ring)
        self._tasks = Tasks()
        self.paused = True
        self._lease = lease
        self._local_key = sending.local

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        self.paused = False
        now = self._clock.now()
        for key, due_at in (await self._store.delivery_keys()).items():
            self.note(key, due_at, now)

    async def stop(self, seconds: float) -> None:
        """No further tries. Those under way may finish within `seconds`; the others are given up
        here and are due again as soon as this node has left the store."""
        self.paused = True
        self._alarm.cancel()
        timer = self._clock.call_at(self._clock.now() + round(seconds * 1000), self._tasks.cancel)
        await self._tasks.settled()
        timer.cancel()

    @property
    def keys(self) -> int:
        """How many receivers are kept in memory: those that are owed something."""
        return len(self._keys)

    def note(self, key: str, due_at: int, now: int | None = None) -> None:
        """A delivery of that key is owed from then on."""
        lane = self._keys.get(key)
        if lane is None:
            lane = self._keys[key] = self._new(key)
        if due_at <= (self._clock.now() if now is None else now):
            lane.ready = True
            lane.turns.add(lane)
            self._pump()
        elif lane.next_due is None or due_at < lane.next_due:
            self._waits.put(lane, due_at)
            self._arm(due_at)

    def _new(self, key: str) -> _Lane:
        known = self._idle.pop(key, None)
        if known is not None:
            return known
        if self._local_key(key):
            return _Lane(key, CLAIM_MAX, Trust.PROMPT, self._local)
        return _Lane(key, self._concurrency, Trust.NEW, self._remote)

    # ------------------------------------------------------------ claiming

    def _pump(self) -> None:
        """Claim for those whose turn it is, while there is room."""
        for turns in (self._local, self._remote):
            # While the store is away a claim is refused before _claim() returns: then all wait.
            while not (self.paused or self._away_until) and (turn := turns.next()) is not None:
                self._claim(*turn)

    def _claim(self, lane: Key, trust: Trust, number: int) -> None:
        assert isinstance(lane, _Lane)
        # What is noted from here on may not be in this claim: it sets `ready` again.
        lane.ready, lane.claiming = False, True
        now = self._clock.now()
        claim = DeliveryClaim(lane.name, number, now, now + self._claim_ms, self._lease.number)
        self._writer.claim_deliveries(claim, partial(self._claimed, lane, trust, number))

    def _claimed(
        self, lane: _Lane, trust: Trust, number: int, answer: Any, error: ThenceError | None
    ) -> None:
        lane.claiming = False
        if error is not None:
            # The store is away: nobody is claimed for until it is asked again, in a moment.
            lane.turns.release(trust, number)
            if isinstance(error, StoreDamaged):
                self.paused = True  # it does not come back; the next start sends what is owed
                return
            lane.ready = True
            lane.turns.add(lane)
            self._away_until = self._clock.now() + AGAIN_MS
            self._arm(self._away_until)
            return
        claimed: ClaimedDeliveries = answer
        taken = claimed.taken
        lane.turns.release(trust, number - len(taken))
        if taken:
            lane.under_way += len(taken)
            self._tasks.spawn(self._send_all(lane, trust, taken))
        if len(taken) == number:
            lane.ready = True
        elif claimed.next_due is not None:
            self.note(lane.name, claimed.next_due)
        else:
            self._waits.drop(lane)
        self._go_on(lane)

    def _go_on(self, lane: _Lane) -> None:
        """Something of it is over: its next turn, or nothing is owed to it any more."""
        lane.turns.add(lane)
        idle = not (lane.ready or lane.claiming or lane.under_way)
        if idle and lane.next_due is None and self._keys.get(lane.name) is lane:
            del self._keys[lane.name]
            self._remember(lane)
        self._pump()

    def _remember(self, lane: _Lane) -> None:
        """Who answered promptly is not taken for a stranger the next time."""
        if lane.turns is self._remote and lane.trust is not Trust.NEW:
            self._idle[lane.name] = lane
            if len(self._idle) > IDLE_MAX:
                del self._idle[next(iter(self._idle))]

    # ------------------------------------------------------------ sending

    async def _send_all(self, lane: _Lane, trust: Trust, taken: list[DeliveryView]) -> None:
        """Read what the records are made of at once, then send them side by side."""
        until = self._clock.now() + self._claim_ms
        try:
            sources = await self._store.delivery_sources([one.id for one in taken])
        except Exception as error:
            if not isinstance(error, StoreUnavailable):
                log.exception("the records for %s could not be read", lane.name)
            # No try was made: they are due again when their claim ends.
            for _ in taken:
                self._over(lane, trust, until)
            return
        for one in taken[1:]:
            self._tasks.spawn(self._try(lane, trust, one, sources.get(one.id)))
        await self._try(lane, trust, taken[0], sources.get(taken[0].id))

    async def _try(
        self, lane: _Lane, trust: Trust, delivery: DeliveryView, source: DeliverySource | None
    ) -> None:
        try:
            made = await self.tries.make(delivery, source)
        except Exception:
            # Its destination cannot even be read: said, and looked at again when its claim ends.
            log.exception("delivery %s could not be tried", format_id(delivery.id))
            self._over(lane, trust, self._clock.now() + self._claim_ms)
            return
        if made.answered is not None and lane.turns is self._remote:
            lane.tried(made.answered, made.took_ms)
        self._writer.delivery_result(
            made.result, partial(self._recorded, lane, trust, delivery, made)
        )

    def _recorded(
        self,
        lane: _Lane,
        trust: Trust,
        delivery: DeliveryView,
        made: Made,
        applied: Any,
        error: ThenceError | None,
    ) -> None:
        result = made.result
        if error is not None:
            self._over(lane, trust, self._clock.now() + self._claim_ms)
            return
        if applied and result.state != "pending":
            self.tries.tell_end(
                delivery.id, delivery.invocation_id, made.function, made.destination,
                result.state, result.reason,
            )  # fmt: skip
        self._over(lane, trust, result.due_at if applied and result.state == "pending" else None)

    def _over(self, lane: _Lane, trust: Trust, due_at: int | None) -> None:
        """A try is over. `due_at`: when that delivery is due again, None: it is not pending."""
        lane.under_way -= 1
        lane.turns.release(trust, 1)
        if due_at is not None:
            self.note(lane.name, due_at)
        self._go_on(lane)

    # ------------------------------------------------------------ the next instant

    def _arm(self, when: int) -> None:
        if not self.paused:
            self._alarm.arm(when)

    def _ring(self, now: int) -> int | None:
        if self._away_until and self._away_until <= now:
            self._away_until = 0
        for key in self._waits.due(now):
            assert isinstance(key, _Lane)
            key.ready = True
            key.turns.add(key)
        self._pump()
        known = [one for one in (self._away_until or None, self._waits.earliest()) if one]
        return min(known, default=None)
