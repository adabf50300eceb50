"""What runs beside the engine as long as the service does: metrics, doors, triggers, chores.

Each has `start` and `stop`; `server.py` has them in one list. They are started in its order, once the
engine takes work, and stopped in the reverse order before the engine drains.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

log = logging.getLogger("thence.server")


class Startable(Protocol):
    async def start(self) -> None:
        """The engine takes work: begin. Raises StartupError where it cannot."""
        ...

    async def stop(self) -> None:
        """The service shuts down: end, and give back what is held. Idempotent; also before a start."""
        ...


class Background(Protocol):
    """A loop, as engine/loop.py has them."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...


class Looped:
    """A loop as a service."""

    def __init__(self, loop: Background) -> None:
        self._loop = loop

    async def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()


class Services:
    """Several as one."""

    def __init__(self, services: Iterable[Startable]) -> None:
        self._services = list(services)

    async def start(self) -> None:
        """Each in turn. Where one cannot, those before it are stopped, and its error is raised."""
        for number, service in enumerate(self._services):
            try:
                await service.start()
            except BaseException:
                await _stop(self._services[:number])
                raise

    async def stop(self) -> None:
        """All of them, the last first. What one of them raises is logged: the others and the engine
        have to end all the same."""
        await _stop(self._services)


async def _stop(services: list[Startable]) -> None:
    for service in reversed(services):
        try:
            await service.stop()
        except Exception:  # whatever a service's mistake is
            log.exception("stopping %s failed", type(service).__name__)
