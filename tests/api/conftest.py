"""A real server on a free port of the loopback: SQLite, the fast path, scripted functions."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.doors import asking
from tests.doors.served import Served, served

from thence.catalog.code import pack
from thence.config import Settings
from thence.notices import Notice

CODE = base64.b64encode(pack([("main.py", b"def handler(event, context): ...\n")])).decode()


N = TypeVar("N", bound=Notice)


class Answer(asking.Answer):
    def problem(self) -> dict[str, Any]:
        """The body, checked to be an RFC 9457 problem of this status."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        found = self.json
        assert found["status"] == self.status
        assert found["type"] == f"/problems/{found['code']}"
        assert found["title"] and found["detail"].endswith("."), found
        return found


class Server(Served):
    answer = Answer

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


MakeServer = Callable[..., Awaitable[Server]]


@pytest.fixture
async def make_server(tmp_path: Path) -> AsyncIterator[MakeServer]:
    async with contextlib.AsyncExitStack() as servers:

        async def make(**settings: Any) -> Server:
            given = {"data_dir": str(tmp_path / "data"), "listen": "127.0.0.1:0", **settings}
            return await servers.enter_async_context(served(Server, Settings(**given)))

        yield make


@pytest.fixture
async def server(make_server: MakeServer) -> Server:
    return await make_server()
