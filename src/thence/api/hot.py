"""What the protocol keeps of a request that it answers itself, and the answers that it gives."""

from __future__ import annotations

from typing import Any

from .native.accepting import accepted_parts

TEMPLATES_MAX = 1000


class _Silent:
    """Stands where uvicorn keeps an asyncio.Event: nobody waits for it."""

    def set(self) -> None: ...


class Hot:
    """The request of a connection that is answered in the protocol. In uvicorn's eyes a
    request-response cycle, so that it queues later requests behind it."""

    __slots__ = (
        "body",
        "chunks",
        "disconnected",
        "keep_alive",
        "message_event",
        "more_body",
        "name",
        "response_complete",
        "size",
    )

    def __init__(self) -> None:
        self.response_complete = True
        self.disconnected = False
        self.keep_alive = True
        self.more_body = False
        self.message_event = _Silent()
        self.chunks: list[bytes] = []
        self.size = 0
        self.name = ""


class Templates:
    """The 202 answers by function, renewed with the Date header."""

    def __init__(self) -> None:
        self._date: Any = None
        self._parts: dict[str, list[bytes]] = {}

    def parts(self, name: str, default_headers: list[tuple[bytes, bytes]]) -> list[bytes]:
        if default_headers is not self._date:
            self._date = default_headers
            self._parts.clear()
        parts = self._parts.get(name)
        if parts is None:
            if len(self._parts) >= TEMPLATES_MAX:
                self._parts.clear()
            date = default_headers[0][1] if default_headers else b""
            parts = self._parts[name] = accepted_parts(name, date)
        return parts


templates = Templates()
