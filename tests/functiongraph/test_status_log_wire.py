"""What a collector of the status log answers, byte for byte: in parts, badly, unasked, without end."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from thence.api.functiongraph import log_otlp
from thence.api.functiongraph.log_line import Line
from thence.api.functiongraph.log_otlp import LogOtlp
from thence.api.functiongraph.log_sink import NotSent


def line(number: int) -> Line:
    return Line("urn", f"id-{number}", "WAIT", 0, 0, "")


class Wire:
    """A collector that answers each request with the given bytes: `later` once the test says so."""

    def __init__(self, first: bytes, later: bytes = b"") -> None:
        self._first, self._later = first, later
        self.go_on = asyncio.Event()
        self.ended = asyncio.Event()  # a connection has
        self.asked = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: *([0-9]+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                self.asked += 1
                writer.write(self._first)
                if self._later:
                    await self.go_on.wait()
                    writer.write(self._later)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.ended.set()
            writer.close()

    @contextlib.asynccontextmanager
    async def sink(self) -> AsyncIterator[LogOtlp]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sink = LogOtlp(f"http://127.0.0.1:{port}/v1/logs", {}, {}, lambda: 0)
        yield sink
        await sink.close()
        server.close()


TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
PARTIAL = b'{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"it is odd"}}'


async def test_what_a_collector_refused_counts_also_where_its_answer_comes_in_parts(
    monkeypatch: Any, caplog: Any
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PARTIAL)
    wire = Wire(head + PARTIAL[:20], PARTIAL[20:])
    monkeypatch.setattr(log_otlp, "ANSWER_SECONDS_MAX", 60)
    read = aiohttp.StreamReader.read

    async def reading(self: aiohttp.StreamReader, n: int = -1) -> bytes:
        found = await read(self, n)
        wire.go_on.set()  # the rest comes once the first part has been read
        return found

    monkeypatch.setattr(aiohttp.StreamReader, "read", reading)
    async with wire.sink() as sink:
        await sink.write([line(1), line(2)])
    assert sink.lost == 1 and "it is odd" in caplog.text


async def test_lines_that_were_taken_are_not_sent_again_for_a_head_that_cannot_be_read() -> None:
    wire = Wire(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\nContent-Length: 0\r\n\r\n")
    async with wire.sink() as sink:
        await sink.write([line(1)])
    assert (wire.asked, sink.lost) == (1, 0)


async def test_what_a_collector_sends_unasked_ends_its_connection(monkeypatch: Any) -> None:
    """It counted as the answer to the next lines; without end it filled the memory."""
    # The client would end it after some seconds without use: not here.
    monkeypatch.setattr(aiohttp.BaseConnector, "_cleanup", lambda self: None)
    wire = Wire(TAKEN, TAKEN)
    async with wire.sink() as sink:
        await sink.write([line(1)])
        wire.go_on.set()
        async with asyncio.timeout(20):
            await wire.ended.wait()
        assert sink.lost == 0


async def test_a_collector_that_answers_1xx_without_end_is_left_at_once() -> None:
    """Read until its time was over, it took the event loop for itself."""
    wire = Wire(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000)
    async with wire.sink() as sink:
        with pytest.raises(NotSent) as told:
            await sink.write([line(1)])
    assert "too slow" not in str(told.value)
