"""The bytes of requests and of answers, and whoever sends them to a port."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import yarl

from thence.api.listener import Listener, bind

from .asking import Answer, Asker

READ_SECONDS_MAX = 60
FIRST_LINE = re.compile(r"HTTP/1\.1 (\d{3}) .*")


def request(
    path: str, *lines: str, body: bytes = b"{}", first: str = "POST {} HTTP/1.1", host: str = "h"
) -> bytes:
    """first: the first line, with {} for the path."""
    head = [first.format(path), f"Host: {host}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join((*head, "", "")).encode("latin-1") + body


def get(path: str, *lines: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: h", *lines, "", "")).encode("latin-1")


LAST = get("/livez", "Connection: close")


def parse(data: bytes) -> list[Answer]:
    """The answers in a stream; all of them have a Content-Length."""
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        matched = FIRST_LINE.fullmatch(first)
        assert matched is not None, first
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        assert len(headers) == len(lines), f"a header comes twice: {lines}"
        size = int(headers.get("content-length", "0"))
        assert len(rest) >= size
        whole = data[: len(head) + 4 + size]
        found.append(Answer(int(matched[1]), headers, rest[:size], whole))
        data = rest[size:]
    return found


def statuses(data: bytes) -> list[int]:
    return [answer.status for answer in parse(data)]


class Port(Asker):
    """A service behind a port of the loopback. `request` as a client would, `raw` byte for byte."""

    answer: type[Answer] = Answer

    def __init__(self, listener: Listener, engine: Any) -> None:
        self.listener = listener
        self.engine = engine
        self.url = listener.url
        self.port = int(listener.url.rpartition(":")[2])
        self.session = aiohttp.ClientSession(auto_decompress=False)

    async def close(self) -> None:
        await self.session.close()

    async def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> Any:
        url = yarl.URL(self.url + path, encoded=True)
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False, **more
        ) as response:
            low = {name.lower(): value for name, value in response.headers.items()}
            return self.answer(response.status, low, await response.read())

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def raw(self, data: bytes) -> bytes:
        """Everything that is answered to `data` until the server closes."""
        reader, writer = await self.connect()
        writer.write(data)
        found = await asyncio.wait_for(reader.read(), READ_SECONDS_MAX)
        writer.close()
        return found

    async def answers(self, data: bytes) -> list[Answer]:
        return parse(await self.raw(data))

    async def accepted(self) -> int:
        """How many invocations were ever accepted."""
        return int((await self.engine.stats()).accepted)


class TwoWays(Port):
    """A door in virtual time behind a port. `slow`: paths that its application was asked since it was
    cleared; what the protocol answers itself does not come there."""

    def __init__(self, door: Any, listener: Listener, slow: list[str]) -> None:
        super().__init__(listener, door.engine)
        self.door = door
        self.service = door.service
        self.slow = slow

    async def one(self, data: bytes, *, fast: bool) -> Answer:
        """The answer to one request, which must have taken that way."""
        self.slow.clear()
        answers = await self.answers(data + LAST)
        assert len(answers) == 2 and answers[1].status == 200, (data[:400], answers)
        assert len(self.slow) == (1 if fast else 2), (data[:400], self.slow)
        return answers[0]


@contextlib.asynccontextmanager
async def two_ways(door: Any) -> AsyncIterator[TwoWays]:
    slow: list[str] = []

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        slow.append(scope["path"])
        await door.app(scope, receive, send)

    async with listening(door.context, door.doors, noted) as listener:
        line = TwoWays(door, listener, slow)
        try:
            yield line
        finally:
            await line.close()


@contextlib.asynccontextmanager
async def listening(context: Any, doors: Any, app: Any) -> AsyncIterator[Listener]:
    """Both on a free port of the loopback."""
    listener = Listener(context, doors, app, await bind("127.0.0.1", 0))
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(0)
