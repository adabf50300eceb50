"""Pinned functions: those come first in lists (`update_function_collect_state`)."""

from __future__ import annotations

from starlette.responses import Response

from ...engine.engine import Engine
from ..shared.answer import answer
from .call import Call
from .errors import invalid
from .found import row
from .route import Route
from .urn import Urn, read

PINNED = "functiongraph.pinned"  # entries; owner: the family
_STATES = {"true": True, "false": False}


async def update_function_collect_state(call: Call) -> Response:
    urn = read(call.path["func_urn"], call.state.region, call.state.project)
    state = call.path["state"].lower()
    if state not in _STATES:
        raise invalid(f"state: {state[:40]!r} is not true or false")
    family = str(row(call, Urn(urn.package, urn.name)).family)
    if _STATES[state]:
        await call.engine.functions.put_entry(PINNED, family, "", b"true")
    else:
        await call.engine.functions.delete_entry(PINNED, family, "")
    return answer({})


def pinned(engine: Engine) -> set[int]:
    """The families that are."""
    return {int(entry.owner) for entry in engine.functions.entries(PINNED)}


ROUTES = (
    Route(
        "update_function_collect_state",
        "PUT",
        "/fgs/functions/{func_urn}/collect/{state}",
        update_function_collect_state,
    ),
)
