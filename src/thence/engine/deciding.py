"""deciding: what the ending of an attempt means for its invocation, as one change for the store.

The rules are in lifecycle/decide.py; here they meet the configuration that counts, and what is owed.
Pure but for the clock, the ids and randomness.
"""

from __future__ import annotations

import random

from ..clock import Clock
from ..lifecycle.decide import Complete, Fail, GiveBack, RetryAt, Spent, decide
from ..lifecycle.outcome import BUDGET, Outcome
from ..lifecycle.states import FINAL, Reason, State, check_transition
from ..runtimes.interface import Ended, Run
from ..store.records import Body, Settle
from .lanes import Lane
from .owed import Owed


class Deciding:
    def __init__(self, owed: Owed, clock: Clock, rng: random.Random) -> None:
        self._owed = owed
        self._clock = clock
        self._random = rng.random

    def decided(self, lane: Lane, run: Run, ended: Ended, *, charged: bool = True) -> Settle:
        """The change that follows when `run` ends so. `charged`: see decide."""
        now = self._clock.now()
        outcome = ended.outcome
        spent: Spent = run.spent  # type: ignore[assignment]
        settle = Settle(
            run.id,
            lane.function.id,
            run.attempt,
            run.lease,
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
            self._not_ok(lane, run, settle, ended, charged)
        if settle.state in FINAL:
            settle.deliveries = self._owed.at_end(lane, run.qualifier, settle.state, now)
        return settle

    def _not_ok(self, lane: Lane, run: Run, settle: Settle, ended: Ended, charged: bool) -> None:
        now = settle.now
        decision = decide(
            settle.outcome,
            settle.spent,
            lane.policy(run.qualifier),
            now=now,
            expires_at=run.expires_at,
            random=self._random(),
            stopping=run.stops > 0,
            hopeless=ended.hopeless,
            retry_after_seconds=ended.retry_after_seconds,
            began=ended.started_at is not None,
            charged=charged,
        )
        if isinstance(decision, (RetryAt, GiveBack)) and lane.deleted:
            settle.state, settle.reason = State.INVALID, Reason.FUNCTION_DELETED
            if isinstance(decision, RetryAt):
                settle.spent = decision.spent
        elif isinstance(decision, RetryAt):
            settle.state, settle.due_at = State.RETRYING, decision.due_at
            settle.spent = decision.spent
        elif isinstance(decision, Fail):
            settle.state, settle.reason = decision.state, decision.reason
            settle.spent = decision.spent
        elif isinstance(decision, GiveBack):
            settle.state = State.QUEUED if settle.attempt == 1 else State.RETRYING
            settle.due_at = now
        else:
            assert not isinstance(decision, Complete)
        check_transition(State.STOPPING if run.stops > 0 else State.RUNNING, settle.state)
        if run.aborted and settle.reason is Reason.STOPPED_BY_CALLER:
            settle.reason = Reason.FUNCTION_DISABLED
