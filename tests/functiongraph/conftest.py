"""The door in virtual time: its whole application over SQLite and scripted functions, asked without
sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from tests.doors import asking
from tests.doors.virtual import VirtualDoor, virtual_doors

from thence.config import Settings
from thence.testing.service import Service

PROJECT, REGION = "6f1d2c3b4a5968778695a4b3c2d1e0f0", "local-1"
FUNCTIONS = f"/v2/{PROJECT}/fgs/functions"


class Answer(asking.Answer):
    def error(self) -> tuple[int, str]:
        """(status, code), once the body is found to be the vendor's and to have a request id."""
        found = self.json
        assert set(found) == {"error_code", "error_msg"} and found["error_msg"], found
        assert len(self.headers["x-request-id"]) == 36
        return self.status, found["error_code"]

    def message(self) -> str:
        return str(self.json["error_msg"])


def urn(name: str = "f", version: str | None = "latest", package: str = "default") -> str:
    whole = f"urn:fss:{REGION}:{PROJECT}:function:{package}:{name}"
    return whole if version is None else f"{whole}:{version}"


def at(which: str, rest: str) -> str:
    """The path of a function, its URN percent-encoded as the SDK does."""
    return f"{FUNCTIONS}/{quote(which, safe='')}/{rest}"


class FgDoor(VirtualDoor):
    answer = Answer
    name = "functiongraph"
    settings_of_all: ClassVar = {"region": REGION, "account_id": PROJECT}

    def __init__(self, service: Service, settings: Settings) -> None:
        # The virtual service has no settings, so its records name no account.
        service.engine.parts.deliver.attempts.send._account_id = settings.account_id
        service.engine.parts.deliver.attempts.send._region = settings.region
        super().__init__(service, settings)

    async def request(self, method: str, path: str, **more: Any) -> Answer:
        headers = {"content-type": "application/json", **(more.pop("headers", None) or {})}
        return await super().request(method, path, headers=headers, **more)

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
        logs = self.state.logs
        await logs.start(self.engine, self.service.notices)
        for follower in logs.followers:
            await follower.loop.stop()

    async def write_log(self) -> None:
        for follower in self.state.logs.followers:
            while await follower.once() == 0:
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
    async with virtual_doors(FgDoor) as make:
        yield make


@pytest.fixture
async def door(make_door: MakeDoor) -> FgDoor:
    return await make_door()
