"""rescue: attempts that nobody answers for any more are settled as lost.

An attempt is lost when the incarnation that holds its lease has left or has not renewed it. Losses
have a budget of their own; past it the invocation is quarantined as suspected poison (design §2,
promise 4), so a payload that kills its node cannot loop for ever. Where a suspect was among what ran
(one that was lost before; suspects.py runs them one at a time) the loss is its own, and what ran beside
it is not charged. Where there was none, everything that ran becomes a suspect.
"""

from __future__ import annotations

from collections.abc import Callable

from ..clock import Clock
from ..lifecycle.outcome import Outcome
from ..lifecycle.states import State
from ..notices import AttemptLost, Notices
from ..runtimes.interface import Ended
from ..store.interface import Store
from .lanes import Lanes
from .loop import Loop
from .settle import SettleAttempts

STEP = 500


class Rescue:
    def __init__(
        self,
        lanes: Lanes,
        store: Store,
        settle: SettleAttempts,
        clock: Clock,
        notices: Notices,
        *,
        interval_seconds: float,
        held: Callable[[], bool],
    ) -> None:
        self._lanes = lanes
        self._store = store
        self._settle = settle
        self._clock = clock
        self._notices = notices
        self._held = held
        self._asked: set[tuple[int, int]] = set()
        self.loop = Loop("rescue", self.once, clock, notices, interval_seconds=interval_seconds)

    async def once(self) -> float | None:
        if not self._held():
            # After an outage or a sleep of the machine our own lease may have run out; what runs
            # here would be taken for lost. The lease loop decides first whether we live.
            return 1.0
        lost = await self._store.lost(self._clock.now(), STEP)
        fresh = [one for one in lost if (one.id, one.attempt) not in self._asked]
        for one in fresh:
            lane = self._lanes.get(one.function_id)
            if lane is None:
                continue
            ended = Ended(
                Outcome.LOST,
                error_type="AttemptLost",
                error_message="The node that ran this attempt is gone; it may or may not have run.",
            )
            settle = self._settle.decided(
                lane,
                id=one.id,
                attempt=one.attempt,
                lease=one.lease,
                spent=one.spent,
                expires_at=one.expires_at,
                stopping=one.state is State.STOPPING,
                ended=ended,
                alias=one.qualifier,
                charged=not one.beside_suspect,
                aborted=one.aborted,
            )
            self._asked.add((one.id, one.attempt))
            self._settle.ask(lane, settle, one.qualifier, self._answered)
            self._notices.publish(AttemptLost(one.id, lane.function.name, one.attempt))
        if not lost:
            self._asked.clear()
            return None
        return 0.05  # their settles are on their way

    def _answered(self, id: int, attempt: int, applied: bool) -> None:
        if not applied:
            # It changed since it was read (a stop was asked): look at it again.
            self._asked.discard((id, attempt))
