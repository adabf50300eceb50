"""Tags of functions. A tag is an entry of the catalogue, owned by the family of its function, so it
goes with that. Of the vendor's resources only functions are here."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from ...engine.engine import Engine
from ...engine.plan import Plan, delete_entry, put_entry, together
from ...lifecycle.ids import format_id
from ..shared.answer import answer, empty
from .call import Call
from .errors import invalid
from .found import row
from .function_input import read
from .route import Route
from .urn import Urn
from .urn import read as read_urn

TAG = "functiongraph.tag"
TAGS_MAX = 20  # of a function


class Tag(Struct, forbid_unknown_fields=True):
    key: Annotated[str, Meta(min_length=1, max_length=128)]
    value: Annotated[str, Meta(max_length=255)] = ""


class Tags(Struct, forbid_unknown_fields=True):
    tags: list[Tag] = []
    sys_tags: list[Tag] = []
    action: Literal["", "create", "delete"] = ""


async def list_function_tags(call: Call) -> Response:
    found = _of(call.engine, _owner(call))
    shown = [{"key": key, "value": value} for key, value in found.items()]
    return answer({"tags": shown, "sys_tags": []})


async def create_tags(call: Call) -> Response:
    """Adds them; a key that is there already has the new value."""
    asked = await _asked(call, "create")

    async def decide() -> Plan:
        owner = _owner(call)
        count = len(_of(call.engine, owner).keys() | {tag.key for tag in asked})
        if count > TAGS_MAX:
            raise invalid(f"tags: {count} of one function; at most {TAGS_MAX}")
        return together(
            put_entry(TAG, owner, tag.key, msgspec.json.encode(tag.value)) for tag in asked
        )

    await call.engine.functions.change(decide)
    return empty()


async def delete_tags(call: Call) -> Response:
    asked = await _asked(call, "delete")

    async def decide() -> Plan:
        owner = _owner(call)
        return together(delete_entry(TAG, owner, tag.key) for tag in asked)

    await call.engine.functions.change(decide)
    return empty()


async def show_project_tags_list(call: Call) -> Response:
    """All keys there are, each with all its values."""
    found: dict[str, set[str]] = {}
    for entry in call.engine.functions.entries(TAG):
        found.setdefault(entry.name, set()).add(msgspec.json.decode(entry.data, type=str))
    shown = [{"key": key, "values": sorted(found[key])} for key in sorted(found)]
    return answer({"tags": shown, "sys_tags": []})


def _of(engine: Engine, owner: str) -> dict[str, str]:
    return {
        entry.name: msgspec.json.decode(entry.data, type=str)
        for entry in engine.functions.entries(TAG, owner)
    }


async def _asked(call: Call, action: str) -> list[Tag]:
    asked = read(await call.object(), Tags)
    if asked.action not in ("", action):
        raise invalid(f"action: {asked.action!r} is not what this path does, {action!r}")
    if asked.sys_tags:
        raise invalid("sys_tags: there are no tags of the system here; use tags")
    if not asked.tags:
        raise invalid("tags: at least one is needed")
    return asked.tags


def _owner(call: Call) -> str:
    """Of the function that `resource_id` is: any form of its URN, or the id in its answers."""
    text = call.path["resource_id"]
    for function in call.engine.functions.all():
        if format_id(function.family) == text:
            return str(function.family)
    urn = read_urn(text, call.state.region, call.state.project)
    return str(row(call, Urn(urn.package, urn.name)).family)


ALL = "/functions/tags"
ONE = "/functions/{resource_id}/tags"
ROUTES = (
    Route("show_project_tags_list", "GET", ALL, show_project_tags_list),
    Route("list_function_tags", "GET", ONE, list_function_tags),
    Route("create_tags", "POST", ONE + "/create", create_tags),
    Route("delete_tags", "DELETE", ONE + "/delete", delete_tags),
)
