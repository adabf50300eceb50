"""A real server on a free port of the loopback: SQLite, the hot protocol, scripted functions."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from thence.api.listener import Listener, bind
from thence.catalog.code import pack
from thence.config import Settings
from thence.notices import Notice
from thence.server import Service, build
from thence.testing.runtime import ScriptedRuntime, Scripts

CODE = base64.b64encode(pack([("main.py", b"def handler(event, context): ...\n")])).decode()


N = TypeVar("N", bound=Notice)


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def problem(self) -> dict[str, Any]:
        """The body, checked to be an RFC 9457 problem of this status."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        found = self.json
        assert found["status"] == self.status
        assert found["type"] == f"/problems/{found['code']}"
        assert found["title"] and found["detail"].endswith("."), found
        return found


class Server:
    def __init__(self, service: Service, listener: Listener, scripts: Scripts) -> None:
        self.service = service
        self.engine = service.engine
        self.notices = service.engine.notices
        self.listener = listener
        self.scripts = scripts
        self.url = listener.url
        self.port = int(listener.url.rpartition(":")[2])
        self.session = aiohttp.ClientSession(auto_decompress=False)

    async def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        async with self.session.request(
            method, self.url + path, headers=headers, allow_redirects=False, **more
        ) as response:
            low = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, low, await response.read())

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.request("GET", path, **more)

    async def post(self, path: str, **more: Any) -> Answer:
        return await self.request("POST", path, **more)

    async def deploy(self, name: str = "f", answers: Any = None, **spec: Any) -> Answer:
        if answers is not None:
            self.scripts.set(name, answers)
        answer = await self.request("PUT", f"/v1/functions/{name}", json={"code": CODE, **spec})
        assert answer.status in (200, 201), answer.body
        return answer

    async def accept(self, name: str = "f", data: bytes = b"{}", **headers: str) -> str:
        path = f"/v1/functions/{name}/invocations"
        answer = await self.post(path, data=data, headers=headers)
        assert answer.status == 202, answer.body
        return str(answer.json["id"])

    async def ended(self, id: str) -> dict[str, Any]:
        """The invocation when it has ended."""
        answer = await self.get(f"/v1/invocations/{id}?wait=20")
        assert answer.json["ended_at"] is not None, answer.json
        return answer.json

    def next(self, kind: type[N]) -> asyncio.Future[N]:
        """The next notice of that kind, from now on. Bounded, so that a test cannot hang."""
        found: asyncio.Future[N] = asyncio.get_running_loop().create_future()
        off = self.notices.on(kind, lambda notice: found.done() or found.set_result(notice))
        found.add_done_callback(lambda _: off())
        return asyncio.ensure_future(asyncio.wait_for(found, 20))

    async def stored(self) -> int:
        """How many invocations were ever accepted."""
        return (await self.engine.stats()).accepted

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def raw(self, data: bytes) -> bytes:
        """Everything that is answered to `data` until the server closes."""
        reader, writer = await self.connect()
        writer.write(data)
        found = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return found

    async def stop(self) -> None:
        await self.session.close()
        await self.service.stop(0)
        await self.listener.stop(0)


MakeServer = Callable[..., Awaitable[Server]]


@pytest.fixture
async def make_server(tmp_path: Path) -> AsyncIterator[MakeServer]:
    servers: list[Server] = []

    async def make(**settings: Any) -> Server:
        scripts = Scripts()
        service = build(
            Settings(data_dir=str(tmp_path / "data"), listen="127.0.0.1:0", **settings),
            make_runtime=lambda code, notices, clock: ScriptedRuntime(clock, scripts),
        )
        listener = Listener(service.door, service.app, await bind("127.0.0.1", 0))
        await listener.start()
        await service.start()
        servers.append(Server(service, listener, scripts))
        return servers[-1]

    yield make
    for server in servers:
        await server.stop()


@pytest.fixture
async def server(make_server: MakeServer) -> Server:
    return await make_server()
