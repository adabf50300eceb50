"""One request of a connection at a time: what was sent behind it is kept as bytes, unread.

Reading pauses at the first request that waits behind another, so a connection never holds more than
what one read of its socket brought. uvicorn would parse all of it at once into requests that wait,
each some hundred times the size of its bytes.

The parser stops at no boundary, but every head ends with an empty line: it is given the bytes up to
the next empty line, so in each piece at most one head ends, and one more whose empty line was cut in two.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_END = b"\r\n\r\n"
TURN_PIECES_MAX = 64  # of one connection, then the others have their turn


class Flow(FlowControl):
    """Reading of a connection. While `shut`, a handler that waits for its body cannot open it."""

    shut = False

    def resume_reading(self) -> None:
        if not self.shut:
            super().resume_reading()


class Turns(HttpToolsProtocol):
    """uvicorn's protocol, which answers one request after the other."""

    flow: Flow

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._held = bytearray()  # what came behind a request that is not answered yet
        self._going_on = False
        self._answered: Any = None  # by the application, now or last: `cycle` may wait behind it

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.flow = Flow(transport)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def cut(self) -> None:
        """Close at once, whatever waits to be sent."""
        self._nobody_reads()
        self.transport.abort()

    def _nobody_reads(self) -> None:
        """What is answered now ends, and writes no more. (uvicorn tells only the last that was read.)"""
        cycle = self._answered
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._nobody_reads()
        super().connection_lost(exc)

    def busy(self) -> bool:
        """Whether the last request that was read still waits for its answer (then earlier ones may,
        too)."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _occupied(self) -> bool:
        """Whether a whole request waits for its answer: nothing more is read before."""
        cycle: Any = self.cycle
        if self.pipeline:
            return True
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def _take(self, data: bytes) -> None:
        """What the socket brought."""
        cycle: Any = self.cycle
        done = cycle is None or cycle.response_complete or cycle.more_body
        if not done or self._held or self.pipeline:  # as _occupied says, for every piece that comes
            self._hold(data)
            return
        end = data.find(HEAD_END)
        # Single bytes are found some ten times quicker, and most bodies have no such byte.
        if end < 0 or data.find(b"\r", end + 4) < 0 or data.find(HEAD_END, end + 4) < 0:
            self._feed(data)  # as nearly always: one request, or a piece of one
        else:
            self._hold(data)
            self._go_on()

    def _hold(self, data: bytes) -> None:
        self._held += data
        self.flow.shut = True
        self.flow.pause_reading()

    def _go_on(self) -> None:
        """Read what is held until a request has to wait. Called when one was answered; from inside
        of the parser too, and then the loop further up goes on."""
        if self._going_on:
            return
        self._going_on = True
        try:
            self._read_held()
        finally:
            self._going_on = False
        if not self._held and not self.pipeline:
            self._open()

    def _read_held(self) -> None:
        held = self._held
        for _ in range(TURN_PIECES_MAX):
            if self._ends():
                held.clear()
            if not held or self._occupied():
                return
            end = held.find(HEAD_END) + len(HEAD_END)
            if end < len(HEAD_END):
                end = len(held)
            piece = bytes(held[:end])
            del held[:end]
            self._feed(piece)
        self.loop.call_soon(self._go_on)

    def _open(self) -> None:
        """Hear again what comes; a body of which the handler has not taken enough waits on."""
        self.flow.shut = False
        body = getattr(self.cycle, "body", b"")
        if self.transport.is_closing():
            return
        if not self.busy() or len(body) <= HIGH_WATER_LIMIT:
            self.flow.resume_reading()

    def _feed(self, data: bytes) -> None:
        raise NotImplementedError

    def _ends(self) -> bool:
        """Whether nothing more of this connection is looked at (its parser may be gone)."""
        return self.transport.is_closing()
