"""The places of connections: who gets one when all are taken.

An idle connection (without a request under way) makes room for a new one, those that were used least
recently first. Where none is idle, a few connections are taken all the same, but only to answer whether
the service lives (`/livez`, `/readyz`); everything else on them is answered 503.

Only looked at when a connection comes while all places are taken, and then a bounded number of
connections: those that were used since they were last looked at go to the end of the line.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Protocol

LOOKS_MAX = 16


class Connection(Protocol):
    def idle_since(self) -> float | None:
        """None: a request is under way."""
        ...

    def make_room(self) -> None:
        """Close: another one needs the place."""
        ...


class Place(Enum):
    ANY = "any"  # whatever is asked
    RESERVED = "reserved"  # only whether the service lives
    NONE = "none"


class Places:
    """most: connections that may ask for anything. reserved: those on top of them."""

    def __init__(self, most: int, reserved: int) -> None:
        self.most = most
        self.reserved = reserved
        self.closed = 0
        """Idle connections that were closed for others."""
        self.refused = 0
        """Connections and requests that found no place."""
        self._held: OrderedDict[Connection, float] = OrderedDict()  # and when it was last looked at
        self._on_top: OrderedDict[Connection, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held) + len(self._on_top)

    def enter(self, connection: Connection, now: float) -> Place:
        if self._take(self._held, self.most, connection, now):
            return Place.ANY
        if self._take(self._on_top, self.reserved, connection, now):
            return Place.RESERVED
        self.refused += 1
        return Place.NONE

    def leave(self, connection: Connection) -> None:
        """Idempotent."""
        self._held.pop(connection, None)
        self._on_top.pop(connection, None)

    def _take(
        self, held: OrderedDict[Connection, float], most: int, connection: Connection, now: float
    ) -> bool:
        if len(held) >= most:
            found = _least_used(held, now)
            if found is None:
                return False
            del held[found]
            self.closed += 1
            found.make_room()
        held[connection] = now
        return True


def _least_used(held: OrderedDict[Connection, float], now: float) -> Connection | None:
    """An idle connection that was not used since it was last looked at, or one that is idle now."""
    idle = None
    for _ in range(min(LOOKS_MAX, len(held))):
        connection, looked_at = next(iter(held.items()))
        since = connection.idle_since()
        if since is not None and since <= looked_at:
            return connection
        if since is not None and idle is None:
            idle = connection
        held[connection] = now
        held.move_to_end(connection)
    return idle
