"""What the engine asks of whoever knows the destinations: to make one attempt, and to say what a commit itself
can make."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from ..catalog.destination import Destination
from ..store.records import Call, DeliveryView, InvocationView, MailboxPut, NewDelivery


class Sent(Protocol):
    """What an attempt came to; destinations.interface.Sent has this shape."""

    delivered: bool
    again: bool
    status: int
    error: str
    retry_after_seconds: float | None
    reason: str


class Send(Protocol):
    """Builds the record and makes one attempt; the service gives one that knows the destinations."""

    def __call__(
        self,
        delivery: DeliveryView,
        destination: Destination,
        view: InvocationView,
        payload: bytes | None,
        result: bytes | None,
        attempt: int,
        now: int,
    ) -> Awaitable[Sent]: ...


class Make(Protocol):
    """What a delivery puts or calls, or None where it is for another store or must be tried."""

    def __call__(
        self,
        delivery: NewDelivery,
        destination: Destination,
        view: InvocationView,
        payload: bytes,
        result: bytes | None,
        now: int,
    ) -> MailboxPut | Call | None: ...


class Sending(Send, Protocol):
    """Whoever knows the destinations. Called, it makes one attempt."""

    @property
    def place(self) -> Make: ...

    def local(self, receiver: str) -> bool:
        """Whether deliveries to that receiver stay within this store."""
        ...

    async def close(self) -> None:
        """No attempt follows: give back connections. Idempotent."""
        ...
