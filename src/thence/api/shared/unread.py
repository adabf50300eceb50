"""The answers of all connections together that their callers have not read yet, and their one bound.

An answer is in memory until its caller has read it, so callers who ask for large ones (results, payloads,
lists) and do not read must not fill the memory. Each connection keeps the answer that is being read and one
behind it; all together are bounded by this. At the bound, whoever reads too slowly to be waited for is cut
off, the one that is most overdue first; if that is not enough, the answer that is too much is 503 in its
place. Small answers are not counted: the number of connections bounds them. Code archives are sent from
their files in pieces.

An answer that tells of something that was done (accepted, received, changed) is never refused, or its caller
would do it again: it is counted, over the bound if need be. Where it may be large, the bound is looked at
before anything is done.
"""

from __future__ import annotations

import heapq
import itertools
from contextvars import ContextVar
from typing import Any, Protocol

from starlette.types import Message, Send

from ...errors import Overloaded

COUNTED_BYTES = 64 * 1024  # larger answers are counted
READ_SECONDS = 10.0  # at the bound: an answer may take so long to be read,
READ_BYTES_PER_SECOND_MIN = 256 * 1024  # and a second more for each so many of its bytes
STALE_MAX = 64  # entries of the line that count no more, beside as many as there are others
CONNECTION = "thence.connection"
"""In the scope of a request: its connection, if answers are counted there."""


class Connection(Protocol):
    def reserve(self, size: int, *, spare: bool) -> None:
        """So many bytes are about to be the answer. Raises Overloaded."""
        ...

    def answers(self, size: int, *, done: bool) -> None:
        """An answer of so many bytes is about to be sent. Raises Overloaded; then it is not.
        done: it tells of something that was done; never raises."""
        ...

    def cut_off(self) -> None:
        """Close, whatever is unread."""
        ...


ASKING: ContextVar[Connection | None] = ContextVar("asking", default=None)
"""The connection whose request is being answered."""


def reserve(size: int, *, spare: bool = False) -> None:
    """Before a large body is read to be answered: what is refused need not be read. Raises Overloaded.
    spare: as much again as the bound is there for it; who watches the service must see it at the bound.
    """
    connection = ASKING.get()
    if connection is not None and size > COUNTED_BYTES:
        connection.reserve(size, spare=spare)


class Unread:
    """Counts them. bytes_max: the bound; an answer that is larger than that goes out alone."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = 0
        self.refused = 0
        """How often the bound was met."""
        self.cut = 0
        """Connections that were cut off for others."""
        # Bytes, and when they should have been read.
        self._held: dict[Connection, tuple[int, float]] = {}
        # A heap of the same by when they are due; those that do not match what is held are stale.
        self._line: list[tuple[float, int, Connection]] = []
        self._numbers = itertools.count()

    def take(
        self,
        connection: Connection,
        size: int,
        now: float,
        *,
        done: bool = False,
        spare: bool = False,
    ) -> None:
        """Raises Overloaded, and then nothing was taken; not for what was done."""
        if not self._fits(size, now, self.bytes_max * (2 if spare else 1)) and not done:
            raise self._refusal()
        held, due = self._held.get(connection, (0, now + READ_SECONDS))
        self._hold(connection, held + size, due + size / READ_BYTES_PER_SECOND_MIN)

    def give(self, connection: Connection) -> None:
        """It has read everything, or has gone. Idempotent."""
        self.bytes -= self._held.pop(connection, (0, 0.0))[0]

    def read(self, connection: Connection, left: int, now: float) -> None:
        """It has read all but an answer of so many bytes, which is only sent from now on."""
        self.give(connection)
        if left:
            self._hold(connection, left, now + READ_SECONDS + left / READ_BYTES_PER_SECOND_MIN)

    def check(self, now: float) -> None:
        """For work whose answer may be large, before it is begun. Raises Overloaded."""
        if not self._fits(1, now, self.bytes_max):
            raise self._refusal()

    def _hold(self, connection: Connection, size: int, due: float) -> None:
        self.give(connection)
        self.bytes += size
        self._held[connection] = (size, due)
        heapq.heappush(self._line, (due, next(self._numbers), connection))
        if len(self._line) > 2 * len(self._held) + STALE_MAX:
            self._line = [(due, next(self._numbers), held) for held, (_, due) in self._held.items()]
            heapq.heapify(self._line)

    def _fits(self, size: int, now: float, most: int) -> bool:
        while self.bytes and self.bytes + size > most:
            due, _, slowest = self._line[0]
            if self._held.get(slowest, (0, 0.0))[1] != due:
                heapq.heappop(self._line)
                continue
            if due > now:
                return False
            self.give(slowest)
            self.cut += 1
            slowest.cut_off()
        return True

    def _refusal(self) -> Overloaded:
        self.refused += 1
        return Overloaded(
            f"More large answers wait to be read by their callers than this service keeps "
            f"({self.bytes_max} bytes, limits.unread_bytes_max). Try again later.",
            limit_bytes=self.bytes_max,
        )


def counted(send: Send, connection: Connection, method: str) -> Send:
    """That send, which sends nothing of a large answer before there is a place for it: whoever
    answers may answer Overloaded instead. What is answered to other methods than GET was done; a
    synchronous call, of which nothing is kept, reserves its place itself."""
    held: Message | None = None

    async def sending(message: Any) -> None:
        nonlocal held
        if message["type"] == "http.response.start":
            held = message if _length(message) > COUNTED_BYTES else None
            if held is not None:
                return
        elif held is not None:
            connection.answers(len(message.get("body", b"")), done=method != "GET")
            start, held = held, None
            await send(start)
        await send(message)

    return sending


def _length(start: Message) -> int:
    """What Content-Length says; 0 where it is not said: such answers come in pieces."""
    for name, value in start.get("headers", ()):
        if name == b"content-length":
            return int(value)
    return 0
