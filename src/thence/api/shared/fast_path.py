"""The fast path: accepts that the protocol answers itself, and the contract that each door's fills.

`POST …/invocations` is most of the traffic, and an ASGI application costs more than the rest of an
accept. A fast path says which requests it takes; it takes none that it would have to answer differently
than the application, so that nobody can tell the two apart but by the clock.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Generic, Protocol, TypeVar

from starlette.responses import Response

from ...engine.answer import Done
from ...errors import ThenceError
from ...store.records import Accepted
from .every_answer import written

ATarget = TypeVar("ATarget")
TARGETS_MAX = 1000
Headers = list[tuple[bytes, bytes]]
"""Of a request; names in lower case."""


class FastPath(Protocol):
    """One door's. A target is what a URL names, and `asked` what the whole request asks for."""

    prefixes: tuple[bytes, ...]  # of the URLs that may be its own
    bytes_max: int  # of a payload

    def target(self, url: bytes) -> Any:
        """None: the slow path. url: path and query as on the wire."""
        ...

    def admit(self, target: Any, headers: Headers) -> Any:
        """Called once the header is there and nothing else stands against the fast path: what is asked, or
        None for the slow path. Who may not ask is left to the slow path, which says why."""
        ...

    def vouched(self, asked: Any) -> bool:
        """Whether credentials or a signature vouch for the request before its body is there."""
        ...

    def accept(self, asked: Any, headers: Headers, payload: bytes, done: Done) -> None:
        """Raises ThenceError, as `done` gets it."""
        ...

    def accepted(self, asked: Any, accepted: Accepted, date: bytes) -> bytes:
        """The whole answer."""
        ...

    def refused(self, asked: Any, error: ThenceError, date: bytes, *, close: bool) -> bytes:
        """The whole answer; `close`: it says that the connection ends."""
        ...

    def broken(self, error: ThenceError, date: bytes) -> bytes:
        """The whole answer to a request of its URLs that HTTP itself forbids; it says that the
        connection ends."""
        ...

    def too_large(self, size: int) -> ThenceError:
        """The payload has that many bytes or more, which is over `bytes_max`."""
        ...


class RememberedTargets(Generic[ATarget]):
    """What URLs name, for a fast path whose clients send few of them, again and again."""

    def __init__(self) -> None:
        self._targets: dict[bytes, ATarget] = {}

    def read_target(self, url: bytes) -> ATarget | None:
        """See FastPath.target."""
        raise NotImplementedError

    def target(self, url: bytes) -> ATarget | None:
        try:
            return self._targets[url]
        except KeyError:
            found = self.read_target(url)
        if found is not None:
            if len(self._targets) >= TARGETS_MAX:
                self._targets.clear()
            self._targets[url] = found
        return found


def raw(response: Response, date: bytes, *, close: bool) -> bytes:
    """The whole HTTP/1.1 answer, as the application's would be written."""
    status = response.status_code
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(), b"date: %s" % date]
    lines += [b"%s: %s" % pair for pair in response.raw_headers]
    if close:
        lines.append(b"connection: close")
    return b"\r\n".join((*lines, b"", bytes(response.body)))


def raw_with_id(
    response: Response, id_header: str, request_id: str, date: bytes, *, close: bool = False
) -> bytes:
    """See raw; with the id and the names of headers as Dispatch has them."""
    response.headers[id_header] = request_id
    response.raw_headers = written(response.raw_headers)
    return raw(response, date, close=close)


def with_header(answer: bytes, line: bytes) -> bytes:
    """The answer with one header line more."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head + b"\r\n" + line + b"\r\n\r\n" + body


class _Silent:
    """Stands where uvicorn keeps an asyncio.Event: nobody waits for it."""

    def set(self) -> None: ...


class FastRequest:
    """The request of a connection that is answered in the protocol. In uvicorn's eyes a
    request-response cycle, so that it queues later requests behind it."""

    __slots__ = (
        "asked",
        "chunks",
        "disconnected",
        "keep_alive",
        "message_event",
        "more_body",
        "response_complete",
        "size",
        "via",
    )

    def __init__(self) -> None:
        self.response_complete = True
        self.disconnected = False
        self.keep_alive = True
        self.more_body = False
        self.message_event = _Silent()
        self.chunks: list[bytes] = []
        self.size = 0
        self.via: FastPath  # whose it is
        self.asked: Any = None
