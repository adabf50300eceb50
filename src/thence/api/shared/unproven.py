"""The bytes of all connections together that nobody vouches for yet, and their one bound.

What a stranger sends must not fill the memory: headers that have not ended, requests that wait behind
another of their connection, bodies whose signature can be judged only at their end. Each of them is
bounded alone; all together are by this. A request that is too much is answered 503, the others are
not touched.

Where no credentials are asked for (loopback only), nobody vouches for anything, and all bodies count.

Large bodies whose head is signed, but without a nonce, take turns: two archives of 50 MB, as honest
clients upload them, would meet the bound. They wait before anything of them is read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from ...errors import Overloaded, PayloadTooLarge

TURN_BYTES = 1024 * 1024  # larger bodies take turns
TURN_SECONDS = 30.0  # so long; then they go on, and are refused where they are too much
TURN_WAITING_MAX = 64  # so many; of each the first 320 KB have come and are not counted
TURN_EIGHTHS = 7  # of the bound; what else comes needs room beside them


class Unproven:
    """Counts them. bytes_max: the bound. Whoever takes gives back."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = 0
        self.refused = 0
        """How often the bound was met."""
        self._coming = 0  # bytes of the large bodies whose turn it is
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    def take(self, count: int) -> None:
        """Raises Overloaded, and then nothing was taken."""
        if self.bytes + count <= self.bytes_max:
            self.bytes += count
            return
        self.refused += 1
        raise Overloaded(
            "More is being sent to this service than it keeps before it knows who asks "
            f"({self.bytes_max} bytes, limits.unproven_bytes_max). Try again later.",
            limit_bytes=self.bytes_max,
        )

    def give(self, count: int) -> None:
        self.bytes -= count

    def check(self, size: int) -> None:
        """Whether a body of that size may ever be kept. Raises PayloadTooLarge."""
        if size > self.bytes_max:
            raise PayloadTooLarge(
                f"The body is {size} bytes; at most {self.bytes_max} are kept before its signature "
                "is proven (limits.unproven_bytes_max).",
                limit_bytes=self.bytes_max,
            )

    @contextlib.asynccontextmanager
    async def turn(self, size: int) -> AsyncIterator[None]:
        """While a body of that size is read, whose head is signed. Those that are read at once have
        room within the bound; one that is larger than that is read alone."""
        if size <= TURN_BYTES or len(self._line) >= TURN_WAITING_MAX:
            yield
            return
        await self._wait_for_turn(size)
        try:
            yield
        finally:
            self._leave(size)

    async def _wait_for_turn(self, size: int) -> None:
        if not self._line and self._has_room(size):
            self._coming += size
            return
        place = (size, asyncio.get_running_loop().create_future())
        self._line.append(place)
        try:
            await asyncio.wait({place[1]}, timeout=TURN_SECONDS)
        except asyncio.CancelledError:
            if place[1].done():
                self._leave(size)
            else:
                self._line.remove(place)
                self._call_next()
            raise
        if not place[1].done():
            self._line.remove(place)
            self._coming += size

    def _has_room(self, size: int) -> bool:
        return not self._coming or self._coming + size <= self.bytes_max * TURN_EIGHTHS // 8

    def _leave(self, size: int) -> None:
        self._coming -= size
        self._call_next()

    def _call_next(self) -> None:
        while self._line and self._has_room(self._line[0][0]):
            size, told = self._line.popleft()
            self._coming += size
            told.set_result(None)
