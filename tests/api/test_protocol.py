"""The protocol on the wire: order of answers, limits, what is no HTTP, callers that go away."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from thence.api.native.fast_path import NativeFastPath
from thence.api.protocol import limits
from thence.config.settings import Limits
from thence.notices import InvocationAccepted

from .wire import LAST, PATH, connections, get, one_problem, parse, request, statuses


async def test_many_accepts_on_one_connection(server: Any) -> None:
    await server.deploy()
    reader, writer = await server.connect()
    for number in range(20):
        writer.write(request(body=b"%d" % number))
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
        assert head.startswith(b"HTTP/1.1 202 ") and json.loads(await reader.readexactly(size))
    writer.close()
    assert await server.accepted() == 20


async def test_pipelined_answers_keep_the_order_of_their_requests(server: Any) -> None:
    await server.deploy()
    sent = [
        request(body=b"1"),
        get("/livez"),
        request(body=b"2"),
        request(body=b"3"),
        get("/nothing"),
        request(path="/v1/functions/nobody/invocations"),
        request(body=b"4"),
        get("/v1/functions/f"),
        request(body=b"5"),
        LAST,
    ]
    answers = parse(await server.raw(b"".join(sent)))
    assert [answer.status for answer in answers] == [
        202,
        200,
        202,
        202,
        404,
        404,
        202,
        200,
        202,
        200,
    ]
    ids = [json.loads(body)["id"] for status, _, body in answers if status == 202]
    payloads = [(await server.get(f"/v1/invocations/{id}/payload")).body for id in ids]
    assert payloads == [b"1", b"2", b"3", b"4", b"5"]


async def test_a_pipeline_cut_anywhere_is_answered_the_same(server: Any) -> None:
    await server.deploy()
    data = request(body=b"abc") + get("/livez") + request(body=b"de") + LAST
    for step in (1, 7, 64):
        reader, writer = await server.connect()
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])
            await writer.drain()
            await asyncio.sleep(0)
        assert statuses(await reader.read()) == [202, 200, 202, 200]
        writer.close()


@pytest.mark.parametrize("slow", [False, True])
async def test_a_chunked_body_is_put_together(server: Any, slow: bool) -> None:
    await server.deploy()
    lines = ["Prefer: respond-async"] if slow else []
    head = "\r\n".join(
        (f"POST {PATH} HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", *lines, "", "")
    ).encode()
    answers = parse(await server.raw(head + b'3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n' + LAST))
    assert [answer.status for answer in answers] == [202, 200]
    id = answers[0].json["id"]
    assert (await server.get(f"/v1/invocations/{id}/payload")).json == {"a": 1}


async def test_a_connection_is_closed_when_the_caller_wants_it(server: Any) -> None:
    await server.deploy()
    ((status, headers, _),) = parse(
        await server.raw(request("POST", PATH, b"{}", "Connection: close"))
    )
    assert status == 202 and headers["connection"] == "close"


async def test_http_1_0_is_answered_and_closed(server: Any) -> None:
    await server.deploy()
    answer = await server.raw(f"POST {PATH} HTTP/1.0\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    assert statuses(answer) == [202]


async def test_expect_100_continue_is_told_to_go_on(server: Any) -> None:
    await server.deploy()
    reader, writer = await server.connect()
    writer.write(request("POST", PATH, b"{}", "Expect: 100-continue", "Connection: close")[:-2])
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"{}")
    assert statuses(await reader.read()) == [202]
    writer.close()


async def test_a_caller_that_has_sent_all_it_will_send_gets_its_answer(server: Any) -> None:
    await server.deploy()
    reader, writer = await server.connect()
    writer.write(request())
    writer.write_eof()
    assert statuses(await reader.read()) == [202]
    writer.close()


async def test_a_caller_that_goes_before_the_commit_has_accepted_all_the_same(server: Any) -> None:
    await server.deploy()
    accepted = server.next(InvocationAccepted)
    _, writer = await server.connect()
    writer.write(request())
    await writer.drain()
    writer.transport.abort()
    await accepted
    assert await server.accepted() == 1 and (await server.get("/livez")).status == 200


async def test_a_caller_that_goes_in_the_middle_of_a_body_has_stored_nothing(server: Any) -> None:
    await server.deploy()
    reader, writer = await server.connect()
    writer.write(request(body=b"x" * 100)[:-1])
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert await server.accepted() == 0


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"hello\r\n\r\n",
        b"POST /x HTTP/x.1\r\n\r\n",
        request().replace(b"Content-Length: 2", b"Content-Length: two"),
        request().replace(b"Content-Length: 2", b"Content-Length: -2"),
        request().replace(b"Content-Length: 2", b"Content-Length: 99999999999999999999999"),
        request().replace(b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 3"),
        request().replace(b"Host: h", b"Transfer-Encoding: chunked"),
        request().replace(b"Host: h", b"Host : h"),
        request().replace(b"Host: h", b"Host: h\r\nBad\x00Name: 1"),
        f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
    ],
)
async def test_what_is_no_http_is_a_problem(server: Any, data: bytes) -> None:
    await server.deploy()
    assert one_problem(await server.raw(data))["code"] == "bad_request"
    assert await server.accepted() == 0


async def test_garbage_behind_a_request_does_not_take_its_answer_away(server: Any) -> None:
    await server.deploy()
    for before in (request(), get("/livez"), request() + get("/livez") + request()):
        found = statuses(await server.raw(before + b"\x00garbage\r\n\r\n"))
        assert found[-1] == 400 and 400 not in found[:-1]
        assert len(found) == before.count(b"HTTP/1.1") + 1
    assert await server.accepted() == 3


@pytest.mark.parametrize("way", ["whole", "many", "partial"])
async def test_a_huge_header_is_refused(server: Any, way: str) -> None:
    await server.deploy()
    size = limits.HEAD_BYTES_MAX
    lines = {
        "whole": [f"X-Big: {'x' * size}"],
        "many": [f"X-{number}: {'x' * 100}" for number in range(size // 100)],
        "partial": [],
    }[way]
    data = request("POST", PATH, b"{}", *lines)
    if way == "partial":
        data = b"POST / HTTP/1.1\r\nX: " + b"x" * (5 * size)
    problem = one_problem(await server.raw(data))
    assert problem["code"] == "headers_too_large" and problem["limit_bytes"] == size
    assert await server.accepted() == 0


async def test_a_header_within_the_limit_is_taken(server: Any) -> None:
    await server.deploy()
    lines = [f"X-{number}: {'x' * 1000}" for number in range(60)]
    assert statuses(await server.raw(request("POST", PATH, b"{}", *lines) + LAST)) == [202, 200]


async def test_a_long_target_is_refused(server: Any) -> None:
    problem = one_problem(await server.raw(get("/" + "x" * 9000)))
    assert problem["code"] == "target_too_long" and problem["limit_bytes"] == 8192


async def test_a_target_that_is_no_path_is_refused(server: Any) -> None:
    for target in ("*", "http://[::1", "//", "x"):
        found = statuses(await server.raw(get(target) + LAST))
        assert found[0] in (400, 404), target


async def test_a_declared_oversize_is_refused_before_the_body_and_closed(make_server: Any) -> None:
    server = await make_server(limits=Limits(payload_bytes_max=10))
    await server.deploy()
    problem = one_problem(await server.raw(request(body=b"x" * 11)[:-11]))
    assert problem["code"] == "payload_too_large" and problem["limit_bytes"] == 10
    behind = await server.raw(request(body=b"x" * 11) + request() + request())
    assert one_problem(behind)["code"] == "payload_too_large"
    assert await server.accepted() == 0


@pytest.mark.parametrize("slow", [False, True])
async def test_a_body_without_end_is_refused_while_it_comes(make_server: Any, slow: bool) -> None:
    server = await make_server(limits=Limits(payload_bytes_max=10))
    await server.deploy()
    lines = ["Prefer: respond-async"] if slow else []
    head = (f"POST {PATH} HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", *lines, "", "")
    reader, writer = await server.connect()
    writer.write("\r\n".join(head).encode() + b"6\r\n123456\r\n" * 2)  # and no end of it
    assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"HTTP/1.1 413 ")
    writer.close()
    assert await server.accepted() == 0


async def only_connection(server: Any, busy: bool) -> Any:
    """The server's side of the one connection, once it has read what was sent."""
    while True:
        for connection in connections(server):
            if connection.busy() == busy and (busy or connection._beside_body):
                return connection
        await asyncio.sleep(0)  # what was sent is on its way through the loop


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nX: ", request()[:-1]])
async def test_a_connection_that_holds_its_place_without_using_it_is_closed(
    server: Any, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    reader, writer = await server.connect()
    writer.write(data)
    connection = await only_connection(server, busy=data.startswith(b"POST"))
    connection.look()
    assert not connection.transport.is_closing()
    monkeypatch.setattr(limits, "STALLED_SECONDS", -1.0)
    monkeypatch.setattr(limits, "IDLE_SECONDS", -1.0)
    connection.look()
    found = await reader.read()
    if data.startswith(b"POST"):
        assert one_problem(found)["code"] == "request_timeout"
    else:
        assert found == b""
    writer.close()


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_upgrade_to_another_protocol_takes_neither_body_nor_later_requests_away(
    server: Any, cut: bool, chunked: bool
) -> None:
    await server.deploy()
    lines = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"]
    body = b"2\r\n[7\r\n1\r\n]\r\n0\r\n\r\n" if chunked else b"[7]"
    length = "Transfer-Encoding: chunked" if chunked else "Content-Length: 3"
    head = [f"POST {PATH} HTTP/1.1", "Host: localhost", *lines, length, "", ""]
    upgrading = ["GET /v1/stats HTTP/1.1", "Host: localhost", *lines, "", ""]
    pieces = ["\r\n".join(head).encode(), body, "\r\n".join(upgrading).encode(), LAST]
    reader, writer = await server.connect()
    for piece in pieces if cut else [b"".join(pieces)]:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    answers = parse(await asyncio.wait_for(reader.read(), 20))
    writer.close()
    assert [status for status, _, _ in answers] == [202, 200, 200]
    id = answers[0].json["id"]
    assert (await server.get(f"/v1/invocations/{id}/payload")).body == b"[7]"


async def test_an_upgrade_to_another_protocol_in_the_last_request_of_a_connection_is_answered(
    server: Any,
) -> None:
    await server.deploy()
    for lines in (
        ["Connection: close", "Connection: upgrade", "Upgrade: h2c"],
        ["Connection: Upgrade, close", "Upgrade: websocket"],
    ):
        assert statuses(await server.raw(get("/livez", *lines))) == [200]
        assert statuses(await server.raw(request("POST", PATH, b"{}", *lines))) == [202]


@pytest.mark.parametrize("left", [1, 2, 3])
async def test_an_upgrade_to_another_protocol_that_ends_where_another_one_begins_is_left_out_too(
    server: Any, left: int
) -> None:
    await server.deploy()
    upgrade = ("Connection: Upgrade", "Upgrade: h2c")
    head, behind = get("/livez", *upgrade), request("POST", PATH, b"[7]", *upgrade)
    reader, writer = await server.connect()
    writer.write(head[:-left])
    connection = await only_connection(server, busy=False)
    await until(lambda: connection._beside_body == len(head) - left)
    writer.write(head[-left:] + behind)
    writer.write(get("/v1/functions/f", *upgrade) + LAST)
    answers = parse(await asyncio.wait_for(reader.read(), 20))
    writer.close()
    assert [status for status, _, _ in answers] == [200, 202, 200, 200]


# ---------------------------------------------------------------- refusals in the middle


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


def errors_of(caplog: Any) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "data",
    [
        get("/nothing", "Transfer-Encoding: gzip"),
        get("/livez", "Host: other", "Transfer-Encoding: gzip"),
        get("/livez", *(f"X-{number}: 1" for number in range(300)), "Transfer-Encoding: gzip"),
    ],
)
async def test_what_is_refused_by_us_and_by_the_parser_is_refused_once(
    server: Any, caplog: Any, data: bytes
) -> None:
    assert statuses(await server.raw(data)) in ([400], [431])
    assert errors_of(caplog) == []


async def test_a_body_that_breaks_is_not_asked_for_any_more(server: Any, caplog: Any) -> None:
    # The framing breaks before the application begins to read, so before it would say "continue".
    lines = ("Expect: 100-continue", "Transfer-Encoding: chunked")
    head = request("PUT", "/v1/functions/f", b"", *lines).replace(b"Content-Length: 0\r\n", b"")
    assert statuses(await server.raw(head + b"zz\r\n")) == [400]
    assert (await server.get("/livez")).status == 200
    assert errors_of(caplog) == []


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_an_answer_that_comes_before_the_body_can_be_read_by_who_still_sends_it(
    server: Any, caplog: Any, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(limits, "LINGER_SECONDS", 60)  # on a busy machine, too
    reader, writer = await server.connect()
    lines = ("Connection: close", "Prefer: respond-async")
    head = request("POST", "/v1/nothing", b"", *lines).replace(
        b"HTTP/1.1", f"HTTP/{version}".encode()
    )
    writer.write(head.replace(b"Content-Length: 0", b"Content-Length: 3000000"))
    # Proxies read the answer only when the body is sent, or when sending fails.
    for _ in range(30):
        writer.write(b"x" * 100_000)
        await writer.drain()
        await asyncio.sleep(0)
    assert statuses(await asyncio.wait_for(reader.read(), 20)) == [404]
    writer.close()
    assert errors_of(caplog) == []


async def test_a_caller_that_goes_while_a_later_request_waits_ends_the_earlier_one(
    server: Any, caplog: Any
) -> None:
    await server.deploy()
    reader, writer = await server.connect()
    # A stream without an end, with a body, and a whole request in the piece in which that body ends.
    writer.write(get("/v1/events", "Content-Length: 2"))
    await reader.readuntil(b"retry: 1000")
    streaming = server.listener.tasks
    writer.write(b"{}" + get("/v1/stats"))
    await until(lambda: any(connection.pipeline for connection in connections(server)))
    writer.transport.abort()
    (stream,) = streaming
    for _ in range(100):
        await server.accept()  # an event: writing it shows that nobody is there
        await asyncio.wait({stream}, timeout=0.1)
        if stream.done():
            break
    assert stream.done()
    assert errors_of(caplog) == []


# ---------------------------------------------------------------- at random


def chunked(body: bytes, *lines: str) -> bytes:
    head = request("POST", PATH, b"", "Transfer-Encoding: chunked", *lines)
    ended = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\nX-Last: 1\r\n\r\n"
    return head.replace(b"Content-Length: 0\r\n", b"") + ended


def mangle(rng: random.Random) -> bytes:
    """A stream of requests, good and bad, fast and slow, with some bytes changed."""
    pieces = []
    for _ in range(rng.randint(1, 6)):
        body = rng.randbytes(rng.choice((0, 1, 50, 3000)))
        pieces.append(
            rng.choice(
                (
                    request(body=body),
                    request("POST", PATH, body, "Prefer: respond-async"),
                    request("POST", PATH, body, "Idempotency-Key: k", "Thence-Delay-Seconds: 9"),
                    request("PUT", "/v1/functions/f", body, "Content-Type: application/json"),
                    request("POST", "/v1/functions/f/invocations:batch", body),
                    get("/v1/invocations?limit=3"),
                    get("/v1/stats", "Upgrade: websocket", "Connection: upgrade"),
                    get("/v1/stats", "Connection: close", "Upgrade: h2c", "Connection: upgrade"),
                    chunked(body, "Expect: 100-continue"),
                    chunked(body, "Prefer: respond-async", "Expect: 100-continue"),
                    request("BREW", "/v1/functions/f", body),
                    request("CONNECT", "/v1/functions/f", body),
                    get("/v1/stats").replace(b"HTTP/1.1", b"HTTP/2.0"),
                )
            )
        )
    data = bytearray(b"".join(pieces))
    for _ in range(rng.choice((0, 0, 1, 3, 20))):
        at = rng.randrange(len(data))
        data[at : at + rng.choice((0, 1, 1, 5))] = rng.randbytes(rng.choice((0, 1, 1, 9)))
    return bytes(data)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_comes_the_server_goes_on_and_counts_right(
    server: Any, caplog: Any, seed: int
) -> None:
    await server.deploy(concurrency=3)
    rng = random.Random(seed)
    accepted = 0
    for _ in range(25):
        reader, writer = await server.connect()
        data = mangle(rng)
        cut = rng.randint(0, len(data))
        writer.write(data[:cut])
        await writer.drain()
        writer.write(data[cut:])
        writer.write_eof()
        answers = parse(await asyncio.wait_for(reader.read(), 20))
        writer.close()
        assert all(status in range(100, 506) and status != 500 for status, _, _ in answers)
        ids = re.findall(rb'"id":"([0-9a-f-]{36})"', b"".join(b for s, _, b in answers if s == 202))
        for id in ids:
            assert (await server.get(f"/v1/invocations/{id.decode()}")).status == 200, seed
        accepted += len(set(ids))
    stats = (await server.get("/v1/stats")).json
    assert stats["conservation_difference"] == 0
    assert stats["accepted"] >= accepted - 25  # a repeated key is accepted once
    answer = await server.post(PATH, data=b"{}")
    assert answer.status == 202
    assert server.service.context.unproven.bytes == 0
    assert errors_of(caplog) == []


@pytest.mark.parametrize("part", ["target", "admit"])
async def test_what_breaks_in_a_doors_fast_path_is_answered_by_the_slow_one(
    server: Any, caplog: Any, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    await server.deploy()

    def breaks(*_: Any) -> None:
        raise RuntimeError("it breaks")

    monkeypatch.setattr(NativeFastPath, part, breaks)
    answers = parse(await server.raw(request(body=b"1") + LAST))
    assert [answer.status for answer in answers] == [202, 200]
    assert "the fast path failed" in caplog.text and "it breaks" in caplog.text
