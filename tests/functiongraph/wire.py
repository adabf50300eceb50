"""The door behind a port: bytes in, bytes out, and which requests came to the application."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from thence.api.listener import Listener, bind

LAST = b"GET /livez HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}")
_DATE = re.compile(rb"(?<=\r\ndate: )[^\r]+")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")


def request(
    path: str, *lines: str, body: bytes = b"{}", first: str = "POST {} HTTP/1.1", host: str = "h"
) -> bytes:
    head = [first.format(path), f"host: {host}", f"content-length: {len(body)}", *lines]
    return "\r\n".join((*head, "", "")).encode("latin-1") + body


class Answer:
    """One answer as it came."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.status = int(head[9:12])
        lines = [one.split(": ", 1) for one in head.decode("latin-1").split("\r\n")[1:]]
        self.headers = {name.lower(): value for name, value in lines}
        assert len(self.headers) == len(lines), "no header comes twice"
        self.body = body
        self.whole = head + b"\r\n\r\n" + body

    def comparable(self) -> bytes:
        """Every byte of it but its ids (each becomes the number of its first place) and date."""
        seen: dict[bytes, bytes] = {}

        def named(match: re.Match[bytes]) -> bytes:
            return seen.setdefault(match[0], b"ID%d" % len(seen))

        assert _DATE.search(self.whole), self.whole
        return _ID.sub(named, _DATE.sub(b"NOW", self.whole))


class Line:
    """`slow`: paths that the application was asked since it was cleared."""

    def __init__(self, door: Any) -> None:
        self.door = door
        self.engine = door.engine
        self.slow: list[str] = []

    async def start(self) -> None:
        self.listener = Listener(self.door.door, self, await bind("127.0.0.1", 0))
        await self.listener.start()

    async def stop(self) -> None:
        await self.listener.stop(0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.slow.append(scope["path"])
        await self.door.app(scope, receive, send)

    async def raw(self, data: bytes) -> list[Answer]:
        """Everything that is answered until the server closes."""
        port = int(self.listener.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        found = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        answers = []
        while found:
            head, _, rest = found.partition(b"\r\n\r\n")
            size = _LENGTH.search(head + b"\r\n")
            assert size is not None, head
            answers.append(Answer(head, rest[: int(size[1])]))
            found = rest[int(size[1]) :]
        return answers

    async def one(self, data: bytes, *, hot: bool) -> Answer:
        """The answer to one request, which must have taken that way."""
        self.slow.clear()
        answers = await self.raw(data + LAST)
        assert len(answers) == 2 and answers[1].status == 200, (data[:400], answers)
        assert len(self.slow) == (1 if hot else 2), (data[:400], self.slow)
        return answers[0]

    async def accepted(self) -> int:
        return int((await self.engine.stats()).accepted)
