"""Invokes another function of this service with a record as its payload.

The accept carries the idempotency key `delivery:ID`, so a delivery that is sent again after its
answer was lost never invokes twice. The lineage travels with it and ends a chain at 16 hops: what
slips past the check for cycles (a destination changed later, a chain through a webhook that calls
back) cannot go on for ever.
"""

from __future__ import annotations

from typing import Protocol

from ..catalog.destination import FunctionDestination, qualified
from ..errors import (
    IdempotencyMismatch,
    NotFound,
    PayloadTooLarge,
    ThenceError,
    Unavailable,
)
from ..lifecycle.ids import format_id
from ..lifecycle.lineage import HOPS_MAX, Lineage, next_hop
from ..store.records import Call
from .interface import Parcel, Sent

SOURCE = "destination"


class Accept(Protocol):
    """The engine's door, as a destination uses it."""

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


class FunctionSender:
    """Accepts one invocation a delivery."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept

    async def send(self, parcel: Parcel) -> Sent:
        destination = parcel.destination
        if not isinstance(destination, FunctionDestination):
            return Sent(False, error="This is not a function.", reason="rejected")
        call = _call(destination, parcel)
        if call is None:
            return _too_many_hops(parcel, destination)
        try:
            await self._accept(
                qualified(destination),
                parcel.record,
                content_type=call.content_type,
                idempotency_key=call.idempotency_key,
                lineage=call.lineage,
                traceparent=call.traceparent,
                source=call.source,
            )
        except ThenceError as error:
            return _refused(error)
        return Sent(True, status=200)

    def place(self, parcel: Parcel) -> Call | None:
        """The same call; None where the chain is too long, which a try records."""
        if not isinstance(parcel.destination, FunctionDestination):
            return None
        return _call(parcel.destination, parcel)

    async def close(self) -> None:
        """Nothing is held: the door belongs to the engine."""


def _call(destination: FunctionDestination, parcel: Parcel) -> Call | None:
    """None: the chain ends here."""
    lineage = next_hop(parcel.lineage, format_id(parcel.invocation_id), parcel.function)
    if lineage is None:
        return None
    return Call(
        name=destination.name,
        qualifier=destination.qualifier,
        payload=parcel.record,
        content_type=parcel.content_type,
        idempotency_key=f"delivery:{format_id(parcel.delivery_id)}",
        lineage=lineage,
        traceparent=parcel.traceparent,
        source=SOURCE,
    )


def _too_many_hops(parcel: Parcel, destination: FunctionDestination) -> Sent:
    path = parcel.lineage.path if parcel.lineage is not None else ()
    chain = " -> ".join((*path, parcel.function, destination.name))
    return Sent(
        False,
        status=508,
        error=f"A chain of function destinations ends after {HOPS_MAX} hops: {chain}.",
        reason="too_many_hops",
    )


def _refused(error: ThenceError) -> Sent:
    match error:
        case IdempotencyMismatch():
            # The key is this delivery's alone, so an earlier try was accepted and its answer lost;
            # the record has changed since (a body's retention ended). It must not run twice.
            return Sent(True, status=200)
        case Unavailable():
            return Sent(
                False,
                again=True,
                status=503,
                error=error.detail,
                retry_after_seconds=float(error.retry_after_seconds),
            )
        case NotFound():
            return Sent(False, status=404, error=error.detail, reason="rejected")
        case PayloadTooLarge():
            return Sent(False, status=413, error=error.detail, reason="rejected")
    return Sent(False, status=400, error=error.detail, reason="rejected")
