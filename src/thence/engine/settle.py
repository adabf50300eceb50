"""settle: decide what an ending means, and commit it: state, attempt and deliveries owed in one
transaction, fenced by (id, attempt, lease)."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..clock import Clock
from ..errors import StoreUnavailable, ThenceError
from ..lifecycle.decide import Complete, Fail, GiveBack, RetryAt, Spent, decide
from ..lifecycle.ids import IdSource
from ..lifecycle.outcome import BUDGET, Outcome
from ..lifecycle.policy import Policy
from ..lifecycle.states import DEAD, FINAL, Reason, State, allowed, check_transition
from ..notices import (
    AttemptEnded,
    InvocationRetrying,
    InvocationSettled,
    LateAnswerDropped,
    Notices,
)
from ..runtimes.interface import Ended, Run
from ..store.blobs import BlobStore
from ..store.records import Body, NewDelivery, Settle
from .deliver import Deliver
from .family import Family
from .lanes import BESIDE_MAX, Lane, Lanes
from .place import Place, Placed
from .tasks import Tasks
from .writer import Writer

log = logging.getLogger("thence.settle")

KEPT_BYTES_MAX = 256 * 1024 * 1024
"""Results and payloads of all functions that keep slots until they are on disk; beyond these each keeps
room of the node too, so that many functions together do not fill the memory."""


class _Kept(Struct, frozen=True):
    """What one that has ended keeps until its result is on disk, beside its slot."""

    bytes: int
    of_node: bool


class SettleAttempts:
    def __init__(
        self,
        lanes: Lanes,
        writer: Writer,
        deliver: Deliver,
        blobs: BlobStore,
        clock: Clock,
        notices: Notices,
        ids: IdSource,
        rng: random.Random,
        *,
        inline_bytes_max: int,
    ) -> None:
        self._lanes = lanes
        self._writer = writer
        self._deliver = deliver
        self._blobs = blobs
        self._clock = clock
        self._notices = notices
        self._ids = ids
        self._rng = rng
        self._inline_bytes_max = inline_bytes_max
        self._tasks = Tasks()
        self.running: dict[int, Run] = {}
        """Shared with run.py: an attempt leaves it when its settle is committed."""
        self.note_waiting: Callable[[Lane, int, int], None]
        """(lane, due_at, expires_at): an invocation waits again; set by the engine."""
        self.note_suspect: Callable[[Lane, int, int], None]
        """The same of one that was lost before; set by the engine."""
        self.suspect_over: Callable[[], None]
        """Told when the attempt of a suspect is settled; set by the engine."""
        self.left: Callable[[Family[Lane]], None]
        """Told when an attempt is settled while others of its function wait for the limit of all its
        versions; set by the engine."""
        self.freed: Callable[[Lane], None]
        """Told when one that has ended keeps its slot no longer; set by the engine."""
        self.draining = False
        self.cut_off = 0  # attempts that a drain did
        self._kept_bytes = 0  # see KEPT_BYTES_MAX
        self.place: Place
        """Makes what is owed to this store itself; set by the engine."""

    def settle(self, run: Run, ended: Ended) -> None:
        """Take the ending of a run of this node: its slot is free now. Where large results come faster
        than they can be written, or cannot be written, it is when they are: else there would be more
        and more of them in memory, and a kill would run them all again."""
        lane = self._lanes.get(run.function.id)
        assert lane is not None
        lane.end_run()
        run.ended = True
        if self.draining:
            ended.cut_off()  # so that no budget is spent
            self.cut_off += ended.outcome is Outcome.DRAINED
        if run.aborted and ended.outcome is Outcome.STOPPED:
            ended.error_message = "its function was disabled, and what ran was stopped."
        settle = self.decided(
            lane,
            id=run.id,
            attempt=run.attempt,
            lease=run.lease,
            spent=run.spent,  # type: ignore[arg-type]
            expires_at=run.expires_at,
            stopping=run.stops > 0,
            ended=ended,
            alias=run.qualifier,
            aborted=run.aborted,
        )
        if self._notices.wanted(AttemptEnded):
            self._notices.publish(
                AttemptEnded(
                    run.id, run.function.name, run.attempt, ended.outcome, ended.duration_us
                )
            )
        result = settle.result
        lane.large = result is not None and result.bytes > self._inline_bytes_max
        if lane.large:
            late = len(self._tasks) >= BESIDE_MAX
            kept = self._keep(lane, settle, run) if late else None
            self._tasks.spawn(self._offload(lane, settle, run, kept))
        else:
            self._ask(lane, settle, run, run.qualifier)

    async def settled(self, until: int) -> None:
        """Return when no result is on its way to the blob store; those that are at `until` (ms) are
        given up."""
        timer = self._clock.call_at(until, self._give_up)
        try:
            await self._tasks.settled()
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        count = len(self._tasks)
        log.warning(
            "the service leaves, and %d %s not written; the next start finds the attempts as lost, and "
            "makes them again where their budgets allow it",
            count,
            "large result was" if count == 1 else "large results were",
        )
        self._tasks.cancel()

    def decided(
        self,
        lane: Lane,
        *,
        id: int,
        attempt: int,
        lease: int,
        spent: Spent,
        expires_at: int,
        stopping: bool,
        ended: Ended,
        alias: str,
        charged: bool = True,
        aborted: bool = False,
    ) -> Settle:
        """The change that follows an ending. Pure but for the clock, the ids and the dice. `alias`:
        by which the call came. `charged`: see decide. `aborted`: it was stopped because its function
        was disabled."""
        now = self._clock.now()
        outcome = ended.outcome
        settle = Settle(
            id,
            lane.function.id,
            attempt,
            lease,
            outcome,
            State.SUCCEEDED,
            now,
            ended.started_at,
            ended.duration_us,
            spent=spent,
            log=ended.log,
        )
        if outcome is Outcome.OK:
            settle.reason = Reason.OK
            result = ended.result or b""
            settle.result = Body(result, len(result))
        else:
            settle.error_type = ended.error_type
            settle.error_message = ended.error_message
            settle.error_stack = ended.error_stack
            settle.fault = ended.fault
            settle.budget = BUDGET[outcome] if charged else None
            self._not_ok(
                lane, settle, ended, expires_at, stopping, now, lane.policy(alias), charged
            )
        if aborted and settle.reason is Reason.STOPPED_BY_CALLER:
            settle.reason = Reason.FUNCTION_DISABLED
        if settle.state in FINAL:
            settle.deliveries = self.owed(lane, settle.state, now, alias)
        return settle

    def _not_ok(
        self,
        lane: Lane,
        settle: Settle,
        ended: Ended,
        expires_at: int,
        stopping: bool,
        now: int,
        policy: Policy,
        charged: bool,
    ) -> None:
        decision = decide(
            settle.outcome,
            settle.spent,
            policy,
            now=now,
            expires_at=expires_at,
            random=self._rng.random(),
            stopping=stopping,
            hopeless=ended.hopeless,
            retry_after_seconds=ended.retry_after_seconds,
            began=ended.started_at is not None,
            charged=charged,
        )
        if lane.deleted and isinstance(decision, (RetryAt, GiveBack)):
            settle.state, settle.reason = State.INVALID, Reason.FUNCTION_DELETED
            if isinstance(decision, RetryAt):
                settle.spent = decision.spent
        elif isinstance(decision, RetryAt):
            settle.state, settle.due_at, settle.spent = (
                State.RETRYING,
                decision.due_at,
                decision.spent,
            )
        elif isinstance(decision, Fail):
            settle.state, settle.reason, settle.spent = (
                decision.state,
                decision.reason,
                decision.spent,
            )
        elif isinstance(decision, GiveBack):
            settle.state = State.QUEUED if settle.attempt == 1 else State.RETRYING
            settle.due_at = now
        else:
            assert not isinstance(decision, Complete)
        check_transition(State.STOPPING if stopping else State.RUNNING, settle.state)

    def owed(self, lane: Lane, state: State, now: int, alias: str) -> tuple[NewDelivery, ...]:
        """The deliveries that an ending owes: on_success, on_failure; a stop owes one only where the
        configuration says so. `alias`: by which the call came."""
        config = lane.config(alias)
        if state is State.SUCCEEDED:
            target, condition = config.on_success, "success"
        elif state in DEAD or config.stop_notifies:
            target, condition = config.on_failure, "failure"
        else:
            return ()
        if target is None:
            return ()
        encoded, destination = target
        key = self._deliver.key_of(destination)
        return (NewDelivery(self._ids.next(now), key, encoded, condition, now),)

    async def _offload(self, lane: Lane, settle: Settle, run: Run, kept: _Kept | None) -> None:
        """`kept`: it keeps its slot already, for many are on their way."""
        body = settle.result
        assert body is not None and body.data is not None
        ref = f"{settle.id:032x}.{settle.attempt}.result"
        try:
            while True:
                try:
                    digest = await self._blobs.put(ref, body.data)
                    break
                except StoreUnavailable:
                    # The answer must not be lost: as with settles, try until there is space again.
                    kept = kept or self._keep(lane, settle, run)
                    await self._clock.sleep(0.5)
            settle.result = Body(None, body.bytes, ref, digest)
            self._ask(lane, settle, run, run.qualifier)
        finally:
            if kept is not None:
                self._kept_bytes -= kept.bytes
                lane.keep_ended(-1, -kept.of_node)
                self.freed(lane)

    def _keep(self, lane: Lane, settle: Settle, run: Run) -> _Kept:
        """It has ended and keeps its slot."""
        assert settle.result is not None
        size = settle.result.bytes + len(run.payload)
        self._kept_bytes += size
        kept = _Kept(size, self._kept_bytes > KEPT_BYTES_MAX)
        lane.keep_ended(1, kept.of_node)
        return kept

    def _ask(
        self,
        lane: Lane,
        settle: Settle,
        run: Run | None,
        alias: str,
        answered: Callable[[int, int, bool], None] | None = None,
        *,
        place: bool = True,
    ) -> None:
        placed: list[Placed] = []
        if place and settle.deliveries and run is not None:
            placed = self.place.place(lane, settle, run)

        def committed(applied: Any, error: ThenceError | None) -> None:
            if error is not None and placed:
                # Perhaps it is the record that the store cannot take: then only its try fails.
                for one in placed:
                    one.delivery.put = one.delivery.call = None
                self._ask(lane, settle, run, alias, answered, place=False)
                return
            if answered is not None:
                answered(settle.id, settle.attempt, error is None and applied)
            if error is not None:
                self._unsettled(lane, settle, run, error, alias)
                return
            if not applied and run is not None and not allowed(State.STOPPING, settle.state):
                stopped = _stopped(settle, run)
                stopped.deliveries = self.owed(lane, State.STOPPED, settle.now, alias)
                self._ask(lane, stopped, run, alias)
                return
            if run is not None and self.running.get(settle.id) is run:
                del self.running[settle.id]
                if run.alone:
                    self.suspect_over()
                if lane.unwritten:
                    self.freed(lane)  # the runtime says no word of one that could not begin
                elif lane.family.parked:
                    self.left(lane.family)
            if not applied:
                self._notices.publish(
                    LateAnswerDropped(settle.id, lane.function.name, settle.attempt)
                )
                return
            # Unknown expiry (a lost attempt): now, so that the expire loop looks for itself.
            self._follow(lane, settle, run.expires_at if run is not None else settle.now)
            if placed:
                self.place.committed(lane, settle, placed)

        self._writer.settle(settle, committed)

    def ask(
        self, lane: Lane, settle: Settle, alias: str, answered: Callable[[int, int, bool], None]
    ) -> None:
        """For rescue: settle an attempt that no run of this node answers for;
        `answered(id, attempt, applied)` tells what became of that."""
        self._ask(lane, settle, None, alias, answered)

    def _unsettled(
        self, lane: Lane, settle: Settle, run: Run | None, error: ThenceError, alias: str
    ) -> None:
        """The store is well but cannot take this settle (it holds something it cannot store): the
        attempt ends as a platform error without its bodies, so that it is never running for ever."""
        if settle.outcome is Outcome.PLATFORM_ERROR and settle.error_type == "ResultNotStored":
            return  # not even that could be stored; verify and rescue will show it
        plain = Ended(
            Outcome.PLATFORM_ERROR,
            settle.started_at,
            settle.duration_us,
            error_type="ResultNotStored",
            error_message=error.detail,
        )
        expires_at = run.expires_at if run is not None else settle.now + 1000
        self._ask(
            lane,
            self.decided(
                lane,
                id=settle.id,
                attempt=settle.attempt,
                lease=settle.lease,
                spent=settle.spent,
                expires_at=expires_at,
                stopping=False,
                ended=plain,
                alias=alias,
            ),
            run,
            alias,
        )

    def _follow(self, lane: Lane, settle: Settle, expires_at: int) -> None:
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
                    self._deliver.note(delivery.key, delivery.due_at)
            return
        lane.count_waiting(1)
        if self._notices.wanted(InvocationRetrying):
            self._notices.publish(
                InvocationRetrying(
                    settle.id, lane.function.name, settle.attempt, settle.outcome, settle.due_at
                )
            )
        note = self.note_suspect if settle.spent.losses_used else self.note_waiting
        note(lane, settle.due_at, expires_at)


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
