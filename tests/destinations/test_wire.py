"""The bytes that go to a webhook and the bytes that come back, seen by a receiver that is a bare socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from thence.destinations.http.wire import HEAD_BYTES_MAX, INTERIM_MAX, Answer, target_of
from thence.destinations.webhook import WebhookSender

from .conftest import LOOPBACK

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Raw:
    """Keeps the head of every request as it came and answers given bytes; `keep` leaves the
    connection open afterwards, as many pieces as there are are sent one by one."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.answers: list[list[bytes]] = []
        self.keep = True
        self.early = False  # answer before the body is read, and close
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []  # of all connections, to send more later
        self.ended = asyncio.Event()  # a connection has

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                if not self.early:
                    await reader.readexactly(length)
                for piece in self.answers.pop(0) if self.answers else [OK]:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if not self.keep or self.early:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.ended.set()
            writer.close()

    @property
    def targets(self) -> list[bytes]:
        return [head.split(b" ")[1] for head in self.heads]


@pytest.fixture
async def raw() -> AsyncIterator[Raw]:
    it = Raw()
    await it.start()
    yield it
    it.server.close()


@pytest.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    it = WebhookSender(allow_networks=LOOPBACK, timeout_seconds=5)
    yield it
    await it.close()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (path, path)
        for path in (
            "/p?a=%2B", "/p?a=+", "/p?a=%20b", "/%7Euser", "/~user", "/p?", "/p?#", "/a/../b",
            "/a/./b", "/./", "/..", "//double//slash", "/%2e%2e/x", "/p%2Fq", "/p?x=%E4%BD%A0",
            "/p?q=a%26b=c&d==&&e", "/%41%zz%", "/p?a=b?c=d", "/p;v=1,2!$&'()*+:@", "/p|q{}[]^`\"<>",
            "/P%c3%a9", "/?", "/p?sig=aB%2Fc%3D%3D",
        )
    ]
    + [("", "/"), ("?a=%2B", "/?a=%2B"), ("#f", "/"), ("/p#f?x", "/p"), ("/p?#f", "/p?"),
       ("/é?ü=%C3", "/%C3%A9?%C3%BC=%C3")],
)  # fmt: skip
async def test_the_target_goes_out_as_it_was_configured(
    raw: Raw, sender: WebhookSender, parcel: Any, written: str, sent: str
) -> None:
    answer = await sender.send(parcel(f"http://127.0.0.1:{raw.port}{written}"))
    assert answer.delivered, answer
    assert raw.heads[0].split(b"\r\n")[0] == f"POST {sent.partition('#')[0]} HTTP/1.1".encode()
    assert f"Host: 127.0.0.1:{raw.port}".encode() in raw.heads[0]


async def test_two_targets_of_one_receiver_use_one_connection_and_are_not_mixed_up(
    raw: Raw, sender: WebhookSender, parcel: Any
) -> None:
    for path in ("/a?x=%2B", "/b/../c", "/a?x=%2B"):
        assert (await sender.send(parcel(f"http://127.0.0.1:{raw.port}{path}"))).delivered
    assert raw.targets == [b"/a?x=%2B", b"/b/../c", b"/a?x=%2B"] and raw.connections == 1
    raw.answers = [[OK]] * 8
    paths = [f"/{number}?" for number in range(8)]
    await asyncio.gather(
        *(sender.send(parcel(f"http://127.0.0.1:{raw.port}{path}")) for path in paths)
    )
    assert sorted(raw.targets[3:]) == [path.encode() for path in paths]


def test_a_target_with_a_space_or_a_line_break_is_refused() -> None:
    for bad in ("http://h/a b", "http://h/a\r\nx: y", "http://h/\x00"):
        with pytest.raises(ValueError, match="target"):
            target_of(bad)


DELIVERED = {
    "204 with stray bytes": b"HTTP/1.1 204 No Content\r\n\r\nstray",
    "204 with a length and a body": b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\nstray",
    "204 with chunks": b"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nstray\r\n0\r\n\r\n",
    "200 with more than its length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokstray",
    "two answers": OK + b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nwhat is this\r\n\r\n",
    "a header with a bad name": b"HTTP/1.1 200 OK\r\nb@d n\xffme: 1\r\nContent-Length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nbody until the end",
    "no length": b"HTTP/1.1 200 OK\r\n\r\nbody until the end",
    "a body that breaks off": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "103 and 102 first": b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + OK,
    "a long header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 50_000,
    "a huge body": b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000,
}


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "closed"])
@pytest.mark.parametrize("answer", DELIVERED.values(), ids=list(DELIVERED))
async def test_a_success_is_a_success_whatever_is_wrong_with_the_rest_of_the_answer(
    raw: Raw, sender: WebhookSender, parcel: Any, answer: bytes, keep: bool
) -> None:
    raw.answers, raw.keep = [[answer]], keep
    sent = await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p"))
    assert (sent.delivered, sent.again, sent.error) == (True, False, "")
    if keep:  # the next delivery finds a clean connection
        sent = await sender.send(parcel(f"http://127.0.0.1:{raw.port}/q"))
        assert sent.delivered and raw.targets == [b"/p", b"/q"]


@pytest.mark.parametrize("status", [400, 404, 410, 301, 429, 503, 500])
async def test_an_error_is_that_error_whatever_is_wrong_with_the_rest_of_the_answer(
    raw: Raw, sender: WebhookSender, parcel: Any, status: int
) -> None:
    raw.answers = [
        [f"HTTP/1.1 {status} X\r\nRetry-After: 7\r\nContent-Length: -5\r\n\r\n".encode()]
    ]
    sent = await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p"))
    assert (sent.delivered, sent.status) == (False, status)
    assert sent.again == (status >= 429)
    assert sent.retry_after_seconds == (7 if status in (429, 503) else None)


NO_ANSWER = {
    "nothing": b"",
    "half a first line": b"HTTP/1.1 20",
    "a head that ends early": b"HTTP/1.1 200 OK\r\nContent-Le",
    "another protocol": b"220 mail ESMTP\r\n",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "only 100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
}


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=list(NO_ANSWER))
async def test_what_is_no_whole_answer_is_tried_again(
    raw: Raw, sender: WebhookSender, parcel: Any, answer: bytes
) -> None:
    raw.answers, raw.keep = [[answer]], False
    sent = await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p"))
    assert (sent.delivered, sent.again) == (False, True)


@pytest.mark.parametrize(
    "between", [b"", b"\r\n", b"\n"], ids=["heads", "blank lines", "line feeds"]
)
async def test_interim_answers_without_end_end_the_connection(
    raw: Raw, sender: WebhookSender, parcel: Any, between: bytes
) -> None:
    """Read until its time is over, one such receiver took the event loop for itself."""
    raw.answers = [[(b"HTTP/1.1 100 Continue\r\n\r\n" + between) * 1000] * 20_000]
    sent = await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p"))
    assert (sent.delivered, sent.again) == (False, True)
    assert "nothing but answers of 1xx" in sent.error, "the connection was not ended"


async def test_blank_lines_without_end_end_the_connection(
    raw: Raw, sender: WebhookSender, parcel: Any
) -> None:
    raw.answers = [[b"\r\n" * 1000] * 20_000]
    sent = await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p"))
    assert (sent.delivered, sent.again) == (False, True)
    assert "blank lines" in sent.error, "the connection was not ended"


async def test_who_says_every_second_that_it_is_at_work_is_waited_for(
    raw: Raw, sender: WebhookSender, parcel: Any
) -> None:
    """For as long as a try may take (destinations.timeout_seconds, up to 600)."""
    raw.answers = [[b"HTTP/1.1 102 Processing\r\nServer: s\r\n\r\n\r\n"] * 300 + [OK]]
    assert (await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p"))).delivered
    raw.answers = [[b"HTTP/1.1 102 Processing\r\n\r\n" * 600 + OK]]
    assert (await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p"))).delivered
    assert raw.connections == 1


@pytest.mark.parametrize("more", [OK, b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\n", b"stray"])
async def test_what_comes_after_an_answer_is_not_the_answer_to_the_next_record(
    raw: Raw, sender: WebhookSender, parcel: Any, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record counted as delivered for it, and without end it filled the memory."""
    # The client would end it after some seconds without use: not here.
    monkeypatch.setattr(aiohttp.BaseConnector, "_cleanup", lambda self: None)
    assert (await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p"))).delivered
    raw.writers[0].write(more)
    async with asyncio.timeout(20):  # it ends the connection that nobody uses
        await raw.ended.wait()
    raw.answers = [[b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"]]
    sent = await sender.send(parcel(f"http://127.0.0.1:{raw.port}/q"))
    assert (sent.delivered, sent.status, raw.targets) == (False, 500, [b"/p", b"/q"])


async def test_an_answer_in_single_bytes_is_read_as_one(
    raw: Raw, sender: WebhookSender, parcel: Any
) -> None:
    whole = (
        b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 503 X\r\nretry-AFTER:  12 \r\nContent-Length: 0\r\n\r\n"
    )
    raw.answers = [[bytes([item]) for item in whole]]
    sent = await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p"))
    assert (sent.status, sent.retry_after_seconds) == (503, 12)


async def test_an_answer_that_comes_before_the_record_was_read_counts(
    raw: Raw, sender: WebhookSender, parcel: Any
) -> None:
    raw.early = True
    raw.answers = [[b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]]
    sent = await sender.send(parcel(f"http://127.0.0.1:{raw.port}/p", record=b"x" * 8_000_000))
    assert (sent.delivered, sent.again, sent.status) == (False, False, 413)


def test_heads_without_end_are_bounded() -> None:
    flood = Answer()
    flood.feed(b"HTTP/1.1 100 C\r\n\r\n" * (INTERIM_MAX + 1) + OK)
    assert flood.status == 0 and not flood.complete
    endless = Answer()
    for _ in range(HEAD_BYTES_MAX // 100 + 200):
        endless.feed(b"HTTP/1.1 200 OK\r\n" if not endless.status else b"x" * 100)
    assert endless.status == 200 and endless.complete and endless._buffer == b""
    nothing = Answer()
    for _ in range(HEAD_BYTES_MAX // 100 + 200):
        nothing.feed(b"x" * 100)
    assert nothing.status == 0 and nothing._buffer == b""
