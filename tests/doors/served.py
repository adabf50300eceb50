"""A service with a real store and scripted functions behind a port of the loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from thence.api.listener import Listener
from thence.clock import Clock
from thence.config import Settings
from thence.notices import Notices
from thence.runtimes.code import CodeCache
from thence.runtimes.interface import Runtime
from thence.server import Service, build
from thence.testing.runtime import ScriptedRuntime, Scripts

from .wire import Port, listening


class Served(Port):
    """`scripts`: what its functions answer."""

    def __init__(self, service: Service, listener: Listener, scripts: Scripts) -> None:
        super().__init__(listener, service.engine)
        self.service = service
        self.scripts = scripts
        self.notices = service.engine.notices
        self.clock: Any = service.context.clock

    async def stop(self) -> None:
        """A second call does nothing."""
        await self.close()
        await self.service.stop(0)


AServed = TypeVar("AServed", bound=Served)


@contextlib.asynccontextmanager
async def served(
    kind: type[AServed], settings: Settings, clock: Clock | None = None, *, scripted: bool = True
) -> AsyncIterator[AServed]:
    """scripted: False for real instances."""
    scripts = Scripts()

    def runtime(code: CodeCache, notices: Notices, clock: Clock) -> Runtime:
        return ScriptedRuntime(clock, scripts)

    service = build(settings, clock, make_runtime=runtime if scripted else None)
    async with listening(service.context, service.doors, service.app) as listener:
        await service.start()
        port = kind(service, listener, scripts)
        try:
            yield port
        finally:
            await port.stop()
