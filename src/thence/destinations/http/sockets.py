"""Outgoing connections that close no descriptor but their own.

uvloop closes the descriptor of a connection that breaks, and tells the socket object only where that
was handed over before. A receiver that resets the connection while it is handed over (a TLS handshake
answered with RST is enough) leaves an object with the number of a closed descriptor, and when the
object goes it closes whatever has that number by then: the connection of a caller, the socket of an
instance, a file of the store.

And that close their own: a transport that is told to close waits until all is sent, for ever where the
other end reads nothing, and over TLS 30 s for a farewell. Each try would leave such a connection, its
descriptor and what is unsent, and none of them is counted as under way.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

LEAVE_SECONDS = 0.25  # for what is still to be sent, once a connection is closed
SocketFactory = Callable[[tuple[Any, ...]], socket.socket]

_opened: ContextVar[list[tuple[socket.socket, int]]] = ContextVar("opened")


def open_socket(info: tuple[Any, ...]) -> socket.socket:
    """aiohttp's socket factory: for what may go to any address."""
    family, kind, protocol, _, _ = info
    return socket.socket(family=family, type=kind, proto=protocol)


class Leaving(ResponseHandler):
    """The client's end of a connection. Closed, it is gone soon, whatever the other end does."""

    _end: asyncio.TimerHandle | None = None

    def leave_seconds(self, transport: asyncio.Transport) -> float:
        """How long what is unsent may still go out. Asked once, as it is closed."""
        return LEAVE_SECONDS

    def close(self) -> None:
        transport = self.transport
        if transport is not None and self._end is None:
            self._end = self._loop.call_later(self.leave_seconds(transport), transport.abort)
        super().close()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._end is not None:
            self._end.cancel()  # it would keep the connection in memory
        super().connection_lost(exc)


class OwnSockets(aiohttp.TCPConnector):
    """Once a connection is made, or could not be, its sockets let go of descriptors that are closed."""

    def __init__(self, *, socket_factory: SocketFactory = open_socket, **settings: Any) -> None:
        def noted(info: tuple[Any, ...]) -> socket.socket:
            made = socket_factory(info)
            _opened.get().append((made, _file_of(made)))
            return made

        super().__init__(socket_factory=noted, **settings)
        self._factory = partial(Leaving, loop=self._loop)  # type: ignore[assignment]

    async def _wrap_create_connection(self, *args: Any, **settings: Any) -> Any:
        opened: list[tuple[socket.socket, int]] = []
        _opened.set(opened)  # seen by the tasks that try several addresses, too
        try:
            return await super()._wrap_create_connection(*args, **settings)
        finally:
            for made, file in opened:
                if _file_of(made) != file:
                    made.detach()  # closed, and perhaps somebody else's since
            opened.clear()


def _file_of(opened: socket.socket) -> int:
    """The inode behind its descriptor, which no two sockets share; 0 where that is closed."""
    try:
        return os.fstat(opened.fileno()).st_ino
    except OSError:
        return 0
