"""settle: commit what an ending means: state, attempt and deliveries owed in one transaction, fenced by
(id, attempt, lease); then tell those who wait for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec.structs import replace

from ..errors import ThenceError
from ..lifecycle.outcome import Outcome
from ..lifecycle.states import FINAL, Reason, State, allowed
from ..notices import (
    AttemptEnded,
    InvocationRetrying,
    InvocationSettled,
    LateAnswerDropped,
    Notices,
)
from ..runtimes.interface import Ended, Run
from ..store.records import Settle
from .backlog import Backlog
from .deciding import Deciding
from .deliver import Deliver
from .dispatch import Dispatch
from .lanes import Lane, Lanes
from .large_results import LargeResults
from .owed import Owed
from .place import Place, Placed
from .running import Running
from .suspects import Suspects
from .writer import Writer

Answered = Callable[[int, int, bool], None]
"""(id, attempt, whether the settle was applied)"""


class SettleAttempts:
    def __init__(
        self,
        lanes: Lanes,
        running: Running,
        writer: Writer,
        deciding: Deciding,
        owed: Owed,
        place: Place,
        deliver: Deliver,
        dispatch: Dispatch,
        suspects: Suspects,
        backlog: Backlog,
        results: LargeResults,
        notices: Notices,
        *,
        inline_bytes_max: int,
    ) -> None:
        self._lanes = lanes
        self._running = running
        self._writer = writer
        self._deciding = deciding
        self._owed = owed
        self._place = place
        self._deliver = deliver
        self._dispatch = dispatch
        self._suspects = suspects
        self._backlog = backlog
        self._results = results
        self._notices = notices
        self._inline_bytes_max = inline_bytes_max
        self.draining = False
        self.cut_off = 0  # attempts that a drain did

    def settle(self, run: Run, ended: Ended) -> None:
        """Take the ending of a run of this node: its slot is free now (or when a large result is on its
        way to the disk, see large_results.py)."""
        lane = self._lanes.get(run.function.id)
        assert lane is not None
        lane.slots.end(lane)
        run.ended = True
        if self.draining:
            ended.cut_off()  # so that no budget is spent
            self.cut_off += ended.outcome is Outcome.DRAINED
        if run.aborted and ended.outcome is Outcome.STOPPED:
            ended.error_message = "its function was disabled, and what ran was stopped."
        settle = self._deciding.decided(lane, run, ended)
        if self._notices.wanted(AttemptEnded):
            self._notices.publish(
                AttemptEnded(
                    run.id, run.function.name, run.attempt, ended.outcome, ended.duration_us
                )
            )
        result = settle.result
        lane.large = result is not None and result.bytes > self._inline_bytes_max
        if lane.large:
            self._results.offload(lane, settle, run, partial(self._ask, lane, settle, run))
        else:
            self._ask(lane, settle, run)

    def lost(
        self, lane: Lane, run: Run, ended: Ended, answered: Answered, *, charged: bool
    ) -> None:
        """Settle an attempt that no node answers for any more. `charged`: see decide. `answered` is told
        what became of that: not applied, it has changed since it was read."""
        settle = self._deciding.decided(lane, run, ended, charged=charged)
        self._writer.settle(settle, partial(self._rescued, lane, run, settle, answered))

    # ------------------------------------------------------------ a run of this node

    def _ask(self, lane: Lane, settle: Settle, run: Run, *, place: bool = True) -> None:
        """`place`: its commit may make what it owes to this store itself."""
        placed: list[Placed] = []
        if place and settle.deliveries:
            placed = self._place.place(lane, settle, run)
        self._writer.settle(settle, partial(self._committed, lane, settle, run, placed))

    def _committed(
        self,
        lane: Lane,
        settle: Settle,
        run: Run,
        placed: list[Placed],
        applied: Any,
        error: ThenceError | None,
    ) -> None:
        if error is not None:
            self._not_stored(lane, settle, run, placed, error)
            return
        if not applied and not allowed(State.STOPPING, settle.state):
            stopped = _stopped(settle, run)
            stopped.deliveries = self._owed.at_end(lane, run.qualifier, State.STOPPED, settle.now)
            self._ask(lane, stopped, run)
            return
        if self._running.end(run):
            if run.alone:
                self._suspects.over()
            if lane.unwritten:
                self._dispatch.freed(lane)  # the runtime says no word of one that could not begin
            elif lane.family.parked:
                self._dispatch.left(lane.family)
        if not applied:
            self._dropped(lane, settle)
            return
        self._tell(lane, settle, run.expires_at)
        if placed:
            self._place.committed(lane, settle, placed)

    def _not_stored(
        self, lane: Lane, settle: Settle, run: Run, placed: list[Placed], error: ThenceError
    ) -> None:
        """The store is well but cannot take this settle (it holds something it cannot store)."""
        if placed:
            # Perhaps it is the record: then only its delivery fails.
            for made in placed:
                made.delivery.put = made.delivery.call = None
            self._ask(lane, settle, run, place=False)
            return
        plain = self._without_bodies(lane, settle, run, error)
        if plain is not None:
            self._ask(lane, plain, run)

    def _without_bodies(
        self, lane: Lane, settle: Settle, run: Run, error: ThenceError
    ) -> Settle | None:
        """The attempt ends as a platform error without its bodies, so that it is never running for ever.
        None: not even that could be stored; verify and rescue will show it."""
        if settle.outcome is Outcome.PLATFORM_ERROR and settle.error_type == "ResultNotStored":
            return None
        plain = Ended(
            Outcome.PLATFORM_ERROR,
            settle.started_at,
            settle.duration_us,
            error_type="ResultNotStored",
            error_message=error.detail,
        )
        now = replace(run, spent=settle.spent, stops=0, aborted=False)
        return self._deciding.decided(lane, now, plain)

    # ------------------------------------------------------------ an attempt that nobody answers for

    def _rescued(
        self,
        lane: Lane,
        run: Run,
        settle: Settle,
        answered: Answered,
        applied: Any,
        error: ThenceError | None,
    ) -> None:
        answered(settle.id, settle.attempt, error is None and applied)
        if error is not None:
            plain = self._without_bodies(lane, settle, run, error)
            if plain is not None:
                self._writer.settle(plain, partial(self._rescued, lane, run, plain, _nobody))
        elif applied:
            # When it expires is not asked of it: now, so that the expire loop looks for itself.
            self._tell(lane, settle, settle.now)
        else:
            self._dropped(lane, settle)

    # ------------------------------------------------------------ telling

    def _dropped(self, lane: Lane, settle: Settle) -> None:
        """Another attempt owns the invocation now."""
        self._notices.publish(LateAnswerDropped(settle.id, lane.function.name, settle.attempt))

    def _tell(self, lane: Lane, settle: Settle, expires_at: int) -> None:
        """It is on disk: tell those who wait for it."""
        state = settle.state
        if state in FINAL:
            assert settle.reason is not None
            if self._notices.wanted(InvocationSettled):
                self._notices.publish(
                    InvocationSettled(
                        settle.id, lane.function.name, state, settle.reason, settle.attempt
                    )
                )
            for delivery in settle.deliveries:
                if not delivery.placed:
                    self._deliver.note(delivery.receiver, delivery.due_at)
            return
        lane.count_waiting(1)
        if self._notices.wanted(InvocationRetrying):
            self._notices.publish(
                InvocationRetrying(
                    settle.id, lane.function.name, settle.attempt, settle.outcome, settle.due_at
                )
            )
        if settle.spent.losses_used:
            self._backlog.suspect_waits(lane, settle.due_at, expires_at)
        else:
            self._backlog.waits(lane, settle.due_at, expires_at)


def _nobody(id: int, attempt: int, applied: bool) -> None:
    """Rescue was told before."""


def _stopped(settle: Settle, run: Run) -> Settle:
    """What was to wait again, or to end as one that is stopping cannot, and was refused: a stop may
    have been written for it by one who did not see its run here. Then this is its end; if another
    attempt owns it, this is refused too."""
    return replace(
        settle,
        state=State.STOPPED,
        reason=Reason.FUNCTION_DISABLED if run.aborted else Reason.STOPPED_BY_CALLER,
        spent=run.spent,
        due_at=0,
    )
