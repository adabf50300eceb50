"""Outgoing connections, and how many of them are there without an attempt.

aiohttp keeps each for a while after its answer, for a next attempt, and has no bound for those: many
receivers that are called once each would take all files that the process may have open. And one whose
receiver took a record before it has read it stays until it is sent, or for TAKEN_SECONDS: who never reads
would take the files and the memory with its attempts of that time. Each kind has places of its own: neither
many receivers that are well nor one that never reads takes those of the other.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from .sockets import OwnSockets
from .wire import SURELY_SENT_BYTES, Handler

KEPT_PER_RECEIVER_MAX = 8
RESTS_PER_RECEIVER_MAX = 8
RESTS_PART = 8  # so much of all places is for those that send a rest
REST_BYTES_MAX = 128 << 20  # of records that are taken and not sent yet, or of one that is longer


class Connector(OwnSockets):
    """Has at most `kept_max` connections that no attempt uses. Those under way have no limit here: the
    delivery loop has one, and a second would let one slow receiver hold up all others."""

    def __init__(self, kept_max: int, **settings: Any) -> None:
        super().__init__(limit=0, **settings)
        self._factory = partial(Handler, loop=self._loop)  # type: ignore[assignment]
        self._rests_max = max(1, kept_max // RESTS_PART)
        self._receivers_max = (kept_max - self._rests_max) // KEPT_PER_RECEIVER_MAX
        self._resting: Counter[Any] = Counter()  # connections that send a rest, by receiver
        self._rest_bytes = 0

    async def connect(self, *args: Any, **settings: Any) -> Any:
        connection = await super().connect(*args, **settings)
        protocol: Any = connection.protocol
        protocol.kept = False
        protocol.places, protocol.receiver = self, connection._key
        return connection

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        close = should_close or self._full(key) or self._too_large(key, protocol)
        super()._release(key, protocol, should_close=close)
        protocol.kept = True

    def take(self, receiver: Any, unsent: int) -> bool:
        """Whether a connection that is closed may stay to send a rest. Then it gives the place back."""
        too_much = self._rest_bytes > 0 and self._rest_bytes + unsent > REST_BYTES_MAX
        many = (
            self._resting[receiver] >= RESTS_PER_RECEIVER_MAX
            or self._resting.total() >= self._rests_max
        )
        # (Who closes the connector waits for the connections.)
        if self._closed or too_much or many:
            return False
        self._resting[receiver] += 1
        self._rest_bytes += unsent
        return True

    def give_back(self, receiver: Any, unsent: int) -> None:
        self._rest_bytes -= unsent
        self._resting[receiver] -= 1
        if not self._resting[receiver]:
            del self._resting[receiver]

    def _too_large(self, key: Any, protocol: Any) -> bool:
        """Whether those that are kept might have too much unsent: over TLS an attempt's end does not say
        that its record is sent. (Looks at all that are kept; only for a record that is large.)"""
        if not key.is_ssl or protocol.asked_bytes <= SURELY_SENT_BYTES:
            return False
        of_tls: Any = (them for its, them in self._conns.items() if its.is_ssl)
        might: int = sum(kept.asked_bytes for them in of_tls for kept, _ in them)
        return might > 0 and might + protocol.asked_bytes > REST_BYTES_MAX

    def _full(self, key: Any) -> bool:
        """Whether no more connections to that receiver may be kept."""
        kept = self._conns.get(key)
        if kept is None:
            return len(self._conns) >= self._receivers_max
        return len(kept) >= KEPT_PER_RECEIVER_MAX
