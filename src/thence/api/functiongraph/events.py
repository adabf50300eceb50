"""Test events: what clients keep with a function to call it with (reference 10.2).

An event is an entry of the catalogue, owned by the family of the function, so it goes with that.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response

from ...catalog.entry import Entry
from ...engine.plan import Plan, delete_entry, put_entry
from ...lifecycle.ids import format_id
from ..shared.answer import answer, empty
from .call import Call
from .errors import FssError, invalid, not_found
from .found import row
from .function_input import read
from .paging import page, paged
from .route import Route
from .urn import Urn

EVENT = "functiongraph.event"
CONTENT_BYTES_MAX = 4096  # FSS.1069
EVENTS_MAX = 10  # of a function, FSS.1068
NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")


class Event(Struct):
    """As it is kept. `content`: as it was written, JSON in base64."""

    name: str
    content: str


class UpdateEvent(Struct, forbid_unknown_fields=True):
    content: str


class CreateEvent(UpdateEvent, forbid_unknown_fields=True):
    name: str


# ---------------------------------------------------------------- operations


async def create_event(call: Call) -> Response:
    asked = read(await call.object(), CreateEvent)
    if NAME.fullmatch(asked.name) is None:
        raise invalid(
            f"name: {asked.name[:80]!r} is not valid; 1 to 64 letters, digits, '_' or '-', "
            "beginning with a letter and ending with a letter or digit",
            "FSS.1002",
        )
    _check(asked.content)
    id = format_id(call.engine.new_id())

    async def decide() -> Plan:
        owner, found = _owner(call), _events(call)
        if any(event.name == asked.name for _, event in found):
            raise FssError(409, "FSS.0409", f"name: there is an event {asked.name!r} already")
        if len(found) >= EVENTS_MAX:
            raise FssError(403, "FSS.1068", f"a function has at most {EVENTS_MAX} test events")
        return _put(owner, id, Event(asked.name, asked.content))

    await call.engine.functions.change(decide)
    return answer({"id": id, "name": asked.name})


async def list_events(call: Call) -> Response:
    part, next_marker = page(call, sorted(_events(call), key=lambda found: found[1].name))
    shown = [
        {"id": entry.name, "name": event.name, "last_modified": entry.updated_at / 1000}
        for entry, event in part
    ]
    return answer(paged("events", shown, next_marker, len(_events(call))))


async def show_event(call: Call) -> Response:
    entry, event = _wanted(call)
    return answer(
        {
            "id": entry.name,
            "name": event.name,
            "content": event.content,
            "last_modified": entry.updated_at / 1000,
        }
    )


async def update_event(call: Call) -> Response:
    asked = read(await call.object(), UpdateEvent)
    _check(asked.content)

    async def decide() -> Plan:
        entry, event = _wanted(call)
        return _put(entry.owner, entry.name, Event(event.name, asked.content))

    await call.engine.functions.change(decide)
    entry, event = _wanted(call)
    return answer({"id": entry.name, "name": event.name})


async def delete_event(call: Call) -> Response:
    async def decide() -> Plan:
        entry, _ = _wanted(call)
        return delete_entry(EVENT, entry.owner, entry.name)

    await call.engine.functions.change(decide)
    return empty()


# ---------------------------------------------------------------- inside


def _owner(call: Call) -> str:
    urn = call.urn
    return str(row(call, Urn(urn.package, urn.name)).family)


def _events(call: Call) -> list[tuple[Entry, Event]]:
    entries = call.engine.functions.entries(EVENT, _owner(call))
    return [(entry, msgspec.json.decode(entry.data, type=Event)) for entry in entries]


def _wanted(call: Call) -> tuple[Entry, Event]:
    id = call.path["event_id"]
    for entry, event in _events(call):
        if entry.name == id:
            return entry, event
    raise not_found(f"test event {id[:80]!r} does not exist", "FSS.1070")


def _put(owner: str, id: str, event: Event) -> Plan:
    return put_entry(EVENT, owner, id, msgspec.json.encode(event))


def _check(content: str) -> None:
    try:
        data: Any = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"content: it is not valid base64 ({error})") from None
    if len(data) > CONTENT_BYTES_MAX:
        raise FssError(403, "FSS.1069", f"content: {len(data)} bytes; at most {CONTENT_BYTES_MAX}")
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"content: it is not JSON in base64: {error}") from None


ALL = "/fgs/functions/{function_urn}/events"
ONE = ALL + "/{event_id}"
ROUTES = (
    Route("create_event", "POST", ALL, create_event),
    Route("list_events", "GET", ALL, list_events),
    Route("show_event", "GET", ONE, show_event),
    Route("update_event", "PUT", ONE, update_event),
    Route("delete_event", "DELETE", ONE, delete_event),
)
