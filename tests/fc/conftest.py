"""The door in virtual time: its whole application over SQLite and scripted functions. `door` asks
it without sockets; `wire` through the service's own protocol on the loopback, which answers some
requests itself (the hot way) and leaves others to the application (the slow way)."""

from __future__ import annotations

import asyncio
import json as json_
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
import yarl

from thence.api.app import build_app
from thence.api.listener import Listener, bind
from thence.api.metrics.scrape import Metrics
from thence.api.shared.context import Door
from thence.config import Settings
from thence.testing.service import Service

ASK_SECONDS = 60  # so that what is never answered does not hang a test
ALL_KEYS = {"Code", "Message", "RequestId", "ErrorCode", "ErrorMessage"}


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json_.loads(self.body)

    def error(self) -> tuple[int, str, str]:
        """(status, code, message), once the body is found to have all five keys."""
        found = self.json
        assert set(found) == ALL_KEYS and found["Code"] == found["ErrorCode"], found
        assert found["Message"] == found["ErrorMessage"]
        assert found["RequestId"] == self.headers["x-fc-request-id"]
        return self.status, found["Code"], found["Message"]


async def ask(
    app: Any,
    method: str,
    path: str,
    *,
    data: bytes | list[bytes] = b"",
    json: Any = None,
    headers: dict[str, str] | None = None,
    gone: asyncio.Event | None = None,
) -> Answer:
    """data: a list comes in pieces, without a Content-Length. gone: the caller goes away when it
    is set; then the answer has status 0."""
    chunks = data if isinstance(data, list) else [data]
    given = {"host": "127.0.0.1", **{k.lower(): v for k, v in (headers or {}).items()}}
    if json is not None:
        chunks = [json_.dumps(json).encode()]
        given.setdefault("content-type", "application/json")
    if not isinstance(data, list):
        given["content-length"] = str(len(chunks[0]))
    raw_path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": unquote(raw_path), "raw_path": raw_path.encode(),
        "query_string": query.encode(), "root_path": "", "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items()],
    }  # fmt: skip
    left, sent = list(chunks), []

    async def receive() -> dict[str, Any]:
        if left:
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(ASK_SECONDS):
        await app(scope, receive, send)
    if not sent:
        return Answer(0, {}, b"")
    found = {k.decode().lower(): v.decode("latin-1") for k, v in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(one["body"] for one in sent[1:]))


class FcDoor:
    """`service`: functions, clock and engine. `request` asks as a client would."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.engine = service.engine
        self.clock = service.clock
        metrics = Metrics(service.engine, service.notices, service.clock, version="0")
        self.door = Door(service.engine, settings, service.clock, service.notices, metrics)
        self.door.started()
        self.app = build_app(self.door)

    async def request(self, method: str, path: str, **more: Any) -> Answer:
        """See ask()."""
        return await ask(self.app, method, path, **more)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.request("GET", path, **more)

    async def post(self, path: str, **more: Any) -> Answer:
        return await self.request("POST", path, **more)

    async def put(self, path: str, **more: Any) -> Answer:
        return await self.request("PUT", path, **more)

    async def delete(self, path: str, **more: Any) -> Answer:
        return await self.request("DELETE", path, **more)


class Wire:
    """A door behind a port. `way`: "hot", or "slow" with a header that the hot way leaves alone."""

    def __init__(self, door: FcDoor, way: str) -> None:
        self.door = door
        self.service = door.service
        self.engine = door.engine
        self.way = way
        self.session = aiohttp.ClientSession()

    async def start(self) -> None:
        self.listener = Listener(self.door.door, self.door.app, await bind("127.0.0.1", 0))
        await self.listener.start()
        self.port = int(self.listener.url.rpartition(":")[2])

    async def stop(self) -> None:
        await self.session.close()
        await self.listener.stop(0)

    async def post(
        self, path: str, *, data: Any = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        given = dict(headers or {})
        if self.way == "slow":
            given["prefer"] = "nothing"
        url = yarl.URL(self.listener.url + path, encoded=True)
        async with self.session.post(url, data=data, headers=given) as response:
            low = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, low, await response.read())

    async def accepted(self) -> int:
        """How many invocations were ever accepted."""
        stats = await self.engine.stats()
        return int(stats.accepted)


MakeDoor = Callable[..., Awaitable[FcDoor]]
MakeWire = Callable[..., Awaitable[Wire]]


@pytest.fixture
async def make_door() -> AsyncIterator[MakeDoor]:
    """A door with other settings; the options of the engine by name in `options`."""
    services: list[Service] = []

    async def make(options: dict[str, Any] | None = None, **settings: Any) -> FcDoor:
        service = Service(**(options or {}))
        await service.__aenter__()
        services.append(service)
        return FcDoor(service, Settings(**settings))

    yield make
    for service in services:
        await service.__aexit__(None, None, None)


@pytest.fixture
async def door(make_door: MakeDoor) -> FcDoor:
    return await make_door()


@pytest.fixture(params=["hot", "slow"])
async def make_wire(request: pytest.FixtureRequest, make_door: MakeDoor) -> AsyncIterator[MakeWire]:
    """As make_door, behind a port; each test runs for both ways."""
    wires: list[Wire] = []

    async def make(options: dict[str, Any] | None = None, **settings: Any) -> Wire:
        wire = Wire(await make_door(options, **settings), request.param)
        await wire.start()
        wires.append(wire)
        return wire

    yield make
    for wire in wires:
        await wire.stop()


@pytest.fixture
async def wire(make_wire: MakeWire) -> Wire:
    return await make_wire()
