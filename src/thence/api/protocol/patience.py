"""How long a connection may hold its place without using it, and what it does where no place is left."""

from __future__ import annotations

import asyncio
from typing import Any

from ..shared.places import Place
from . import limits
from .refusals import no_place, too_slow
from .refusing import Refusing


class Patience(Refusing):
    """A connection that has a place, and time that ends."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # These waits are of the connection, not of the service: real time, like all of HTTP.
        self._patience = self.loop.call_later(limits.IDLE_SECONDS, self.look)
        place = self._context.places.enter(self, self._idle_since)
        self._limited = place is not Place.ANY
        if place is Place.NONE:
            self._refuse(no_place(self._context.places.most))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._held.clear()
        self._context.places.leave(self)
        self._lost, self._unread = True, False
        self._context.unread.give(self)
        super().connection_lost(exc)
        if self._counted:
            self._context.unproven.give(self._counted)
            self._counted = 0

    def idle_since(self) -> float | None:
        unread = self.transport.get_write_buffer_size()
        return None if unread or self.busy() else self._idle_since

    def make_room(self) -> None:
        self.transport.close()

    def look(self) -> None:
        """Close a connection that holds its place without using it."""
        now = self.loop.time()
        # Closing would wait for the caller to read what was answered, so it may be for ever.
        if self.flow.write_paused:
            left = self._read_by - now
            if left <= 0:
                self.cut()
                return
            left = min(left, limits.IDLE_SECONDS)  # it may have read everything long before
        elif not self.busy() or self.transport.is_closing():
            left = self._idle_since + limits.IDLE_SECONDS - now
            if left <= 0:
                self.cut()
                return
        elif self.cycle.more_body and not self.flow.read_paused:
            left = min(self._heard_at + limits.STALLED_SECONDS, self._body_due()) - now
            if left <= 0 and not self._deaf:
                self._broken(too_slow())
                return
        else:
            left = limits.STALLED_SECONDS
            self._body_since = now  # it waits for us: that is not the caller's time
        self._patience = self.loop.call_later(max(left, 1.0), self.look)

    def _body_due(self) -> float:
        """When the body that is being read must have ended."""
        cycle: Any = self.cycle
        size = self._fast.size if cycle is self._fast else self._body_size
        return self._body_since + limits.BODY_SECONDS + size / limits.BODY_BYTES_PER_SECOND_MIN
