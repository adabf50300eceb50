"""deliver: send each owed record, by its own retries, until delivered or a dead letter.

Each receiver has a limit of attempts under way, and there is a bound on all of them: turns.py says
whose turn it is. The outbox is the store; memory holds only the receivers that are owed something and what is being sent.

No event looks at all receivers: a claim answers when its own one is due next, and the next instant of
all comes from a heap. The one loop over all is that of start().

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
from .delivery_attempts import DeliveryAttempts, Made
from .lease import Lease
from .sending import Sending
from .tasks import Tasks
from .turns import CLAIM_MAX, Receiver, Trust, Turns, Waits
from .writer import Writer

log = logging.getLogger("thence.deliver")

AGAIN_MS = 1000  # after a store that did not answer
IDLE_MAX = 4096  # receivers to whom nothing is owed, remembered by how they answered
LOCAL_ATTEMPTS_MAX = 4 * CLAIM_MAX  # to boxes and functions of this store: they hold no connection


class _Receiver(Receiver):
    """One that is owed something, and the turns that it takes part in."""

    __slots__ = ("turns",)

    def __init__(self, name: str, concurrency: int, trust: Trust, turns: Turns) -> None:
        super().__init__(name, concurrency, trust)
        self.turns = turns


class Deliver:
    """concurrency: attempts under way at one receiver. attempts_max: at all of them together."""

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
        attempts_max: int,
        timeout_seconds: float,
        function_name: Callable[[int], str],
        lease: Lease,
        sending: Sending,
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._concurrency = concurrency
        # A claim outlives the attempt it is for, also when fetching a blob is slow.
        self._claim_ms = round((timeout_seconds * 2 + 30) * 1000)
        self.attempts = DeliveryAttempts(blobs, clock, notices, policy, function_name, send=sending)
        self._receivers: dict[str, _Receiver] = {}
        self._idle: dict[str, _Receiver] = {}  # the one that has been idle for longest first
        self._remote, self._local = Turns(attempts_max), Turns(LOCAL_ATTEMPTS_MAX)
        self._waits = Waits()
        self._away_until = 0
        self._alarm = Alarm(clock, self._ring)
        self._tasks = Tasks()
        self.paused = True
        self._lease = lease
        self._is_local = sending.local

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        self.paused = False
        now = self._clock.now()
        for name, due_at in (await self._store.receivers_owed()).items():
            self.note(name, due_at, now)

    async def stop(self, seconds: float) -> None:
        """No further attempts. Those under way may finish within `seconds`; the others are given up
        here and are due again as soon as this node has left the store."""
        self.paused = True
        self._alarm.cancel()
        timer = self._clock.call_at(self._clock.now() + round(seconds * 1000), self._tasks.cancel)
        await self._tasks.settled()
        timer.cancel()

    @property
    def receivers(self) -> int:
        """How many receivers are kept in memory: those that are owed something."""
        return len(self._receivers)

    def note(self, name: str, due_at: int, now: int | None = None) -> None:
        """A delivery to that receiver is owed from then on."""
        receiver = self._receivers.get(name)
        if receiver is None:
            receiver = self._receivers[name] = self._new(name)
        if due_at <= (self._clock.now() if now is None else now):
            receiver.ready = True
            receiver.turns.add(receiver)
            self._pump()
        elif receiver.next_due is None or due_at < receiver.next_due:
            self._waits.put(receiver, due_at)
            self._arm(due_at)

    def _new(self, name: str) -> _Receiver:
        known = self._idle.pop(name, None)
        if known is not None:
            return known
        if self._is_local(name):
            return _Receiver(name, CLAIM_MAX, Trust.PROMPT, self._local)
        return _Receiver(name, self._concurrency, Trust.NEW, self._remote)

    # ------------------------------------------------------------ claiming

    def _pump(self) -> None:
        """Claim for those whose turn it is, while there is room."""
        for turns in (self._local, self._remote):
            # While the store is away a claim is refused before _claim() returns: then all wait.
            while not (self.paused or self._away_until) and (turn := turns.next()) is not None:
                self._claim(*turn)

    def _claim(self, receiver: Receiver, trust: Trust, number: int) -> None:
        assert isinstance(receiver, _Receiver)
        # What is noted from here on may not be in this claim: it sets `ready` again.
        receiver.ready, receiver.claiming = False, True
        now = self._clock.now()
        claim = DeliveryClaim(receiver.name, number, now, now + self._claim_ms, self._lease.number)
        self._writer.claim_deliveries(claim, partial(self._claimed, receiver, trust, number))

    def _claimed(
        self, receiver: _Receiver, trust: Trust, number: int, answer: Any, error: ThenceError | None
    ) -> None:
        receiver.claiming = False
        if error is not None:
            # The store is away: nobody is claimed for until it is asked again, in a moment.
            receiver.turns.release(trust, number)
            if isinstance(error, StoreDamaged):
                self.paused = True  # it does not come back; the next start sends what is owed
                return
            receiver.ready = True
            receiver.turns.add(receiver)
            self._away_until = self._clock.now() + AGAIN_MS
            self._arm(self._away_until)
            return
        claimed: ClaimedDeliveries = answer
        taken = claimed.taken
        receiver.turns.release(trust, number - len(taken))
        if taken:
            receiver.under_way += len(taken)
            self._tasks.spawn(self._send_all(receiver, trust, taken))
        if len(taken) == number:
            receiver.ready = True
        elif claimed.next_due is not None:
            self.note(receiver.name, claimed.next_due)
        else:
            self._waits.drop(receiver)
        self._go_on(receiver)

    def _go_on(self, receiver: _Receiver) -> None:
        """Something of it is over: its next turn, or nothing is owed to it any more."""
        receiver.turns.add(receiver)
        idle = not (receiver.ready or receiver.claiming or receiver.under_way)
        if idle and receiver.next_due is None and self._receivers.get(receiver.name) is receiver:
            del self._receivers[receiver.name]
            self._remember(receiver)
        self._pump()

    def _remember(self, receiver: _Receiver) -> None:
        """Who answered promptly is not taken for a stranger the next time."""
        if receiver.turns is self._remote and receiver.trust is not Trust.NEW:
            self._idle[receiver.name] = receiver
            if len(self._idle) > IDLE_MAX:
                del self._idle[next(iter(self._idle))]

    # ------------------------------------------------------------ sending

    async def _send_all(self, receiver: _Receiver, trust: Trust, taken: list[DeliveryView]) -> None:
        """Read what the records are made of at once, then send them side by side."""
        until = self._clock.now() + self._claim_ms
        try:
            sources = await self._store.delivery_sources([delivery.id for delivery in taken])
        except Exception as error:
            if not isinstance(error, StoreUnavailable):
                log.exception("the records for %s could not be read", receiver.name)
            # No attempt was made: they are due again when their claim ends.
            for _ in taken:
                self._over(receiver, trust, until)
            return
        for delivery in taken[1:]:
            self._tasks.spawn(self._attempt(receiver, trust, delivery, sources.get(delivery.id)))
        await self._attempt(receiver, trust, taken[0], sources.get(taken[0].id))

    async def _attempt(
        self,
        receiver: _Receiver,
        trust: Trust,
        delivery: DeliveryView,
        source: DeliverySource | None,
    ) -> None:
        try:
            made = await self.attempts.make(delivery, source)
        except Exception:
            # Its destination cannot even be read: said, and looked at again when its claim ends.
            log.exception("delivery %s could not be tried", format_id(delivery.id))
            self._over(receiver, trust, self._clock.now() + self._claim_ms)
            return
        if made.answered is not None and receiver.turns is self._remote:
            receiver.learn(made.answered, made.took_ms)
        self._writer.delivery_result(
            made.result, partial(self._recorded, receiver, trust, delivery, made)
        )

    def _recorded(
        self,
        receiver: _Receiver,
        trust: Trust,
        delivery: DeliveryView,
        made: Made,
        applied: Any,
        error: ThenceError | None,
    ) -> None:
        result = made.result
        if error is not None:
            self._over(receiver, trust, self._clock.now() + self._claim_ms)
            return
        if applied and result.state != "pending":
            self.attempts.tell_end(
                delivery.id, delivery.invocation_id, made.function, made.destination,
                result.state, result.reason,
            )  # fmt: skip
        self._over(
            receiver, trust, result.due_at if applied and result.state == "pending" else None
        )

    def _over(self, receiver: _Receiver, trust: Trust, due_at: int | None) -> None:
        """An attempt is over. `due_at`: when that delivery is due again, None: it is not pending."""
        receiver.under_way -= 1
        receiver.turns.release(trust, 1)
        if due_at is not None:
            self.note(receiver.name, due_at)
        self._go_on(receiver)

    # ------------------------------------------------------------ the next instant

    def _arm(self, when: int) -> None:
        if not self.paused:
            self._alarm.arm(when)

    def _ring(self, now: int) -> int | None:
        if self._away_until and self._away_until <= now:
            self._away_until = 0
        for receiver in self._waits.due(now):
            assert isinstance(receiver, _Receiver)
            receiver.ready = True
            receiver.turns.add(receiver)
        self._pump()
        known = [when for when in (self._away_until or None, self._waits.earliest()) if when]
        return min(known, default=None)
