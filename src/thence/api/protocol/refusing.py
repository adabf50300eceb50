"""Refusing: in turn, behind the answers to earlier requests, and so that the caller can read it."""

from __future__ import annotations

import re
from typing import Any

from ...errors import ThenceError
from ..shared import problems
from . import limits
from .limits import READ_VERSIONS
from .reading import Reading
from .refusals import head_too_large, other_version, unreadable

_TARGETS = re.compile(rb"(?:^|\n)[A-Z]{3,10} (/[!-~]{0,200})")


class Refusing(Reading):
    """A connection that may end with a refusal."""

    def send_400_response(self, msg: str) -> None:
        """The parser has given up on what came."""
        if self._ends():
            return  # what it could not read was refused already, or is behind what was
        if not self.url and (targets := _TARGETS.findall(self._fed)):
            self.url = targets[-1]  # in it, so it did not say which: a door's words are wanted
        if self.parser.get_http_version() not in READ_VERSIONS:  # that is what it gave up on
            self._broken(other_version())
            return
        self._broken(unreadable())

    def _flooded(self) -> None:
        """A header or a trailer that does not end, or framing without a body in it."""
        if self._deaf or self._refusal is not None:
            return
        cycle: Any = self.cycle
        if self._in_head:
            self._refuse_in_turn(head_too_large())
        elif cycle is not None and cycle.response_complete:
            self.transport.close()  # its answer is out: a second one would belong to nothing
        else:
            self._broken(head_too_large())

    def _broken(self, problem: ThenceError) -> None:
        """Nothing that still comes can be read: answer what was read, then with the problem."""
        cycle: Any = self.cycle
        if self.busy() and cycle.more_body:
            # It broke in the middle of a body: that request can never be complete.
            if cycle is self._fast:
                self._fast.response_complete = True
                self._refuse(problem)
                return
            queued = [entry for entry in self.pipeline if entry[0] is cycle]
            if not queued:
                if cycle.response_started:
                    self.transport.close()
                else:
                    cycle.disconnected = True
                    cycle.waiting_for_100_continue = False  # it is not wanted any more
                    cycle.message_event.set()
                    self._refuse(problem)
                return
            self.pipeline.remove(queued[0])
        self._refuse_in_turn(problem)

    def _refuse_in_turn(self, error: ThenceError) -> None:
        """Answer with the error and close, after the answers to earlier requests."""
        if self._unanswered():
            self._refusal = error
        else:
            self._refuse(error)

    def _refuse(self, error: ThenceError) -> None:
        for fast_path in self._fast_paths:
            if self.url.startswith(fast_path.prefixes):
                self._end(fast_path.broken(error, self._date()))
                return
        self._end(problems.raw(error, date=self._date(), close=True))

    def _end(self, answer: bytes) -> None:
        """Write the answer, throw away what still comes, and close soon. Closing at once could make
        the caller's system drop the answer unread, because it is still sending."""
        self._refusal = None
        self._deaf = True
        self._idle_since = self.loop.time()
        self._held.clear()
        self.flow.shut = False
        transport = self.transport
        if transport.is_closing():
            return
        transport.write(answer)
        if transport.can_write_eof():
            transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(limits.LINGER_SECONDS, transport.close)

    def answered_last(self, cycle: Any) -> None:
        """The connection ends with this answer, which may have come before the request's body."""
        if cycle.more_body and not self._deaf:
            self._end(b"")
        else:
            self.transport.close()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """True keeps the way to the caller open: one that has sent all it will send may still read
        the answer. Not for other requests: there the end of the caller is what ends their work."""
        fast = self._fast
        if not self._deaf and not fast.response_complete and not fast.more_body:
            fast.keep_alive = False
            return not self.pipeline
        return None


class LastAnswer:
    """The transport of a request with which its connection ends, as uvicorn uses it."""

    def __init__(self, protocol: Refusing, cycle: Any) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        self._protocol.answered_last(self._cycle)
