"""place: what a run owes to this store itself is made in the commit that owes it.

A box of the mailbox and a function of this service need no attempt: the record is put there, or accepted
as a call, in the transaction of the final state. So it is there exactly once, and costs one row more
instead of a claim, a read, a write and a result with commits of their own.

Only what is sure to succeed is placed: whatever stands in the way (a function that is gone, disabled
or over its limit, a chain that is too long, a record that is too large, a body in the blob store, a
shutdown) leaves the delivery owed, and deliver.py makes its first attempt and records what came of it.
"""

from __future__ import annotations

from msgspec import Struct

from ..catalog.destination import Destination
from ..catalog.kinds import decode_destination
from ..errors import ThenceError
from ..lifecycle.outcome import Outcome
from ..runtimes.interface import Run
from ..store.records import (
    AttemptView,
    Call,
    InvocationView,
    MailboxPut,
    Meta,
    NewDelivery,
    NewInvocation,
    Settle,
)
from .accept import Accept
from .catalogue import Catalogue
from .deliver import Deliver
from .lanes import Lane
from .sending import Make, Sending


class Placed(Struct):
    """One delivery that the commit makes; `lane`: of the function that it calls."""

    delivery: NewDelivery
    destination: Destination
    lane: Lane | None = None


class Place:
    """record_bytes_max: what a function takes as a record. inline_bytes_max: larger bodies would go
    to the blob store first."""

    def __init__(
        self,
        deliver: Deliver,
        accepting: Accept,
        catalogue: Catalogue,
        sending: Sending,
        *,
        record_bytes_max: int,
        inline_bytes_max: int,
    ) -> None:
        self._deliver = deliver
        self._accepting = accepting
        self._catalogue = catalogue
        self._record_bytes_max = record_bytes_max
        self._inline_bytes_max = inline_bytes_max
        self._local = sending.local
        self.make: Make = sending.place

    def place(self, lane: Lane, settle: Settle, run: Run) -> list[Placed]:
        """Of what `settle` owes, what its commit makes: these get their `put` or `call`."""
        make, local = self.make, self._local
        owed = [delivery for delivery in settle.deliveries if local(delivery.receiver)]
        if not owed or not self._at_hand(settle, run):
            return []
        view, placed = _view(lane, settle, run), []
        result = None if settle.result is None else settle.result.data
        for delivery in owed:
            destination = decode_destination(delivery.destination)
            made = make(delivery, destination, view, run.payload, result, settle.now)
            if isinstance(made, MailboxPut):
                delivery.put = made
                placed.append(Placed(delivery, destination))
            elif isinstance(made, Call):
                called = self._called(made)
                if called is not None:
                    callee, delivery.call = called
                    placed.append(Placed(delivery, destination, callee))
        return placed

    def committed(self, lane: Lane, settle: Settle, placed: list[Placed]) -> None:
        """They are on disk: tell, and let the calls run."""
        attempts = self._deliver.attempts
        for made in placed:
            of = (made.delivery.id, settle.id, lane.function.name, made.destination)
            attempts.tell_attempt(*of, 1, 200, "")
            attempts.tell_end(*of, "delivered", "")
            if made.lane is not None and made.delivery.call is not None:
                self._accepting.waits(made.lane, made.delivery.call)

    def _at_hand(self, settle: Settle, run: Run) -> bool:
        """Whether the record can be made of what is in memory, and is small."""
        body = settle.result
        size = len(run.payload) + (0 if body is None else body.bytes)
        if size > self._inline_bytes_max or (body is not None and body.data is None):
            return False
        # What earlier attempts did is in the store only; a record speaks of the last that began.
        return settle.attempt == 1 or settle.started_at is not None

    def _called(self, call: Call) -> tuple[Lane, NewInvocation] | None:
        """The callee's lane and the call that it gets; None: an attempt will say why not."""
        if len(call.payload) > self._inline_bytes_max:
            return None
        try:
            callee = self._catalogue.resolve(call.name, call.qualifier)
            return callee.lane, self._accepting.made(
                callee,
                call.payload,
                meta=Meta(
                    content_type=call.content_type,
                    traceparent=call.traceparent,
                    idempotency_key=call.idempotency_key,
                    source=call.source,
                    lineage=call.lineage,
                ),
                idempotency_key=call.idempotency_key,
                payload_bytes_max=self._record_bytes_max,
            )
        except ThenceError:
            # Refused: the delivery stays owed, and its first attempt meets the same and records it.
            return None


def _view(lane: Lane, settle: Settle, run: Run) -> InvocationView:
    """The invocation as the store will show it after this commit; of its attempts the last."""
    function = lane.function
    last = AttemptView(
        settle.attempt,
        settle.outcome,
        settle.budget,
        settle.started_at,
        settle.now,
        settle.duration_us,
        None,
        settle.error_type,
        settle.error_message,
        settle.error_stack,
        len(settle.log or b""),
    )
    return InvocationView(
        settle.id,
        function.id,
        function.name,
        settle.state,
        settle.reason,
        run.accepted_at,
        run.due_at,
        run.expires_at,
        settle.now,
        settle.attempt,
        settle.spent,
        len(run.payload),
        None if settle.result is None else settle.result.bytes,
        run.meta if isinstance(run.meta, Meta) else Meta(),
        None,
        [last] if settle.outcome is not Outcome.NOT_STARTED else [],
        [],
        function.version,
    )
