"""The load generator: many keep-alive connections on one uvloop, one request each at a time.

Requests are bytes that were made before the clock starts, so what the generator spends while it is
measured is writing and reading. Its CPU is part of what is reported, because it runs on the same
cores.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar, cast

import uvloop
from msgspec import Struct

T = TypeVar("T")

CONNECTIONS = 32
PAYLOAD_BYTES = 1024
_PAD = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=1 << 18))


def payload(seq: int, size: int = PAYLOAD_BYTES) -> bytes:
    """`size` bytes of JSON, another text for each `seq`, so that nothing is gained by likeness."""
    head = f'{{"seq":{seq},"pad":"'
    at = seq * 997 % (len(_PAD) - size)
    return f'{head}{_PAD[at : at + size - len(head) - 2]}"}}'.encode()


def request(path: str, body: bytes, headers: Sequence[str] = ()) -> bytes:
    """One POST as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *headers]
    head = "\r\n".join(lines) + f"\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Loaded(Struct):
    """What a load did. Times are `time.perf_counter()` seconds; latencies are seconds."""

    began: float = 0.0
    ended: float = 0.0
    latencies: list[float] = []
    bodies: list[bytes] = []
    sent: list[float] = []  # open loop only: when each request was sent, in their order

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / (self.ended - self.began)


class Refused(RuntimeError):
    """The server answered something that the load did not want."""


class _Connection(asyncio.Protocol):
    def __init__(self, answered: Callable[[_Connection, int, bytes], None]) -> None:
        self._answered = answered
        self._buffer = b""
        self.sent = 0.0
        self.lost: Callable[[Exception], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.lost is not None:
            self.lost(exc or ConnectionError("the server closed a connection"))

    def send(self, data: bytes) -> None:
        self.sent = time.perf_counter()
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end >= 0:
            length = _content_length(buffer, end)
            if len(buffer) >= end + 4 + length:
                self._buffer = b""
                self._answered(self, int(buffer[9:12]), buffer[end + 4 : end + 4 + length])
                return
        self._buffer = buffer


def _content_length(buffer: bytes, end: int) -> int:
    at = buffer.find(b"ontent-", 0, end)
    while at >= 0 and buffer[at + 7 : at + 14].lower() != b"length:":
        at = buffer.find(b"ontent-", at + 7, end)
    if at < 0:
        raise Refused(f"an answer without Content-Length: {buffer[:200]!r}")
    stop = buffer.find(b"\r", at)
    return int(buffer[at + 14 : stop])


class Load:
    """Connections to one server. `async with Load(host, port) as load: …`."""

    def __init__(self, host: str, port: int, connections: int = CONNECTIONS) -> None:
        self._host, self._port, self._count = host, port, connections
        self._idle: list[_Connection] = []
        self._all: list[_Connection] = []
        self._loaded = Loaded()
        self._next: Iterator[bytes] = iter(())
        self._out = 0
        self._ok = 202
        self._keep = False
        self._done: asyncio.Future[None]

    async def __aenter__(self) -> Load:
        for _ in range(self._count):
            await self._connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._all:
            connection.lost = None
            connection.transport.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self._answered), self._host, self._port
        )
        connection.lost = self._failed
        self._all.append(connection)
        self._idle.append(connection)

    # ------------------------------------------------------------ closed and open loop

    async def closed(
        self, requests: Sequence[bytes] | Iterator[bytes], *, keep: bool = False, ok: int = 202
    ) -> Loaded:
        """Every connection sends its next request when its last was answered. keep: the answers'
        bodies are wanted. Raises Refused at the first answer that is not `ok`."""
        self._begin(iter(requests), keep, ok)
        idle, self._idle = self._idle, []
        for connection in idle:
            self._go(connection)
        return await self._end()

    async def open(self, requests: Sequence[bytes], per_second: float) -> Loaded:
        """One request every 1/per_second, whether or not earlier ones were answered."""
        self._begin(iter(()), False, 202)
        self._out = 1  # the sender itself: the load has not ended before the last was sent
        began = time.perf_counter()
        for index, data in enumerate(requests):
            wait = began + index / per_second - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            if not self._idle:
                await self._connect()
            self._out += 1
            connection = self._idle.pop()
            connection.send(data)
            self._loaded.sent.append(connection.sent)
        self._out -= 1
        if not self._out:
            self._finish()
        return await self._end()

    def _begin(self, requests: Iterator[bytes], keep: bool, ok: int) -> None:
        self._done = asyncio.get_running_loop().create_future()
        self._next, self._keep, self._ok = requests, keep, ok
        self._loaded = Loaded(began=time.perf_counter(), latencies=[], bodies=[], sent=[])

    async def _end(self) -> Loaded:
        await self._done
        return self._loaded

    def _go(self, connection: _Connection) -> None:
        data = next(self._next, None)
        if data is None:
            self._idle.append(connection)
            if not self._out:
                self._finish()
            return
        self._out += 1
        connection.send(data)

    def _answered(self, connection: _Connection, status: int, body: bytes) -> None:
        self._out -= 1
        self._loaded.latencies.append(time.perf_counter() - connection.sent)
        if status != self._ok:
            self._failed(Refused(f"wanted {self._ok}, got {status}: {body[:300]!r}"))
            return
        if self._keep:
            self._loaded.bodies.append(body)
        self._go(connection)

    def _finish(self) -> None:
        self._loaded.ended = time.perf_counter()
        if not self._done.done():
            self._done.set_result(None)

    def _failed(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(latencies: Sequence[float]) -> dict[str, float]:
    """p50 and p99 in ms of latencies in seconds."""
    return {
        "p50_ms": percentile(latencies, 0.5) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
    }


def run_loop(load: Coroutine[Any, Any, T]) -> T:
    """Run a load on uvloop, to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load)
