"""Triggers of a function: what causes calls of it inside the service."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field
from starlette.responses import Response

from ...catalog.function import LATEST
from ...clock import iso
from ...triggers.trigger import Trigger
from ...triggers.triggers import TriggerView
from ..shared.answer import answer, empty
from ..shared.rest.call import Call
from .paging import after_name, cut


class TriggerBody(Struct, forbid_unknown_fields=True):
    """A trigger as a whole: what is left out has its default. `config`: as the kind wants it."""

    type: str
    config: Any = field(default_factory=dict)
    qualifier: str = LATEST
    enabled: bool = True
    description: str = ""


class TriggerShown(Struct):
    """`state`: `watching`, `failing` (see `last_error`; tried again at `next_try_at`), `disabled`,
    `not_installed` (the package of its kind is missing) or `starting`. Counts since this node began."""

    name: str
    function: str
    type: str
    config: Any
    qualifier: str
    enabled: bool
    description: str
    state: str
    fired: int
    refused: int
    last_fired_at: str | None
    last_error: str
    next_try_at: str | None
    created_at: str
    updated_at: str


class TriggerPage(Struct):
    items: list[TriggerShown]
    cursor: str | None


async def put(call: Call) -> Response:
    name, trigger = call.path["name"], call.path["trigger"]
    call.context.engine.functions.get(name)  # what is not there is said before the rest
    body = await call.json(TriggerBody)
    wanted = Trigger(
        name=trigger,
        type=body.type,
        config=body.config,
        qualifier=body.qualifier,
        enabled=body.enabled,
        description=body.description,
    )
    view, created = await call.context.triggers.put(name, wanted)
    headers = {"location": f"/v1/functions/{name}/triggers/{trigger}"} if created else {}
    return answer(show(view), 201 if created else 200, headers)


async def get(call: Call) -> Response:
    return answer(show(call.context.triggers.get(call.path["name"], call.path["trigger"])))


async def listed(call: Call) -> Response:
    after = after_name(call)
    views = call.context.triggers.all(call.path["name"])
    found = [view for view in views if view.trigger.name > after]
    page, following = cut(found, call.query["limit"], lambda view: view.trigger.name)
    return answer(TriggerPage([show(view) for view in page], following))


async def delete(call: Call) -> Response:
    await call.context.triggers.delete(call.path["name"], call.path["trigger"])
    return empty()


def show(view: TriggerView) -> TriggerShown:
    trigger, status = view.trigger, view.status
    return TriggerShown(
        name=trigger.name,
        function=view.function,
        type=trigger.type,
        config=view.shown,
        qualifier=trigger.qualifier,
        enabled=trigger.enabled,
        description=trigger.description,
        state=_state(view),
        fired=status.fired if status else 0,
        refused=status.refused if status else 0,
        last_fired_at=iso(status.last_fired_at) if status else None,
        last_error=status.last_error if status else "",
        next_try_at=iso(status.again_at) if status else None,
        created_at=iso(view.created_at) or "",
        updated_at=iso(view.updated_at) or "",
    )


def _state(view: TriggerView) -> str:
    if not view.installed:
        return "not_installed"
    if not view.trigger.enabled:
        return "disabled"
    return str(view.status.state) if view.status else "starting"
