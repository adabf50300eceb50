"""Two servers that answer 202 and do nothing else: what a request costs before any work.

`python -m thence.bench.bare asgi`: uvicorn with the options of `thence serve` and the smallest
ASGI application. `python -m thence.bench.bare raw`: a protocol on httptools without ASGI. Both
print the line that `thence serve` prints and end at SIGTERM, or when their parent ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

BODY = b'{"id":"019a0000-0000-7000-8000-000000000000","state":"queued"}'
_RAW = (
    b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    % (len(BODY), BODY)
)
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
_PR_SET_PDEATHSIG = 1


async def application(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Read the body, answer 202."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": BODY})


class RawProtocol(asyncio.Protocol):
    """httptools and nothing above it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        import httptools

        self._transport = cast(asyncio.WriteTransport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(_RAW)


async def _serve(kind: str, sock: socket.socket) -> None:
    if kind == "raw":
        loop = asyncio.get_running_loop()
        server = await loop.create_server(RawProtocol, sock=sock)
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        server.close()
        return
    import uvicorn

    config = uvicorn.Config(
        application,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    await uvicorn.Server(config).serve(sockets=[sock])


def main(kind: str) -> None:
    import uvloop

    # The benchmark may be killed; what it started must not stay.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    sock = socket.create_server(("127.0.0.1", 0), backlog=2048)
    sys.stdout.write(f"listening on http://127.0.0.1:{sock.getsockname()[1]}\n")
    sys.stdout.flush()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(kind, sock))


if __name__ == "__main__":
    main(sys.argv[1])
