"""One request and its answer: `ask` without sockets, `Asker` with a verb for each method."""

from __future__ import annotations

import asyncio
import json as json_
from collections.abc import Iterator
from typing import Any, TypeVar
from urllib.parse import unquote

ASK_SECONDS_MAX = 60  # so that what is never answered does not hang a test


class Answer:
    """`status, headers, body = answer` reads well too. whole: its bytes, where they came over a
    socket."""

    def __init__(
        self, status: int, headers: dict[str, str], body: bytes, whole: bytes = b""
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.whole = whole

    def __iter__(self) -> Iterator[Any]:
        return iter((self.status, self.headers, self.body))

    def __repr__(self) -> str:
        return f"<{self.status} {self.headers} {self.body[:400]!r}>"

    @property
    def json(self) -> Any:
        return json_.loads(self.body)


AnAnswer = TypeVar("AnAnswer", bound=Answer)


async def ask(
    app: Any,
    method: str,
    path: str,
    *,
    data: bytes | list[bytes] = b"",
    json: Any = None,
    headers: dict[str, str] | None = None,
    gone: asyncio.Event | None = None,
    answer: type[AnAnswer] = Answer,  # type: ignore[assignment]
) -> AnAnswer:
    """data: a list comes in pieces, without a Content-Length. gone: the caller goes away when it
    is set; then the answer has status 0."""
    chunks = list(data) if isinstance(data, list) else [data]
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
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if chunks:
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(ASK_SECONDS_MAX):
        await app(scope, receive, send)
    if not sent:
        return answer(0, {}, b"")
    found = {k.decode().lower(): v.decode("latin-1") for k, v in sent[0]["headers"]}
    return answer(sent[0]["status"], found, b"".join(message["body"] for message in sent[1:]))


class Asker:
    """Whatever has `request`: a verb for each method."""

    async def request(self, method: str, path: str, **more: Any) -> Any:
        raise NotImplementedError

    async def get(self, path: str, **more: Any) -> Any:
        return await self.request("GET", path, **more)

    async def post(self, path: str, **more: Any) -> Any:
        return await self.request("POST", path, **more)

    async def put(self, path: str, **more: Any) -> Any:
        return await self.request("PUT", path, **more)

    async def delete(self, path: str, **more: Any) -> Any:
        return await self.request("DELETE", path, **more)
