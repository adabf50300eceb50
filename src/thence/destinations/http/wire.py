"""What goes over the wire to a webhook, and what came back, byte for byte.

The client (aiohttp) rewrites the target of a request: it decodes and encodes again, takes `.` and `..`
away, drops a lone `?`. Whoever signs or routes by those bytes would not know them again, so here the
target goes out as it was configured. And it gives up a whole answer for one fault in it: a body behind
a 204, a header that is too long or written badly. But the status has said what became of the record,
and sending it again would only repeat it. So a head that came is remembered (`Answer`), whatever the
client makes of it.
"""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp

from .sockets import Leaving

HEAD_BYTES_MAX = 65_536  # of one head; of a longer one only the status counts
# Heads of 1xx before the answer, and bytes of blank lines between them; more is no answer. Enough for
# one `102 Processing` a second as long as an attempt may take.
INTERIM_MAX = 1000
TAKEN_SECONDS = 30.0  # so long a record may still go out to who took it before it was read
SURELY_SENT_BYTES = 65_536  # of a request: so much the system takes at once, or soon
_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_STATUS = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})(?:[ \r\n]|$)")
_RETRY_AFTER = re.compile(rb"^retry-after[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"\r?\n\r?\n")
_BLANK = re.compile(rb"[\r\n]*")
SWITCHING = 101


def target_of(url: str) -> str:
    """The request's target: everything behind the host, without a fragment, as it is written. What
    is not ASCII cannot stand there and is encoded as UTF-8. Raises ValueError."""
    rest = url.partition("://")[2]
    start = next((at for at, item in enumerate(rest) if item in "/?#"), len(rest))
    target = rest[start:].partition("#")[0]
    if re.search(r"[\x00-\x20\x7f]", target):
        raise ValueError("a target with spaces or control characters")
    target = quote(target, safe=_ASCII)
    return target if target.startswith("/") else f"/{target}"


class Answer:
    """The head of one answer, as it came."""

    def __init__(self) -> None:
        self.status = 0  # of the answer that is no 1xx, as soon as its first line is there
        self.complete = False  # its head has ended
        self.retry_after: str | None = None
        self._buffer = b""
        self._interim = 0
        self._over = False

    @property
    def endless(self) -> bool:
        """Too much has come before the answer: there will be none."""
        return self._interim > INTERIM_MAX

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        if self._over:
            return
        self._buffer += data
        at: int | None = 0
        while at is not None:
            start, at = at, self._head(at)
        self._buffer = self._buffer[start:]
        if len(self._buffer) > HEAD_BYTES_MAX:
            self._over = True
            self.complete = bool(self.status)
        if self._over:
            self._buffer = b""

    def _head(self, at: int) -> int | None:
        """Look at what is there from `at` on; where another head may follow in it."""
        blank = _BLANK.match(self._buffer, at)
        if blank and blank[0]:
            # The client passes over these.
            return self._passed(blank.end(), len(blank[0]))
        first = _STATUS.match(self._buffer, at)
        if first is None:
            # No answer, or not yet a whole line of one.
            self._over = self._buffer.find(b"\n", at) >= 0
            return None
        status = int(first[1])
        interim = 100 <= status < 200 and status != SWITCHING
        if not interim and self._buffer.find(b"\n", at) >= 0:
            self.status = status
        end = _END.search(self._buffer, at)
        if end is None:
            return None
        if interim:
            return self._passed(end.end(), 1)
        found = _RETRY_AFTER.search(self._buffer, at, end.start())
        self.retry_after = None if found is None else found[1].decode("latin-1")
        self.complete = self._over = True
        return None

    def _passed(self, end: int, count: int) -> int | None:
        """That was not the answer yet; where to go on, if it may still come."""
        self._interim += count
        self._over = self.endless
        return None if self._over else end


_exchange: ContextVar[tuple[str, Answer]] = ContextVar("exchange")


def expect(target: str) -> Answer:
    """The next request of this task goes to `target`; what answers it will be here."""
    answer = Answer()
    _exchange.set((target, answer))
    return answer


class Places(Protocol):
    """For connections that only send what is left of a record which the receiver has taken already."""

    def take(self, receiver: Any, unsent: int) -> bool: ...

    def give_back(self, receiver: Any, unsent: int) -> None: ...


class Handler(Leaving):
    """The client's end of a connection, which also shows the bytes to an Answer."""

    answer: Answer | None = None
    kept = False  # for a next request: nothing is asked at the moment (connector.py)
    asked_bytes = 0  # of the longest request that went over it
    places: Places | None = None
    receiver: Any = None
    _rest_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self.kept and data:  # (without data the client calls it to go on with what it has)
            # An answer to nothing. The next record would take it for its own; and the client reads
            # and keeps all that comes, without end.
            self._cut()
            return
        if self.answer is not None:
            self.answer.feed(data)
            if self.answer.endless:
                # The client would read on until its time is over, and the loop do nothing else.
                self._cut()
                return
        super().data_received(data)

    def leave_seconds(self, transport: asyncio.Transport) -> float:
        rest = self._unsent(transport)
        taken = self.answer is not None and 200 <= self.answer.status < 300
        if rest and taken and self.places is not None:
            if self.places.take(self.receiver, rest):
                self._rest_bytes = rest
                return TAKEN_SECONDS
        return super().leave_seconds(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._rest_bytes and self.places is not None:
            self.places.give_back(self.receiver, self._rest_bytes)
            self._rest_bytes = 0
        super().connection_lost(exc)

    def _unsent(self, transport: asyncio.Transport) -> int:
        """How much of what was asked may be in memory still."""
        if transport.get_extra_info("sslcontext") is None:
            return transport.get_write_buffer_size()
        # That transport has passed all on, and does not know what has become of it.
        return self.asked_bytes if self.asked_bytes > SURELY_SENT_BYTES else 0

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Request(aiohttp.ClientRequest):
    """A request to the target that was expected."""

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        target, answer = _exchange.get()
        conn.protocol.answer = answer
        size = int(self.headers.get("Content-Length", "0"))
        # What was asked before over a connection that was kept may be unread, too, answered or not.
        conn.protocol.asked_bytes = max(size, conn.protocol.asked_bytes)
        url = self.url
        # Of its URL the client asks nothing else while it writes the first line.
        self.url = SimpleNamespace(raw_path_qs=target)  # type: ignore[assignment]
        try:
            return await super().send(conn)
        finally:
            self.url = url
