"""tend: look after the store's files every second, and say what an operator must know of them."""

from __future__ import annotations

from ..clock import Clock
from ..notices import Notices, StoreLogLong, StoreMoved
from ..store.interface import Store
from .loop import Loop

SECONDS = 1.0
LOG_BYTES_SAID = 256 * 1024 * 1024  # said from here on, and again at each doubling


class Tend:
    def __init__(self, store: Store, clock: Clock, notices: Notices) -> None:
        self._store = store
        self._notices = notices
        self.log_bytes = 0
        self._said_from = LOG_BYTES_SAID
        self._moved: tuple[str, ...] = ()
        self.loop = Loop("tend", self.once, clock, notices, interval_seconds=SECONDS)

    async def once(self) -> float | None:
        tended = await self._store.tend()
        self.log_bytes = tended.log_bytes
        if tended.moved != self._moved:
            self._moved = tended.moved
            if tended.moved:
                self._notices.publish(StoreMoved(tended.moved))
        if self.log_bytes < LOG_BYTES_SAID:
            self._said_from = LOG_BYTES_SAID
        elif self.log_bytes >= self._said_from:
            self._said_from = self.log_bytes * 2
            self._notices.publish(StoreLogLong(self.log_bytes))
        return None
