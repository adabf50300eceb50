"""The control of a function: a limit over all its versions, and the switch that disables it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response

from ...catalog.control import Control
from ...catalog.function import CONCURRENCY_MAX
from ...clock import iso
from ...errors import InvalidInput
from ..shared.answer import answer
from ..shared.rest.call import Call

REASON_MAX = 1024


class ControlBody(Struct, forbid_unknown_fields=True):
    """Both have to be said, so that neither is lifted by being left out. `limit`: slots of all
    versions together; null: each has its own. `disabled`: why it is, may be empty; null: it is
    enabled. `abort`: what runs when it is disabled is stopped; only where `disabled` is a text."""

    limit: Annotated[int, Meta(ge=0, le=CONCURRENCY_MAX)] | None
    disabled: Annotated[str, Meta(max_length=REASON_MAX)] | None
    abort: bool = False


class ControlShown(Struct):
    function: str
    limit: int | None
    disabled: str | None
    updated_at: str | None


async def get(call: Call) -> Response:
    name = call.path["name"]
    return answer(show(name, call.context.engine.functions.control(name)))


async def put(call: Call) -> Response:
    engine, name = call.context.engine, call.path["name"]
    engine.functions.get(name)
    body = await call.json(ControlBody)
    if body.abort and body.disabled is None:
        raise InvalidInput(
            "abort: it stops what runs when a function is disabled; give the reason in `disabled`, "
            "or leave it out.",
            field="abort",
            value=True,
        )
    control = Control(limit=body.limit, disabled=body.disabled)
    return answer(show(name, await engine.functions.put_control(name, control, abort=body.abort)))


def show(function: str, control: Control) -> ControlShown:
    updated_at = iso(control.updated_at) if control.updated_at else None
    return ControlShown(function, control.limit, control.disabled, updated_at)
