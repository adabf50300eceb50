"""The door in virtual time: its whole application over SQLite and scripted functions, asked without
sockets."""

from __future__ import annotations

import asyncio
import json as json_
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest

from thence.api.app import build_app
from thence.api.metrics.scrape import Metrics
from thence.api.shared.context import Door
from thence.config import Settings
from thence.testing.service import Service

PROJECT, REGION = "6f1d2c3b4a5968778695a4b3c2d1e0f0", "local-1"
FUNCTIONS = f"/v2/{PROJECT}/fgs/functions"


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json_.loads(self.body)

    def error(self) -> tuple[int, str]:
        """(status, code), once the body is found to be the vendor's and to have a request id."""
        found = self.json
        assert set(found) == {"error_code", "error_msg"} and found["error_msg"], found
        assert len(self.headers["x-request-id"]) == 36
        return self.status, found["error_code"]

    def message(self) -> str:
        return str(self.json["error_msg"])


async def ask(
    app: Any,
    method: str,
    path: str,
    *,
    data: bytes = b"",
    json: Any = None,
    headers: dict[str, str] | None = None,
    gone: asyncio.Event | None = None,
) -> Answer:
    """gone: the caller goes away when it is set; then the answer has status 0."""
    given = {"host": "127.0.0.1", **{k.lower(): v for k, v in (headers or {}).items()}}
    body = data if json is None else json_.dumps(json).encode()
    given.setdefault("content-type", "application/json")
    given["content-length"] = str(len(body))
    raw_path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": unquote(raw_path), "raw_path": raw_path.encode(),
        "query_string": query.encode(), "root_path": "", "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items()],
    }  # fmt: skip
    left, sent = [body], []

    async def receive() -> dict[str, Any]:
        if left:
            return {"type": "http.request", "body": left.pop(0), "more_body": False}
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if not sent:
        return Answer(0, {}, b"")
    found = {k.decode().lower(): v.decode("latin-1") for k, v in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(one["body"] for one in sent[1:]))


def urn(name: str = "f", version: str | None = "latest", package: str = "default") -> str:
    whole = f"urn:fss:{REGION}:{PROJECT}:function:{package}:{name}"
    return whole if version is None else f"{whole}:{version}"


def at(which: str, rest: str) -> str:
    """The path of a function, its URN percent-encoded as the SDK does."""
    return f"{FUNCTIONS}/{quote(which, safe='')}/{rest}"


class FgDoor:
    """`service`: functions, clock and engine. `request` asks as a client would."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self.engine = service.engine
        self.clock = service.clock
        # The virtual service has no settings, so its records name no account.
        service.engine.deliver.send._account_id = settings.account_id
        service.engine.deliver.send._region = settings.region
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

    async def function(self, name: str = "f", answers: Any = None, **spec: Any) -> None:
        """Deployed as this door does: no retries without settings."""
        given = {
            "contract": "functiongraph",
            "max_retries": 0,
            "max_event_age_seconds": 3600,
            "listed": True,
        }
        await self.service.function(name, answers=answers, **{**given, **spec})

    async def settings_of(self, which: str = "", **fields: Any) -> Answer:
        """PUT the asynchronous settings."""
        found = await self.put(at(which or urn(), "async-invoke-config"), json=fields)
        assert found.status == 200, found.body
        return found

    async def follow(self) -> None:
        """The status log is written when `write_log` says so, not by the clock."""
        logs = self.door.functiongraph.logs
        await logs.start(self.engine, self.service.notices)
        for one in logs.followers:
            await one.loop.stop()

    async def write_log(self) -> None:
        for one in self.door.functiongraph.logs.followers:
            while await one.once() == 0:
                pass

    async def start(self, which: str = "", data: bytes = b'{"k": "v"}') -> str:
        """An asynchronous call; its request id. What is due at once has happened."""
        found = await self.post(at(which or urn(), "invocations-async"), data=data)
        assert found.status == 202, found.body
        await self.service.settle()
        return str(found.json["request_id"])

    async def record(self, id: str, which: str = "") -> Any:
        """Its record, None where there is none."""
        found = await self.get(at(which or urn(), f"async-invocations?request_id={id}"))
        assert found.status == 200, found.body
        return (found.json["invocations"] or [None])[0]


MakeDoor = Callable[..., Awaitable[FgDoor]]


@pytest.fixture
async def make_door() -> AsyncIterator[MakeDoor]:
    """A door with other settings; the options of the engine by name in `options`."""
    services: list[Service] = []

    async def make(options: dict[str, Any] | None = None, **settings: Any) -> FgDoor:
        service = Service(**(options or {}))
        await service.__aenter__()
        services.append(service)
        folder = str(service.directory)
        return FgDoor(
            service, Settings(data_dir=folder, region=REGION, account_id=PROJECT, **settings)
        )

    yield make
    for service in services:
        await service.__aexit__(None, None, None)


@pytest.fixture
async def door(make_door: MakeDoor) -> FgDoor:
    return await make_door()
