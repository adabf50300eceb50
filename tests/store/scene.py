"""What most store tests begin with: functions' numbers, growing ids, and one word per change."""

from __future__ import annotations

import random
from typing import Any

from thence.lifecycle.decide import Spent
from thence.lifecycle.ids import IdSource
from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import Reason, State
from thence.store.interface import Store
from thence.store.records import (
    Batch,
    Body,
    Claim,
    Claimed,
    Committed,
    End,
    NewDelivery,
    NewInvocation,
    Settle,
)

NOW = 1_800_000_000_000
DAY = 86_400_000
F = 1


class Scene:
    """A store with one node that holds leases. Instants are NOW plus what a test says."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ids = IdSource(random.Random(7))
        self.lease = 0

    async def begin(self) -> None:
        self.lease = await self.store.join("here", NOW, NOW + 365 * DAY)

    # ------------------------------------------------------------ records

    def new(self, function: int = F, at: int = NOW, **fields: Any) -> NewInvocation:
        data = fields.pop("data", b'{"n": 1}')
        values: dict[str, Any] = {
            "id": self.ids.next(at),
            "function_id": function,
            "accepted_at": at,
            "due_at": at,
            "expires_at": at + DAY,
            "payload": Body(data, len(data)),
        }
        return NewInvocation(**(values | fields))

    def settled(self, what: NewInvocation | Claimed, **fields: Any) -> Settle:
        """Succeeded, unless said otherwise."""
        values: dict[str, Any] = {
            "id": what.id,
            "function_id": what.function_id,
            "attempt": what.attempt if isinstance(what, Claimed) else 1,
            "lease": self.lease,
            "outcome": Outcome.OK,
            "state": State.SUCCEEDED,
            "now": NOW + 1000,
            "started_at": NOW + 10,
            "duration_us": 1234,
            "reason": Reason.OK,
            "result": Body(b'"done"', 6),
        }
        return Settle(**(values | fields))

    def failed(self, what: NewInvocation | Claimed, **fields: Any) -> Settle:
        values: dict[str, Any] = {
            "outcome": Outcome.FUNCTION_ERROR,
            "state": State.FAILED,
            "reason": Reason.RETRIES_EXHAUSTED,
            "budget": Budget.FUNCTION_ERRORS,
            "result": None,
            "error_type": "ValueError",
            "error_message": "no",
            "error_stack": "line 1",
        }
        return self.settled(what, **(values | fields))

    def retrying(self, what: NewInvocation | Claimed, due_at: int, **fields: Any) -> Settle:
        values: dict[str, Any] = {
            "state": State.RETRYING,
            "reason": None,
            "due_at": due_at,
            "spent": Spent(retries_used=1),
        }
        return self.failed(what, **(values | fields))

    def given_back(self, what: NewInvocation | Claimed, state: State = State.QUEUED) -> Settle:
        return self.settled(
            what, outcome=Outcome.NOT_STARTED, state=state, reason=None, result=None,
            started_at=None, duration_us=0,
        )  # fmt: skip

    def ended(self, what: NewInvocation, state: State = State.EXPIRED, **fields: Any) -> End:
        reasons = {
            State.EXPIRED: Reason.EVENT_AGE_EXCEEDED,
            State.STOPPED: Reason.STOPPED_BY_CALLER,
            State.INVALID: Reason.FUNCTION_DELETED,
            State.FAILED: Reason.PLATFORM_ERRORS_EXHAUSTED,
        }
        values: dict[str, Any] = {"reason": reasons[state], "now": NOW + 1000}
        return End(what.id, what.function_id, state, **(values | fields))

    def owed(self, receiver: str = "k", due_at: int = NOW + 1000, **fields: Any) -> NewDelivery:
        values: dict[str, Any] = {
            "id": self.ids.next(NOW),
            "receiver": receiver,
            "destination": b'{"type":"mailbox"}',
            "condition": "success",
            "due_at": due_at,
        }
        return NewDelivery(**(values | fields))

    # ------------------------------------------------------------ changes

    async def commit(self, **lists: Any) -> Committed:
        return await self.store.commit(Batch(**lists))

    async def accept(self, *items: NewInvocation) -> None:
        answer = await self.commit(accepts=list(items))
        assert [accept.id for accept in answer.accepts] == [item.id for item in items]

    async def claim(
        self, limit: int = 10, function: int = F, now: int = NOW, suspects: bool = False
    ) -> list[Claimed]:
        answer = await self.commit(claims=[Claim(function, limit, self.lease, now, suspects)])
        return answer.claims[0]

    async def run(self, **fields: Any) -> NewInvocation:
        """Accepted and running."""
        item = self.new(lease=self.lease, **fields)
        await self.accept(item)
        return item

    async def state(self, what: Any) -> State:
        view = await self.store.invocation(what.id)
        assert view is not None
        return view.state

    async def holds(self) -> dict[str, Any]:
        """The invariants hold; the counts."""
        report = await self.store.verify()
        assert report["problems"] == []
        return report
