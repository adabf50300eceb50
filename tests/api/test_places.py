"""When all places are taken: idle connections make room, and whoever asks whether it lives is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from thence.api.shared.places import LOOKS_MAX, Place, Places
from thence.config.settings import Limits
from thence.descriptors import RESERVED_CONNECTIONS
from thence.testing.answers import Forever

from .wire import PATH, connections, get, parse, request, statuses, until


class Line:
    """A connection, as its places see it."""

    def __init__(self, name: str, since: float | None = 0.0) -> None:
        self.name = name
        self.since = since
        self.closed = False

    def idle_since(self) -> float | None:
        return self.since

    def make_room(self) -> None:
        self.closed = True


def test_the_idle_connection_that_was_used_least_recently_makes_room() -> None:
    places = Places(3, 0)
    lines = [Line(name) for name in "abc"]
    for now, line in enumerate(lines):
        assert places.enter(line, now) is Place.ANY
    lines[0].since = 5.0  # it was used since it came
    assert places.enter(Line("d", 6.0), 6.0) is Place.ANY
    assert [line.closed for line in lines] == [False, True, False]
    assert len(places) == 3 and places.closed == 1


def test_a_busy_connection_never_makes_room() -> None:
    places = Places(2, 1)
    busy = [Line(name, None) for name in "ab"]
    for line in busy:
        places.enter(line, 0.0)
    assert places.enter(Line("c"), 1.0) is Place.RESERVED
    assert places.enter(Line("d"), 2.0) is Place.RESERVED, "the one on top was idle"
    places.leave(busy[0])
    assert places.enter(Line("e"), 3.0) is Place.ANY
    assert not any(line.closed for line in busy)


def test_a_newcomer_costs_a_bounded_number_of_looks_however_many_there_are() -> None:
    places = Places(10_000, 0)
    looks = 0

    class Counted(Line):
        def idle_since(self) -> float | None:
            nonlocal looks
            looks += 1
            return None

    for number in range(10_000):
        places.enter(Counted(str(number)), 0.0)
    assert places.enter(Line("one more"), 1.0) is Place.NONE
    assert looks == LOOKS_MAX


async def test_idle_connections_make_room_for_new_ones(make_server: Any) -> None:
    server = await make_server(limits=Limits(connections_max=4))
    await server.session.close()
    idle = [await server.connect() for _ in range(4)]
    await until(lambda: len(server.service.context.places) == 4)
    for _, writer in idle[2:]:
        writer.write(b"GET / HTTP/1.1\r\nX: ")  # nor does a header that does not end hold a place
    assert statuses(await server.raw(get("/livez", "Connection: close"))) == [200]
    assert await idle[0][0].read() == b"", "the oldest was closed"
    # The place of the one that was answered may be free again.
    found = await asyncio.gather(
        *(server.raw(get("/v1/functions", "Connection: close")) for _ in range(3))
    )
    assert [statuses(item) for item in found] == [[200]] * 3
    for _, writer in idle:
        writer.close()


async def test_when_all_places_are_in_use_it_still_tells_whether_it_lives(make_server: Any) -> None:
    server = await make_server(limits=Limits(connections_max=3))
    await server.deploy(answers=[Forever()])
    id = await server.accept()
    await server.session.close()
    waiting = [await server.connect() for _ in range(3)]
    for _, writer in waiting:
        writer.write(get(f"/v1/invocations/{id}?wait=30"))
    await until(lambda: sum(connection.busy() for connection in connections(server)) == 3)
    for path in ("/livez", "/readyz"):
        assert statuses(await server.raw(get(path, "Connection: close"))) == [200]
    for sent, word in (
        (get("/v1/functions"), "too_many_connections"),
        (request(), "too_many_connections"),
        (request("POST", "/2023-03-30/functions/f/invocations"), '"ResourceThrottled"'),
        (request("POST", "/v2/p/fgs/functions/f/x"), '"FSS.0503"'),
    ):
        ((status, headers, body),) = parse(await server.raw(sent))
        assert status == 503 and headers["retry-after"] and headers["connection"] == "close"
        assert word in body.decode(), "not an error of the request's own"
    refused = parse(await server.raw(get("/v1/stats")))[0].json
    assert refused["code"] == "too_many_connections" and refused["limit"] == 3
    # Nor can those on top be used up: idle ones make room there, too.
    held = [await server.connect() for _ in range(RESERVED_CONNECTIONS + 4)]
    assert statuses(await server.raw(get("/livez", "Connection: close"))) == [200]
    for _, writer in (*waiting, *held):
        writer.close()


@pytest.mark.parametrize("path", [PATH, "/2023-03-30/functions/f/invocations", "/v2/p/fgs/x"])
async def test_a_connection_without_any_place_is_refused_at_once(
    make_server: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await make_server()
    monkeypatch.setattr(server.service.context.places, "enter", lambda *_: Place.NONE)
    ((status, headers, body),) = parse(await server.raw(request("POST", path)))
    assert status == 503 and headers["retry-after"]
    assert json.loads(body)["code"] == "too_many_connections"
