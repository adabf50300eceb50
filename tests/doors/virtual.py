"""A door in virtual time: the whole application over SQLite and scripted functions, asked without
sockets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from thence.api.app import build_app
from thence.api.doors import installed, opened
from thence.api.metrics.scrape import Metrics
from thence.api.shared.context import Context
from thence.api.shared.door import Door
from thence.settings import Settings
from thence.testing.service import Service

from .asking import Answer, Asker, ask


def state_of(doors: list[Door], name: str) -> Any:
    [found] = [door for door in doors if door.name == name]
    return found.state  # type: ignore[attr-defined]


class VirtualDoor(Asker):
    """`service`: functions, clock and engine. `request` asks as a client would, see ask()."""

    answer: type[Answer] = Answer
    settings_of_all: dict[str, Any] = {}
    name: str  # of the door that is tested

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self.engine = service.engine
        self.clock = service.clock
        metrics = Metrics(service.engine, service.notices, service.clock, version="0")
        self.context = Context(service.engine, settings, service.clock, service.notices, metrics)
        self.context.started()
        self.doors = opened(self.context, installed())
        self.app = build_app(self.context, self.doors)

    @property
    def state(self) -> Any:
        """What the door that is tested keeps of the service."""
        return state_of(self.doors, self.name)

    async def request(self, method: str, path: str, **more: Any) -> Any:
        return await ask(self.app, method, path, answer=self.answer, **more)

    async def accepted(self) -> int:
        """How many invocations were ever accepted."""
        return int((await self.engine.stats()).accepted)


ADoor = TypeVar("ADoor", bound=VirtualDoor)


@contextlib.asynccontextmanager
async def virtual_doors(kind: type[ADoor]) -> AsyncIterator[Callable[..., Awaitable[ADoor]]]:
    """What makes doors with other settings; the options of the engine by name in `options`."""
    async with contextlib.AsyncExitStack() as services:

        async def make(options: dict[str, Any] | None = None, **settings: Any) -> ADoor:
            service = await services.enter_async_context(Service(**(options or {})))
            given = {"data_dir": str(service.directory), **kind.settings_of_all, **settings}
            return kind(service, Settings(**given))

        yield make
