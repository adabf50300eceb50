"""A connection that is reset while it is handed over: its socket closes nobody else's descriptor. And one
that was closed is gone, whatever the other end does."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from thence.api.functiongraph import log_otlp
from thence.api.functiongraph.log_line import Line
from thence.api.functiongraph.log_otlp import LogOtlp
from thence.api.functiongraph.log_sink import NotSent
from thence.destinations.http.sockets import Leaving
from thence.destinations.webhook import WebhookSender

from .conftest import LOOPBACK, NOW, then_set

RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Reused(uvloop.Loop):
    """Every connection is reset before its handshake begins, and the number of its descriptor is that
    of another file as soon as it is free, as on a busy node."""

    def __init__(self) -> None:
        super().__init__()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.files: dict[int, int] = {}  # descriptors of others, with the inodes behind them
        self.reused = 0

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    async def create_connection(self, *args: Any, **settings: Any) -> Any:
        number = settings["sock"].fileno()
        peer, _ = self.listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        peer.close()
        try:
            return await super().create_connection(*args, **settings)
        finally:
            self._take(number)

    def _take(self, number: int) -> None:
        """Open files until one has that number, or there is none to be had."""
        while True:
            file = os.open(os.devnull, os.O_RDONLY)
            self.files[file] = os.fstat(file).st_ino
            self.reused += file == number
            if file >= number:
                return

    def close(self) -> None:
        self.listener.close()
        for file in self.files:
            os.close(file)
        super().close()


def closed(files: dict[int, int]) -> list[int]:
    """Those of the descriptors that somebody has closed."""
    gone = []
    for file, inode in files.items():
        try:
            if os.fstat(file).st_ino != inode:
                gone.append(file)
        except OSError:
            gone.append(file)
    for file in gone:
        del files[file]
    return gone


def after(connecting: Callable[[int], Awaitable[None]]) -> tuple[int, list[int]]:
    """How often the number was used again, and which of others' descriptors were closed, once it is
    over. The argument gets the port."""
    with asyncio.Runner(loop_factory=Reused) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Reused)
        runner.run(connecting(loop.port))
        gc.collect()
        return loop.reused, closed(loop.files)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_receiver_that_resets_closes_no_descriptor_of_others(
    parcel: Callable[..., Any], scheme: str
) -> None:
    async def send(port: int) -> None:
        sender = WebhookSender(allow_networks=LOOPBACK)
        sent = await sender.send(parcel(f"{scheme}://127.0.0.1:{port}/hook"))
        assert (sent.delivered, sent.again) == (False, True), sent
        await sender.close()

    reused, gone = after(send)
    assert gone == []
    assert reused == 1 or scheme == "http", "what this is about did not happen"


def test_nor_does_one_that_takes_the_status_log() -> None:
    async def write(port: int) -> None:
        sink = LogOtlp(f"https://127.0.0.1:{port}/v1/logs", {}, {}, lambda: NOW)
        with pytest.raises(NotSent):
            await sink.write([Line("urn", "id", "WAIT", NOW, 0, "")])
        await sink.close()

    reused, gone = after(write)
    assert (reused, gone) == (1, [])


class Mute:
    """Takes one connection and keeps it; it reads no more of it than one request's head, if that, and
    never ends it."""

    def __init__(self, tls: ssl.SSLContext | None, answer: bytes) -> None:
        self._tls, self._answer = tls, answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._taken: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        if self._tls is not None:
            peer = self._tls.wrap_socket(peer, server_side=True)
        self._taken.append(peer)
        if self._answer:
            peer.recv(65_536)
            peer.sendall(self._answer)

    def close(self) -> None:
        self._thread.join(20)
        for item in (self._listener, *self._taken):
            item.close()


@pytest.fixture
def mute() -> Iterator[Callable[..., Mute]]:
    made: list[Mute] = []

    def make(tls: ssl.SSLContext | None = None, answer: bytes = b"") -> Mute:
        made.append(Mute(tls, answer))
        return made[-1]

    yield make
    for item in made:
        item.close()


class Told:
    """What befalls a connection of ours."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = asyncio.Event()  # no more can be sent until the other end reads
        self.gone = asyncio.Event()  # and with it its descriptor, and what was not sent
        monkeypatch.setattr(Leaving, "pause_writing", then_set(self.full, Leaving.pause_writing))
        monkeypatch.setattr(
            Leaving, "connection_lost", then_set(self.gone, Leaving.connection_lost)
        )

    async def leaves(self, trying: Coroutine[Any, Any, Any]) -> None:
        """A try that can send no more is ended; its connection too."""
        task = asyncio.ensure_future(trying)
        async with asyncio.timeout(60):
            await self.full.wait()
        task.cancel()
        await asyncio.wait({task})
        async with asyncio.timeout(20):
            await self.gone.wait()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


BIG = b"x" * (32 << 20)  # more than the system takes for who reads nothing
LONG = BIG[len(BIG) // 2 :].decode()  # a line's message, which is sent twice


async def test_a_receiver_that_reads_nothing_keeps_no_connection_once_the_try_is_over(
    parcel: Callable[..., Any], mute: Callable[..., Mute], told: Told
) -> None:
    """It stayed for ever, with the record: of each try one."""
    sender = WebhookSender(allow_networks=LOOPBACK)
    await told.leaves(sender.send(parcel(f"http://127.0.0.1:{mute().port}/hook", record=BIG)))
    await sender.close()


async def test_nor_does_a_status_logs_collector(
    mute: Callable[..., Mute], told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_otlp, "SEND_SECONDS", 120)  # on a busy machine, too
    sink = LogOtlp(f"http://127.0.0.1:{mute().port}/v1/logs", {}, {}, lambda: NOW)
    await told.leaves(sink.write([Line("urn", "id", "WAIT", NOW, 0, LONG)]))
    await sink.close()


@pytest.mark.parametrize("status", [200, 503])
async def test_a_receiver_that_says_no_farewell_over_tls_keeps_no_connection(
    parcel: Callable[..., Any],
    mute: Callable[..., Mute],
    told: Told,
    own_certificate: ssl.SSLContext,
    status: int,
) -> None:
    """It stayed for 30 s more, and none of these was counted."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    last = b"HTTP/1.1 %d Said\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % status
    sender = WebhookSender(allow_networks=LOOPBACK, tls=trusting)
    sent = await sender.send(parcel(f"https://127.0.0.1:{mute(own_certificate, last).port}/hook"))
    assert sent.status == status, sent
    async with asyncio.timeout(20):
        await told.gone.wait()
    await sender.close()
