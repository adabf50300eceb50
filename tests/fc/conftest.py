"""The door in virtual time: its whole application over SQLite and scripted functions. `door` asks
it without sockets; `wire` through the service's own protocol on the loopback, which answers some
requests itself (the fast path) and leaves others to the application (the slow path)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.doors import asking
from tests.doors.virtual import VirtualDoor, virtual_doors
from tests.doors.wire import Port, listening

ALL_KEYS = {"Code", "Message", "RequestId", "ErrorCode", "ErrorMessage"}


class Answer(asking.Answer):
    def error(self) -> tuple[int, str, str]:
        """(status, code, message), once the body is found to have all five keys."""
        assert self.status >= 400, self.body
        assert self.headers["content-type"] == "application/json"
        found = self.json
        assert set(found) == ALL_KEYS and found["Code"] == found["ErrorCode"], found
        assert found["Message"] == found["ErrorMessage"]
        assert found["RequestId"] == self.headers["x-fc-request-id"]
        return self.status, found["Code"], found["Message"]


class FcDoor(VirtualDoor):
    answer = Answer
    name = "fc"


class Wire(Port):
    """A door behind a port. `way`: "fast", or "slow" with a header that the fast path leaves alone."""

    answer = Answer
    way = ""

    def __init__(self, door: FcDoor, listener: Any) -> None:
        super().__init__(listener, door.engine)
        self.door = door
        self.service = door.service

    async def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        given = {"prefer": "nothing"} if self.way == "slow" else {}
        return await super().request(method, path, headers={**(headers or {}), **given}, **more)


@contextlib.asynccontextmanager
async def wired(door: FcDoor, kind: type[Wire] = Wire) -> AsyncIterator[Any]:
    async with listening(door.context, door.doors, door.app) as listener:
        wire = kind(door, listener)
        try:
            yield wire
        finally:
            await wire.close()


MakeDoor = Callable[..., Awaitable[FcDoor]]
MakeWire = Callable[..., Awaitable[Wire]]


@pytest.fixture
async def make_door() -> AsyncIterator[MakeDoor]:
    """A door with other settings; the options of the engine by name in `options`."""
    async with virtual_doors(FcDoor) as make:
        yield make


@pytest.fixture
async def door(make_door: MakeDoor) -> FcDoor:
    return await make_door()


@pytest.fixture(params=["fast", "slow"])
async def make_wire(request: pytest.FixtureRequest, make_door: MakeDoor) -> AsyncIterator[MakeWire]:
    """As make_door, behind a port; each test runs for both ways."""
    async with contextlib.AsyncExitStack() as wires:

        async def make(options: dict[str, Any] | None = None, **settings: Any) -> Wire:
            wire = await wires.enter_async_context(wired(await make_door(options, **settings)))
            wire.way = request.param
            return wire

        yield make


@pytest.fixture
async def wire(make_wire: MakeWire) -> Wire:
    return await make_wire()
