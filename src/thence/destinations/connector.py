"""Outgoing connections, and how many of them are kept for a next try.

aiohttp keeps each for a while after its answer, and has no bound for those: many receivers that are
called once each would take all files that the process may have open.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .sockets import OwnSockets
from .wire import Handler

KEPT_PER_RECEIVER_MAX = 8


class Connector(OwnSockets):
    """Keeps at most `kept_max` connections that no try uses. Those under way have no limit here: the
    delivery loop has one, and a second would let one slow receiver hold up all others."""

    def __init__(self, kept_max: int, **settings: Any) -> None:
        super().__init__(limit=0, **settings)
        self._factory = partial(Handler, loop=self._loop)  # type: ignore[assignment]
        self._receivers_max = kept_max // KEPT_PER_RECEIVER_MAX

    async def connect(self, *args: Any, **settings: Any) -> Any:
        connection = await super().connect(*args, **settings)
        connection.protocol.kept = False  # type: ignore[union-attr]
        return connection

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        kept = self._conns.get(key)
        full = len(self._conns) >= self._receivers_max if kept is None else False
        if full or (kept is not None and len(kept) >= KEPT_PER_RECEIVER_MAX):
            should_close = True
        protocol.kept = True
        super()._release(key, protocol, should_close=should_close)
