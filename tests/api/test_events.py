"""The stream of events: every transition, in order, resumable."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from thence.api.native import events as module
from thence.testing.answers import Error


class Stream:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments = 0

    async def next(self) -> tuple[str, str, dict[str, Any]]:
        """(id, event, data) of the next event."""
        fields: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self.response.content.readline(), 20)).decode()
            if not line:
                raise EOFError
            name, _, value = line.rstrip("\n").partition(": ")
            if line == "\n" and "data" in fields:
                return fields["id"], fields["event"], json.loads(fields["data"])
            if line.startswith(":"):
                self.comments += 1
            fields[name] = value


@pytest.fixture
async def streams(server: Any) -> AsyncIterator[Any]:
    responses = []

    async def start(query: str = "", **headers: str) -> Stream:
        response = await server.session.get(f"{server.url}/v1/events{query}", headers=headers)
        responses.append(response)
        assert response.status == 200 and response.content_type == "text/event-stream"
        stream = Stream(response)
        await response.content.readline()  # the reconnection time: the stream has begun
        return stream

    yield start
    for response in responses:
        response.close()


async def read(stream: Stream, id: str, last: str) -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    while True:
        event = await stream.next()
        found.append(event)
        if event[2]["id"] == id and event[1] == last:
            return found


async def test_every_transition_comes_in_order_and_can_be_resumed(
    server: Any, streams: Any
) -> None:
    await server.deploy(answers=[Error(), "x"], retry_wait={"first_seconds": 0, "cap_seconds": 0})
    stream = await streams("?after=0.0")
    id = await server.accept()
    found = await read(stream, id, "succeeded")
    kinds = [kind for _, kind, _ in found]
    assert kinds[0] in ("queued", "running") and kinds[-1] == "succeeded" and "retrying" in kinds
    for event_id, kind, data in found:
        assert data["state"] == kind and data["function"] == "f" and data["at"].endswith("Z"), (
            event_id
        )
    assert len({event_id for event_id, _, _ in found}) == len(found)
    # From the middle: exactly what came behind.
    middle = found[1][0]
    for again in (await streams(f"?after={middle}"), await streams(**{"Last-Event-ID": middle})):
        assert await read(again, id, "succeeded") == found[2:]


async def test_events_are_filtered(server: Any, streams: Any) -> None:
    await server.deploy("a", answers=["x"])
    await server.deploy("b", answers=["x"])
    only_b = await streams("?function=b&after=0.0")
    first = await server.accept("a")
    second = await server.accept("b")
    assert {data["function"] for _, _, data in await read(only_b, second, "succeeded")} == {"b"}
    await server.ended(first)
    only_first = await streams(f"?invocation={first}&after=0.0")
    assert {data["id"] for _, _, data in await read(only_first, first, "succeeded")} == {first}


async def test_deliveries_are_events_too(server: Any, streams: Any) -> None:
    await server.deploy(answers=["x"], on_success="queue:q")
    stream = await streams("?after=0.0")
    id = await server.accept()
    found = await read(stream, id, "delivery:delivered")
    assert len(found[-1][2]["delivery"]) == 36


async def test_a_silent_stream_says_that_it_lives(
    server: Any, streams: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.01)
    stream = await streams()
    assert await stream.response.content.readuntil(b": still here\n")


async def test_a_stream_ends_when_the_service_shuts_down(server: Any, streams: Any) -> None:
    stream = await streams()
    server.service.context.closing.set()
    with pytest.raises(EOFError):
        await stream.next()


async def test_a_caller_of_http_1_0_reads_it_without_chunks(server: Any) -> None:
    await server.deploy()
    id = await server.accept()
    await server.ended(id)
    reader, writer = await server.connect()
    writer.write(b"GET /v1/events?after=0.0 HTTP/1.0\r\nHost: h\r\n\r\n")
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).lower()
    assert b"connection: close\r\n" in head
    assert b"transfer-encoding" not in head and b"content-length" not in head
    assert await reader.readuntil(b"\n\n") == b"retry: 1000\n\n"
    assert (await asyncio.wait_for(reader.readuntil(b"\n\n"), 20)).startswith(b"id: ")
    server.service.context.closing.set()
    rest = await asyncio.wait_for(reader.read(), 20)
    assert all(part.startswith((b"id: ", b": still")) for part in rest.split(b"\n\n")[:-1])
    writer.close()


@pytest.mark.parametrize("chunks", [1, 2])
async def test_a_reader_that_goes_away_leaves_no_task(chunks: int) -> None:
    begun = asyncio.Event()

    async def nothing() -> AsyncIterator[bytes]:
        begun.set()
        await asyncio.Event().wait()
        yield b""

    before = asyncio.all_tasks()
    call: Any = SimpleNamespace(context=SimpleNamespace(closing=asyncio.Event()))
    stream = module._chunks(call, nothing())
    assert await anext(stream) == b"retry: 1000\n\n"
    await begun.wait()
    if chunks == 2:
        waiting = asyncio.ensure_future(anext(stream))  # type: ignore[arg-type]
        for _ in range(3):  # turns of the loop until it waits for an event, in a task of its own
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks() - before) == 4
        waiting.cancel()
        await asyncio.wait({waiting})
    await stream.aclose()  # type: ignore[attr-defined]
    left = asyncio.all_tasks() - before
    if left:
        _, left = await asyncio.wait(left, timeout=5)
    assert not left


async def test_an_id_of_another_store_is_told_as_a_gap(server: Any, streams: Any) -> None:
    _, kind, data = await (await streams("?after=999999.0")).next()
    assert kind == "gap" and data == {"gap": True, "reason": "unknown_event"}


@pytest.mark.parametrize("query", ["after=x", "after=1.x", "after=-1.0", "invocation=x", "since=1"])
async def test_a_bad_place_is_refused(server: Any, query: str) -> None:
    answer = await server.get(f"/v1/events?{query}")
    assert answer.status == 400 and answer.problem()
