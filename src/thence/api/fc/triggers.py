"""Triggers as resources (reference 8.5). None of their kinds can fire here, so none can be made: what
would be stored and never act is refused, after all else about the request has been checked.

A kind that fires says so in KINDS; making, changing and deleting triggers of it join here.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from ...catalog.entry import Entry
from ...catalog.function import Function
from ...engine.engine import Engine
from ..shared.answer import answer
from .call import Call, convert
from .errors import FcError, invalid
from .keys import recased
from .names import Name, qualifier_of
from .paging import page, paged
from .route import V2, V3, Route
from .services import wanted

TRIGGER = "fc.trigger"  # entries; owner: the family, name: the trigger's, data: as it is shown
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
CONFIG_BYTES_MAX = 128 * 1024
HTTP = "http"


class Kind(Struct, frozen=True):
    """`what`: causes its firing, for people. `source`: a trigger of it must name a sourceArn."""

    what: str
    source: bool = True
    fires: bool = False


KINDS = {
    "timer": Kind("a clock", source=False),
    "oss": Kind("objects of a bucket"),
    "log": Kind("lines of a logstore"),
    "mns_topic": Kind("messages of a topic"),
    HTTP: Kind("HTTP requests", source=False),
    "eventbridge": Kind("events of a bus or a stream", source=False),
    "cdn_events": Kind("events of a CDN"),
    "tablestore": Kind("rows of a table"),
}
"""By triggerType."""


class CreateTrigger(Struct, forbid_unknown_fields=True):
    triggerName: str
    triggerType: str
    triggerConfig: Any = None  # JSON text; an object in the oldest generation
    qualifier: Annotated[str, Meta(max_length=128)] = ""
    sourceArn: Annotated[str, Meta(max_length=512)] = ""
    invocationRole: Annotated[str, Meta(max_length=512)] = ""
    description: Annotated[str, Meta(max_length=256)] = ""


# ---------------------------------------------------------------- operations


async def create_trigger(call: Call) -> Response:
    function = wanted(call)
    data = await call.object()
    asked = convert(recased(data, CreateTrigger) if call.old else data, CreateTrigger)
    kind = _check(call, asked)
    if any(trigger.name == asked.triggerName for trigger in triggers_of(call.engine, function)):
        raise FcError(409, "TriggerAlreadyExists", f"trigger '{asked.triggerName}' already exists")
    raise cannot_fire(asked.triggerType, kind)


def cannot_fire(name: str, kind: Kind) -> FcError:
    return invalid(
        f"triggerType: triggers of type '{name}' ({kind.what}) cannot fire in this service, so none "
        "was created; call the function itself, asynchronously if need be"
    )


async def list_triggers(call: Call) -> Response:
    function = wanted(call)
    prefix, begin = call.query.get("prefix", ""), call.query.get("startKey", "")
    found = [
        trigger
        for trigger in triggers_of(call.engine, function)
        if trigger.name.startswith(prefix) and trigger.name >= begin
    ]
    part, token = page(call, found, lambda trigger: (trigger.name,))
    shown = {"triggers": [msgspec.json.decode(trigger.data) for trigger in part]}
    return answer(paged(call, shown, token))


async def no_such_trigger(call: Call) -> Response:
    """Get, update and delete, as long as there can be none."""
    wanted(call)
    name = call.path["trigger"]
    raise FcError(404, "TriggerNotFound", f"trigger '{name}' does not exist in {_said(call.name)}")


# ---------------------------------------------------------------- for others


def triggers_of(engine: Engine, function: Function) -> list[Entry]:
    """Of all versions of a function, by name."""
    return engine.functions.entries(TRIGGER, str(function.family))


# ---------------------------------------------------------------- checks


def _check(call: Call, asked: CreateTrigger) -> Kind:
    kind = check_trigger(asked, old=call.old)
    wanted(call, qualifier_of(asked.qualifier))
    return kind


def check_trigger(asked: CreateTrigger, *, old: bool) -> Kind:
    """Raises FcError for what would be wrong whether triggers can fire or not."""
    if NAME.fullmatch(asked.triggerName) is None:
        raise invalid(
            f"triggerName: {asked.triggerName[:140]!r} is not valid; 1 to 128 letters, digits, '_' "
            "or '-', not starting with a digit or '-'"
        )
    kind = KINDS.get(asked.triggerType)
    if kind is None:
        raise invalid(
            f"triggerType: {asked.triggerType[:80]!r} is not a type of triggers; it is one of "
            f"{', '.join(KINDS)}"
        )
    _check_config(asked.triggerConfig, old=old)
    if kind.source and not asked.sourceArn:
        raise invalid(f"sourceArn: a trigger of type '{asked.triggerType}' must name its source")
    return kind


def _check_config(config: Any, *, old: bool) -> None:
    """JSON text that holds an object; in the oldest generation the object itself."""
    if config is None or (old and isinstance(config, dict)):
        return
    if not isinstance(config, str):
        raise invalid(
            "triggerConfig: it must be "
            + ("an object" if old else "a text that holds a JSON object, not the object itself")
        )
    if len(config.encode()) > CONFIG_BYTES_MAX:
        raise invalid(f"triggerConfig: {len(config)} characters; at most {CONFIG_BYTES_MAX} bytes")
    try:
        found = msgspec.json.decode(config)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid(f"triggerConfig: the text is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise invalid("triggerConfig: the text must hold a JSON object")


def _said(name: Name) -> str:
    if name.service:
        return f"function '{name.function}' of service '{name.service}'"
    return f"function '{name.function}'"


ALL = "/functions/{function}/triggers"
IN_SERVICE = "/services/{service}" + ALL
ROUTES = tuple(
    route
    for path, generations in ((ALL, V3), (IN_SERVICE, V2))
    for route in (
        Route("CreateTrigger", "POST", path, create_trigger, generations),
        Route("ListTriggers", "GET", path, list_triggers, generations),
        Route("GetTrigger", "GET", path + "/{trigger}", no_such_trigger, generations),
        Route("UpdateTrigger", "PUT", path + "/{trigger}", no_such_trigger, generations),
        Route("DeleteTrigger", "DELETE", path + "/{trigger}", no_such_trigger, generations),
    )
)
