"""One port: a bound socket, uvicorn's server on it with our protocol, started and stopped by us.

uvicorn brings the HTTP machinery; its signals, lifespan and log lines are not used, because the
service has an order of its own for starting and draining.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn

from ..errors import StartupError
from .protocol.connection import Reads
from .protocol.protocol import Protocol
from .shared.context import Context
from .shared.door import Door

BACKLOG = 4096
AFTER_SECONDS = 1  # what answers a connection that was closed has for its own end


async def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises StartupError, so that nothing is opened for a service
    that could not be reached."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except BaseException:
            bound.close()
            raise
    except OSError as error:
        raise StartupError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. Another program may use "
            "the port; set listen (THENCE_LISTEN) to another one.",
            setting="listen",
        ) from error
    bound.setblocking(False)
    return bound


class Listener:
    """Serves the application and the fast path on one socket."""

    def __init__(
        self, context: Context, doors: Sequence[Door], app: Any, bound: socket.socket
    ) -> None:
        fast_paths = tuple(door.fast_path for door in doors if door.fast_path is not None)
        reads = Reads(frozenset().union(*(door.once for door in doors)))
        host, port = bound.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._socket = bound
        config = uvicorn.Config(
            app,
            http=functools.partial(Protocol, context, fast_paths, reads),  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
        )
        self._server = uvicorn.Server(config)
        # Below errors it says what we say ourselves, and a line for each bad request of anybody.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._ticks: asyncio.Task[None] | None = None

    @property
    def connections(self) -> list[Protocol]:
        """Those that are open: for tests, which see here what is kept of each."""
        return list(self._server.server_state.connections)  # type: ignore[arg-type]

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """Of requests that the application is answering."""
        return set(self._server.server_state.tasks)

    async def start(self) -> None:
        config = self._server.config
        if not config.loaded:
            config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._socket])
        # It renews the Date header once a second.
        self._ticks = asyncio.get_running_loop().create_task(self._server.main_loop())

    async def stop(self, seconds: float) -> None:
        """Take no more connections, give those that are open `seconds` (at least 1) to finish,
        close them."""
        self._server.should_exit = True
        if self._ticks is not None:
            self._ticks.cancel()
        seconds = max(1, round(seconds))
        # Closed by us, and not cancelled by uvicorn, which tells each as a failure with a traceback.
        closing = asyncio.get_running_loop().call_later(seconds, self._close_all)
        self._server.config.timeout_graceful_shutdown = seconds + AFTER_SECONDS
        await self._server.shutdown(sockets=[self._socket])
        closing.cancel()
        self._close_all()

    def _close_all(self) -> None:
        """Whoever has not read what was sent until now is not waited for."""
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, Protocol) and connection.transport is not None:
                connection.cut()
