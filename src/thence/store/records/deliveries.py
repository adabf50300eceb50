"""Records owed to destinations, and their attempts."""

from __future__ import annotations

from msgspec import Struct

from ...lifecycle.lineage import Lineage
from .invocations import NewInvocation
from .mailbox import MailboxPut
from .views import DeliveryView


class Call(Struct, gc=False):
    """A call of a function of this service that a delivery makes: the engine makes a NewInvocation
    of it."""

    name: str
    qualifier: str
    payload: bytes
    content_type: str
    idempotency_key: str
    lineage: Lineage | None
    traceparent: str
    source: str


class NewDelivery(Struct, gc=False):
    """A record owed to a destination, written with the final state.

    `put` or `call` set: the destination is in this store and gets the record in the same commit.
    The delivery is delivered from the start, with one attempt at the instant of the ending; nobody will
    ever claim it.
    """

    id: int
    receiver: str  # deliveries to one share a limit, and slow no other
    destination: bytes  # catalog.destination.encode_destination
    condition: str  # "success" or "failure": which ending it was configured for
    due_at: int
    put: MailboxPut | None = None
    call: NewInvocation | None = None  # without a lease: it waits

    @property
    def placed(self) -> bool:
        """Delivered by the commit that owes it."""
        return self.put is not None or self.call is not None


class DeliveryClaim(Struct, gc=False):
    """Take up to `limit` pending deliveries to one receiver that are due at `now`, oldest due first.
    Their due_at moves to `until`: nobody takes them before that. When the incarnation `lease` is
    declared dead they are due at once; without a lease (0) a crash re-sends them at `until`."""

    receiver: str
    limit: int
    now: int
    until: int
    lease: int = 0


class ClaimedDeliveries(Struct, gc=False):
    """What one DeliveryClaim took, without their attempts' lists; and when the earliest of all that
    is pending there is due, what was just taken included (at `until`). None: nothing is."""

    taken: list[DeliveryView]
    next_due: int | None


class DeliveryResult(Struct, gc=False):
    """One attempt at a delivery. `state`: pending (again at due_at), delivered, dead or stopped."""

    id: int
    attempt: int
    state: str
    now: int
    started_at: int
    duration_us: int
    due_at: int = 0
    status: int = 0  # HTTP status or 0
    error: str = ""
    reason: str = ""  # for dead: "rejected", "retries_exhausted", "too_many_hops", …
