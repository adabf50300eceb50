"""`function:NAME`: another function of this service is invoked with the record as its payload.

    function:NAME function:NAME@QUALIFIER
    {"type": "function", "name": "f", "qualifier": "2"}

The accept carries the idempotency key `delivery:ID`, so a delivery that is sent again after its
answer was lost never invokes twice. The lineage travels with it and ends a chain at 16 hops: what
slips past the check for cycles (a destination changed later, a chain through a webhook that calls
back) cannot go on for ever.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..catalog.destination import Target
from ..errors import (
    IdempotencyMismatch,
    NotFound,
    PayloadTooLarge,
    ThenceError,
    Unavailable,
)
from ..lifecycle.ids import format_id
from ..lifecycle.lineage import HOPS_MAX, next_hop
from ..store.records import Call
from .interface import Accept, Formed, Kind, Parcel, Sent, refused, text_field

SOURCE = "destination"
_PART = r"[A-Za-z_][A-Za-z0-9_-]{0,127}"
_FUNCTION = re.compile(rf"({_PART}(?:\${_PART})?)(?:@([A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?")


class FunctionDestination(Formed, frozen=True, tag="function"):
    """Where it says no limit for its records, the service's own counts."""

    name: str
    qualifier: str = "latest"

    def receiver(self) -> str:
        return f"function:{self.name}"

    def describe(self) -> str:
        return f"function:{self.qualified}"

    def shown(self) -> Any:
        return msgspec.to_builtins(self) if self.formed else self.describe()

    def calls(self) -> Target:
        return Target(self.name, self.qualifier)

    @property
    def qualified(self) -> str:
        """NAME, or NAME@QUALIFIER for another qualifier than `latest`."""
        return self.name if self.qualifier == "latest" else f"{self.name}@{self.qualifier}"


def _from_text(text: str, where: str) -> FunctionDestination:
    return _named(text.partition(":")[2], where)


def _from_object(data: dict[str, Any], where: str) -> FunctionDestination:
    name = text_field(data, "name", where)
    qualifier = text_field(data, "qualifier", where, "latest")
    return _named(name if qualifier == "latest" else f"{name}@{qualifier}", where)


def _named(text: str, where: str) -> FunctionDestination:
    match = _FUNCTION.fullmatch(text)
    if match is None:
        raise refused(where, f"{text[:140]!r} is not a function name.", value=text[:140])
    return FunctionDestination(match.group(1), match.group(2) or "latest")


class FunctionSender:
    """Accepts one invocation a delivery."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept

    async def send(self, parcel: Parcel) -> Sent:
        destination = parcel.destination
        assert isinstance(destination, FunctionDestination)
        call = _call(destination, parcel)
        if call is None:
            return _too_many_hops(parcel, destination)
        try:
            await self._accept(
                destination.qualified,
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
        """The same call; None where the chain is too long, which an attempt records."""
        assert isinstance(parcel.destination, FunctionDestination)
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
            # The key is this delivery's alone, so an earlier attempt was accepted and its answer lost;
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


KIND = Kind(
    destination=FunctionDestination,
    types={"function": ("name", "qualifier")},
    written=("function:NAME",),
    read_text=_from_text,
    read_object=_from_object,
    make=lambda resources: FunctionSender(resources.accept),
    local=("function",),
)
