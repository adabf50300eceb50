"""The contract between the delivery loop and one kind of destination.

A sender makes one try and says how it went; it never retries (engine/deliver.py does, by the rules
of seed alibaba-fc-result-callback: 5xx or no answer again from 0.5 s doubling for up to 30 minutes,
4xx recorded and not retried).
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from ..catalog.destination import Destination
from ..lifecycle.lineage import Lineage
from ..store.records import Call, MailboxPut


class Parcel(Struct):
    """One delivery, ready to be sent."""

    delivery_id: int
    invocation_id: int
    function: str
    attempt: int  # of the delivery, from 1
    destination: Destination
    record: bytes  # JSON
    content_type: str
    record_type: str  # "thence.invocation.succeeded" | "thence.invocation.failed"
    traceparent: str
    lineage: Lineage | None
    now: int


class Sent(Struct):
    """How one try went. `status` is an HTTP status or its like (200 for the built-in kinds, 0 when
    nobody answered)."""

    delivered: bool
    again: bool = False  # not delivered, but another try may succeed
    status: int = 0
    error: str = ""  # a sentence without secrets
    retry_after_seconds: float | None = None
    # Why it is dead when not again: "rejected", "gone", "too_many_hops", "forbidden_address".
    reason: str = ""


class Placer(Protocol):
    """A sender whose place is this store itself may have this too: then a delivery needs no try of
    its own, it is made in the commit that owes it (engine/place.py)."""

    def place(self, parcel: Parcel) -> MailboxPut | Call | None:
        """What that commit holds, or None: make a try. No I/O."""
        ...


class Sender(Protocol):
    async def send(self, parcel: Parcel) -> Sent:
        """One try within its own time limit. Never raises: what happens is the answer."""
        ...

    async def close(self) -> None: ...
