"""Is it alive, is it ready: without credentials, for those who watch processes."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from ..shared.answer import answer
from ..shared.problems import NotReady
from ..shared.rest.call import Call


class Health(Struct):
    status: str


async def live(call: Call) -> Response:
    """The process answers."""
    return answer(Health("ok"))


async def ready(call: Call) -> Response:
    """The service takes work; 503 with the reason while it starts, drains or cannot write."""
    reason = call.context.unready()
    if reason is not None:
        raise NotReady(reason)
    return answer(Health("ok"))
