"""Deliveries: records owed to destinations, their attempts, and sending dead ones again."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from ...errors import DeliveryNotFound
from ...lifecycle.ids import format_id, parse_id
from ..shared.answer import answer
from ..shared.rest.call import Call
from .filters import family_id
from .shown import DeliveryPage, show_delivery

STATES = ("pending", "delivered", "dead", "stopped")


class DeliveryRedriveAnswer(Struct):
    id: str
    state: str


async def listed(call: Call) -> Response:
    return await page(call, call.query["state"])


async def page(call: Call, state: str | None) -> Response:
    """One page of the deliveries in that state."""
    query, engine = call.query, call.context.engine
    found = await engine.deliveries.page(
        state, family_id(engine, query["function"]), query["limit"], query["cursor"]
    )
    return answer(
        DeliveryPage([show_delivery(engine, delivery) for delivery in found.items], found.cursor)
    )


async def get(call: Call) -> Response:
    id = _id(call)
    found = await call.context.engine.deliveries.find(id)
    if found is None:
        raise _unknown(format_id(id))
    return answer(show_delivery(call.context.engine, found))


async def redrive(call: Call) -> Response:
    id = _id(call)
    await call.context.engine.redrive.delivery(id)
    return answer(DeliveryRedriveAnswer(format_id(id), "pending"), 202)


def _id(call: Call) -> int:
    id = parse_id(call.path["id"])
    if id is None:
        raise _unknown(call.path["id"][:60])
    return id


def _unknown(name: str) -> DeliveryNotFound:
    return DeliveryNotFound(
        f"There is no delivery {name}; its id is wrong or its retention has ended.",
        kind="delivery",
        name=name,
    )
