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
from ..runtimes.interface import Ended, Run
from ..store.interface import Store
from ..store.records import Lost
from .lanes import Lane, Lanes
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
        fresh = [found for found in lost if (found.id, found.attempt) not in self._asked]
        for attempt in fresh:
            lane = self._lanes.get(attempt.function_id)
            if lane is None:
                continue
            ended = Ended(
                Outcome.LOST,
                error_type="AttemptLost",
                error_message="The node that ran this attempt is gone; it may or may not have run.",
            )
            self._asked.add((attempt.id, attempt.attempt))
            self._settle.lost(
                lane,
                _run(lane, attempt),
                ended,
                self._answered,
                charged=not attempt.beside_suspect,
            )
            self._notices.publish(AttemptLost(attempt.id, lane.function.name, attempt.attempt))
        if not lost:
            self._asked.clear()
            return None
        return 0.05 if self._asked else None  # their settles are on their way

    def _answered(self, id: int, attempt: int, applied: bool) -> None:
        if not applied:
            # It changed since it was read (a stop was asked): look at it again.
            self._asked.discard((id, attempt))


def _run(lane: Lane, lost: Lost) -> Run:
    """The run that it was, as far as its settle asks."""
    return Run(
        lost.id,
        lane.function,
        lost.attempt,
        b"",
        0,
        lost.expires_at,
        lost.spent.retries_used,
        lost.spent.may_have_run,
        lost.spent.losses_used > 0,
        _nobody,
        lease=lost.lease,
        spent=lost.spent,
        stops=int(lost.state is State.STOPPING),
        qualifier=lost.qualifier,
        aborted=lost.aborted,
    )


def _nobody(run: Run, ended: Ended) -> None:
    """No instance answers for it."""
