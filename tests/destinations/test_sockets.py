"""A connection that is reset while it is handed over: its socket closes nobody else's descriptor."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from thence.api.functiongraph.log_line import Line
from thence.api.functiongraph.log_otlp import LogOtlp
from thence.api.functiongraph.log_sink import NotSent
from thence.destinations.webhook import WebhookSender

from .conftest import LOOPBACK, NOW

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
