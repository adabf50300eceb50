"""A receiver that says that it takes a record before it has read it gets it whole."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from thence.api.functiongraph import log_otlp
from thence.api.functiongraph.log_line import Line
from thence.api.functiongraph.log_otlp import LogOtlp
from thence.destinations.http import connector, sockets, wire
from thence.destinations.http.connector import KEPT_PER_RECEIVER_MAX, Connector
from thence.destinations.http.wire import Handler
from thence.destinations.interface import Sent
from thence.destinations.webhook import WebhookSender

from .conftest import LOOPBACK, NOW, then_set
from .test_connector import Receiver

BIG = b"x" * (32 << 20)  # more than the system takes for who reads nothing
LONG = BIG[len(BIG) // 2 :].decode()  # a line's message, which is sent twice
TAKEN = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
KEEPING = TAKEN.replace(b"Connection: close\r\n", b"")


class Early:
    """Answers as soon as it has the head; reads the body once it is told to."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.asked = 0
        self.got: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.port = 0
        self.answer = TAKEN

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *([0-9]+)", head)
        self.asked = int(length[1]) if length else 0
        writer.write(self.answer)
        await self.go_on.wait()
        got = 0
        try:
            while got < self.asked and (more := await reader.read(1 << 20)):
                got += len(more)
        except OSError:
            pass
        if not self.got.done():
            self.got.set_result(got)
        writer.close()


@pytest.fixture
async def early(
    request: pytest.FixtureRequest, own_certificate: ssl.SSLContext
) -> AsyncIterator[Early]:
    it = Early()
    tls = own_certificate if getattr(request, "param", "http") == "https" else None
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    yield it
    it.go_on.set()
    server.close()


class Closing:
    """When the client closes its connection, and when that is gone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.closed, self.gone = asyncio.Event(), asyncio.Event()
        # What nobody waits for is ended at once.
        monkeypatch.setattr(sockets, "LEAVE_SECONDS", 0)
        monkeypatch.setattr(Handler, "close", then_set(self.closed, Handler.close))
        monkeypatch.setattr(
            Handler, "connection_lost", then_set(self.gone, Handler.connection_lost)
        )

    async def then(self, early: Early) -> None:
        """The connection is closed and whatever ends it has had its turn; the receiver reads on."""
        async with asyncio.timeout(60):
            await self.closed.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        early.go_on.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not true():
                self.gone.clear()
                await self.gone.wait()


@pytest.fixture
def closing(monkeypatch: pytest.MonkeyPatch) -> Closing:
    return Closing(monkeypatch)


@pytest.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    it = WebhookSender(allow_networks=LOOPBACK, tls=trusting, timeout_seconds=60)
    yield it
    await it.close()


def connector_of(sender: WebhookSender) -> Connector:
    assert sender.client._session is not None
    books = sender.client._session.connector
    assert isinstance(books, Connector)
    return books


async def gets_it_whole(early: Early, closing: Closing, sending: Coroutine[Any, Any, Sent]) -> None:
    trying = asyncio.ensure_future(sending)
    await closing.then(early)
    async with asyncio.timeout(60):
        sent, got = await trying, await early.got
    assert sent.delivered, sent
    assert got == early.asked == len(BIG)


@pytest.mark.parametrize("early", ["http", "https"], indirect=True)
async def test_a_receiver_that_answers_before_it_reads_gets_the_whole_record(
    request: pytest.FixtureRequest,
    parcel: Callable[..., Any],
    early: Early,
    closing: Closing,
    sender: WebhookSender,
) -> None:
    """It lost the end of what it had said that it takes, and the delivery counted as done."""
    scheme = request.node.callspec.params["early"]
    url = f"{scheme}://127.0.0.1:{early.port}/hook"
    await gets_it_whole(early, closing, sender.send(parcel(url, record=BIG)))


@pytest.mark.parametrize("early", ["https"], indirect=True)
async def test_so_does_one_whose_connection_is_kept_until_no_try_follows(
    parcel: Callable[..., Any],
    early: Early,
    closing: Closing,
    sender: WebhookSender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight such counted as eight already, and each of them lost the end of its record."""
    early.answer = KEEPING
    monkeypatch.setattr(connector, "KEPT_PER_RECEIVER_MAX", 1)
    monkeypatch.setattr(connector, "RESTS_PER_RECEIVER_MAX", 1)
    sent = await sender.send(parcel(f"https://127.0.0.1:{early.port}/hook", record=BIG))
    assert sent.delivered, sent
    books = connector_of(sender)
    assert sum(map(len, books._conns.values())) == 1, "over TLS it is kept though all is unsent"
    books._keepalive_timeout = -1
    books._cleanup()
    await closing.then(early)
    async with asyncio.timeout(60):
        assert await early.got == early.asked == len(BIG)
    await closing.until(lambda: not books._resting)
    assert books._rest_bytes == 0


async def test_so_does_one_where_connections_of_others_are_kept(
    parcel: Callable[..., Any], early: Early, closing: Closing
) -> None:
    """Of 128 receivers that were well a connection was kept: nobody else had time to read."""
    sender = WebhookSender(
        allow_networks=LOOPBACK, kept_max=3 * KEPT_PER_RECEIVER_MAX, timeout_seconds=60
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sender.close)
        for _ in range(3):
            well = await stack.enter_async_context(Receiver())
            sent = await sender.send(parcel(well.url))
            assert sent.delivered, sent
        assert len(connector_of(sender)._conns) == 2, "all that may be kept"
        closing.closed.clear()
        url = f"http://127.0.0.1:{early.port}/hook"
        await gets_it_whole(early, closing, sender.send(parcel(url, record=BIG)))


async def test_so_does_a_status_logs_collector(
    early: Early, closing: Closing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_otlp, "SEND_SECONDS", 60)  # on a busy machine, too
    sink = LogOtlp(f"http://127.0.0.1:{early.port}/v1/logs", {}, {}, lambda: NOW)
    writing = asyncio.ensure_future(sink.write([Line("urn", "id", "WAIT", NOW, 0, LONG)]))
    await closing.then(early)
    async with asyncio.timeout(60):
        await writing
        assert await early.got == early.asked > len(BIG)
    await sink.close()


async def test_one_that_never_reads_is_left_after_its_time(
    parcel: Callable[..., Any],
    early: Early,
    closing: Closing,
    sender: WebhookSender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "TAKEN_SECONDS", 0)
    sent = await sender.send(parcel(f"http://127.0.0.1:{early.port}/hook", record=BIG))
    assert sent.delivered, sent
    async with asyncio.timeout(20):
        await closing.gone.wait()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Handler]:
    """The client's end of every connection that was made."""
    them: list[Handler] = []
    came = Handler.connection_made

    def noted(self: Handler, transport: asyncio.BaseTransport) -> None:
        them.append(self)
        came(self, transport)

    monkeypatch.setattr(Handler, "connection_made", noted)
    return them


@pytest.mark.parametrize(
    ("bound", "value", "stay"),
    [("RESTS_PER_RECEIVER_MAX", 2, 2), ("REST_BYTES_MAX", 1, 1), ("RESTS_PART", 512, 2)],
)
async def test_of_those_that_never_read_only_a_few_stay(
    parcel: Callable[..., Any],
    early: Early,
    closing: Closing,
    sender: WebhookSender,
    made: list[Handler],
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    value: int,
    stay: int,
) -> None:
    """Each try left one for 30 s, with the record: 100 tries a second took 2 GB in 4 s."""
    monkeypatch.setattr(connector, "REST_BYTES_MAX", 1 << 40)
    monkeypatch.setattr(connector, bound, value)
    monkeypatch.setattr(wire, "TAKEN_SECONDS", 3600)  # on a busy machine, too
    tries = stay + 3
    for _ in range(tries):
        sent = await sender.send(parcel(f"http://127.0.0.1:{early.port}/hook", record=BIG))
        assert sent.delivered, sent

    def left() -> int:
        return sum(not item._connection_lost_called for item in made)

    await closing.until(lambda: left() <= stay)
    assert (len(made), left()) == (tries, stay)
    books = connector_of(sender)
    assert sum(books._resting.values()) == stay
    early.go_on.set()
    await closing.until(lambda: left() == 0)
    assert (books._resting, books._rest_bytes) == ({}, 0), "its places are free again"


@pytest.mark.parametrize("early", ["https"], indirect=True)
async def test_nor_are_many_kept_for_a_next_try_that_might_not_have_read(
    parcel: Callable[..., Any],
    early: Early,
    sender: WebhookSender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """20 receivers that answer over TLS, keep the connection and never read kept 1.9 GB."""
    early.answer = KEEPING
    monkeypatch.setattr(connector, "REST_BYTES_MAX", 150_000)
    url = f"https://127.0.0.1:{early.port}/hook"
    tries = (sender.send(parcel(url, record=b"x" * 70_000)) for _ in range(4))
    assert all(sent.delivered for sent in await asyncio.gather(*tries))
    assert sum(map(len, connector_of(sender)._conns.values())) == 2


async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A receiver that is well. Over TLS the client cannot tell it from one that answers unread."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = re.search(rb"(?i)content-length: *([0-9]+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            writer.write(KEEPING)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def test_nor_where_a_small_record_was_answered_behind_it(
    parcel: Callable[..., Any],
    sender: WebhookSender,
    own_certificate: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """30 that answered a small record behind a large one which they had not read kept 1 GB."""
    monkeypatch.setattr(connector, "REST_BYTES_MAX", 100_000)
    async with AsyncExitStack() as stack:
        urls = []
        for _ in range(2):
            server = await asyncio.start_server(answer_all, "127.0.0.1", 0, ssl=own_certificate)
            stack.callback(server.close)
            urls.append(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook")
        first, second = urls
        for url, record in ((first, b"x" * 70_000), (first, b"{}"), (second, b"x" * 70_000)):
            sent = await sender.send(parcel(url, record=record))
            assert sent.delivered, sent
        (kept,) = connector_of(sender)._conns
        assert str(kept.port) in first


async def test_whoever_closes_all_connections_does_not_wait_for_them(
    early: Early, closing: Closing
) -> None:
    """It waited 30 s."""
    conn = Connector(1000)
    async with aiohttp.ClientSession(connector=conn, request_class=wire.Request) as session:
        wire.expect("/")
        async with session.post(f"http://127.0.0.1:{early.port}/", data=BIG):
            async with asyncio.timeout(20):
                await conn.close()
