"""What a kind of destination is: all that a file under destinations/, or a package of others, needs.

A sender makes one attempt and says how it went; it never repeats one (engine/deliver.py does, by the
rules of seed alibaba-fc-result-callback: 5xx or no answer again from 0.5 s doubling for up to 30
minutes, 4xx recorded and not again). docs/build/destinations.md shows how to add a kind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Protocol

from msgspec import Struct

from ..catalog.destination import (
    HIDDEN,
    Destination,
    Formed,
    hidden,
    number_field,
    refused,
    text_field,
)
from ..descriptors import DELIVERY_ATTEMPTS_MAX
from ..lifecycle.lineage import Lineage
from ..store.records import Call, MailboxPut

__all__ = [
    "HIDDEN",
    "Accept",
    "Destination",
    "Formed",
    "Kind",
    "Parcel",
    "Placer",
    "Put",
    "Resources",
    "Sender",
    "Sent",
    "hidden",
    "number_field",
    "refused",
    "text_field",
]

TIMEOUT_SECONDS = 30.0

Network = IPv4Network | IPv6Network

Put = Callable[[MailboxPut], Awaitable[None]]
"""Commits one message to the built-in mailbox and returns when it is on disk. Raises Unavailable."""


class Accept(Protocol):
    """Accepts an invocation of a function of this service."""

    async def __call__(
        self,
        name: str,
        payload: bytes,
        *,
        content_type: str,
        idempotency_key: str,
        lineage: Lineage | None,
        traceparent: str,
        source: str,
    ) -> int:
        """Accept an invocation and answer its id, or that of the earlier one with the same key.
        `name` is NAME, or NAME@QUALIFIER for another qualifier than `latest`. Raises ThenceError."""
        ...


class Resources(Struct):
    """What senders may use of the service and its settings."""

    put: Put
    accept: Accept
    allow_networks: Sequence[Network] = ()  # private networks open to outgoing connections
    timeout_seconds: float = TIMEOUT_SECONDS  # for one attempt
    attempts_max: int = DELIVERY_ATTEMPTS_MAX  # under way at all receivers


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
    """How one attempt went. `status` is an HTTP status or its like (200 for the built-in kinds, 0
    when nobody answered)."""

    delivered: bool
    again: bool = False  # not delivered, but another attempt may succeed
    status: int = 0
    error: str = ""  # a sentence without secrets
    retry_after_seconds: float | None = None
    # Why it is dead when not again: "rejected", "gone", "too_many_hops", "forbidden_address",
    # "not_installed".
    reason: str = ""


class Sender(Protocol):
    async def send(self, parcel: Parcel) -> Sent:
        """One attempt within its own time limit; the parcel's destination is of the sender's kind.
        Never raises: what happens is the answer."""
        ...

    async def close(self) -> None: ...


class Placer(Protocol):
    """A sender whose place is this store itself may have this too: then a delivery needs no attempt
    of its own, it is made in the commit that owes it (engine/place.py)."""

    def place(self, parcel: Parcel) -> MailboxPut | Call | None:
        """What that commit holds, or None: make an attempt. No I/O."""
        ...


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of destination, whole. Only the first three are needed.

    What is written becomes a destination by `read_text` (None: it has no text form) and
    `read_object` (None: by the types of the struct's fields), which raise InvalidInput naming the
    field, the value and the rule (`refused`). Unknown fields are refused before, and what a
    destination that is `Formed` says of its records is read after.
    """

    destination: type[Destination]
    """Its struct, with a `tag` of its own."""

    make: Callable[[Resources], Sender]
    """Its sender, once for a service. Its client is imported here, so that programs which only read
    destinations do not load it."""

    written: tuple[str, ...]
    """How it is written as text, for sentences: `queue:NAME`."""

    read_text: Callable[[str, str], Destination] | None = None
    read_object: Callable[[dict[str, Any], str], Destination] | None = None

    types: Mapping[str, tuple[str, ...]] = {}
    """The `type`s of its objects, each with its fields. Empty: its tag, with those of the struct."""

    words: tuple[str, ...] = ()
    """The first words of its texts (before the colon). Empty: its types."""

    local: tuple[str, ...] = ()
    """The first words of receivers that stay within this store; the sender is a Placer then."""
