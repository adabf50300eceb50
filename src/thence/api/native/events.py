"""The stream of every transition as server-sent events, resumable by `Last-Event-ID`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct
from starlette.responses import Response, StreamingResponse

from ...clock import iso
from ...engine.engine import Engine
from ...engine.events import Event, parse_event_id
from ...errors import ThenceError
from ...lifecycle.ids import format_id
from ..shared.answer import COMMON
from ..shared.rest.call import Call
from .filters import family_id

log = logging.getLogger("thence.api")

HEARTBEAT_SECONDS = 15.0
AHEAD = 1000  # events read ahead of a slow reader
CHUNK = 200  # events in one write
UNKNOWN, NOT_KEPT = "unknown_event", "not_kept"  # why there is a gap


class EventShown(Struct, omit_defaults=True):
    """One transition. `id`: the invocation. `state`: its state, or `delivery:` and the state of the
    delivery whose id is in `delivery`. `gap`: events before this place are not kept any more
    (`reason` `not_kept`), or this store never had the event that was asked for (`unknown_event`: it
    is of another store); what follows is new."""

    at: str | None = None
    id: str = ""
    function: str = ""
    state: str = ""
    attempt: int = 0
    reason: str = ""
    delivery: str = ""
    gap: bool = False


async def stream(call: Call) -> Response:
    query, engine = call.query, call.context.engine
    after = call.header("last-event-id") or query["after"]
    if after is not None:
        parse_event_id(after)
    wanted = family_id(engine, query["function"])
    events = _chosen(engine, engine.events.read(after), wanted, query["invocation"])
    headers = {**COMMON, "content-type": "text/event-stream", "x-accel-buffering": "no"}
    return StreamingResponse(_chunks(call, events), 200, headers)


async def _chosen(
    engine: Engine,
    events: AsyncIterator[Event],
    family: int | None,
    invocation: int | None,
) -> AsyncIterator[bytes]:
    async for event in events:
        transition = event.transition
        if transition is not None:
            if family is not None and _family(engine, transition.function_id) != family:
                continue
            if invocation is not None and transition.id != invocation:
                continue
        yield encode(engine, event)


def _family(engine: Engine, function_id: int) -> int:
    found = engine.functions.named(function_id)
    return function_id if found is None else found[1]


def encode(engine: Engine, event: Event) -> bytes:
    """One event as it goes over the wire."""
    transition = event.transition
    if transition is None:
        return b"id: %s\nevent: gap\ndata: %s\n\n" % (
            event.id.encode(),
            msgspec.json.encode(
                EventShown(gap=True, reason=UNKNOWN if event.unknown else NOT_KEPT)
            ),
        )
    found = engine.functions.named(transition.function_id)
    shown = EventShown(
        at=iso(transition.at),
        id=format_id(transition.id),
        function="" if found is None else found[0],
        state=transition.state,
        attempt=transition.attempt,
        reason=transition.reason,
        delivery=format_id(transition.delivery) if transition.delivery else "",
    )
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (
        event.id.encode(),
        transition.state.encode(),
        msgspec.json.encode(shown),
    )


async def _chunks(call: Call, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Events as they come, many in one write when many are there; a comment when none come, so
    that both ends learn of a dead connection. Ends when the service begins to shut down, or when
    the store cannot be read: the caller comes back with the last id it saw."""
    queue: asyncio.Queue[bytes] = asyncio.Queue(AHEAD)
    reader = asyncio.ensure_future(_fill(queue, events))
    closing = asyncio.ensure_future(call.context.closing.wait())
    getting: asyncio.Future[bytes] | None = None
    try:
        yield b"retry: 1000\n\n"
        while not closing.done() and not (reader.done() and queue.empty()):
            getting = asyncio.ensure_future(queue.get())
            await asyncio.wait(
                {getting, closing, reader},
                timeout=HEARTBEAT_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not getting.done():
                getting.cancel()
                if not reader.done():
                    yield b": still here\n\n"
                continue
            chunk = [getting.result()]
            while len(chunk) < CHUNK and not queue.empty():
                chunk.append(queue.get_nowait())
            yield b"".join(chunk)
    finally:
        for task in (closing, reader, getting):  # a caller who goes away ends this at any await
            if task is not None:
                task.cancel()
        await asyncio.wait({reader})


async def _fill(queue: asyncio.Queue[bytes], events: AsyncIterator[bytes]) -> None:
    try:
        async for event in events:
            await queue.put(event)
    except ThenceError as error:
        log.warning("the stream of events ends: %s", error.detail)
