"""What the parser treats in a way of its own: tunnels, other versions, methods with bodies. Nothing that was
sent as a body, or behind what is refused, is read as a request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from thence.api.protocol import limits

from .wire import LAST, PATH, get, one_problem, request, statuses

INSIDE = request()  # an accept: were it read as a request, it would be stored
FC = "/2023-03-30/functions/f/invocations"
GRAPH = "/v2/default/fgs/functions/f/invocations-async"
UPGRADE = ("Connection: Upgrade", "Upgrade: h2c")
FRAMINGS = ("length", "chunked", "none")
METHODS = [
    *("GET", "HEAD", "OPTIONS", "TRACE", "DELETE", "PUT", "PATCH", "POST", "PROPFIND", "LOCK"),
    *("M-SEARCH", "PURGE", "QUERY", "SEARCH", "SOURCE", "LINK", "REPORT", "NOTIFY", "MKCOL"),
]
OTHER_VERSIONS = [
    *("GET /livez HTTP/0.9", "GET /livez HTTP/1.2", "GET /livez HTTP/2.0", "GET /livez HTTP/2.1"),
    *("GET /livez HTTP/3.0", "GET /livez HTTP/3.7", "GET /livez HTTP/9.9", "GET /livez HTTP/2"),
    *("GET /livez", f"POST {PATH}", f"POST {PATH} HTTP/2.0"),
]


def connect(target: str, framing: str, *lines: str) -> bytes:
    body = INSIDE
    length = f"Content-Length: {len(body)}"
    if framing == "chunked":
        body, length = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), "Transfer-Encoding: chunked"
    elif framing == "none":
        length = "X: 1"
    head = (f"CONNECT {target} HTTP/1.1", "Host: h", length, *lines, "", "")
    return "\r\n".join(head).encode() + body


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("lines", [(), UPGRADE])
async def test_connect_is_refused_and_its_body_is_no_request(
    server: Any, framing: str, lines: tuple[str, ...]
) -> None:
    await server.deploy()
    for target in ("/livez", PATH, "/v1/nothing", "h:443", "*", "http://h/livez"):
        problem = one_problem(await server.raw(connect(target, framing, *lines) + LAST))
        assert (problem["status"], problem["code"]) == (400, "bad_request"), target
    assert await server.accepted() == 0


async def test_connect_in_pieces_is_refused_and_its_body_is_no_request(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LINGER_SECONDS", 60)  # on a busy machine, too
    await server.deploy()
    reader, writer = await server.connect()
    data = connect("/livez", "length")
    for start in range(0, len(data), 20):
        writer.write(data[start : start + 20])
        await writer.drain()
        await asyncio.sleep(0)
    assert statuses(await asyncio.wait_for(reader.read(), 20)) == [400]
    writer.close()
    assert await server.accepted() == 0


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_connect_behind_other_requests_is_refused_when_they_are_answered(
    server: Any, framing: str
) -> None:
    await server.deploy()
    refused = connect("/livez", framing)
    upgrading = get("/livez", *UPGRADE)
    assert statuses(await server.raw(request() + refused + LAST)) == [202, 400]
    assert statuses(await server.raw(get("/v1/stats") + refused + LAST)) == [200, 400]
    assert statuses(await server.raw(upgrading + request() + refused)) == [200, 202, 400]
    chunk = b"POST /v1/nothing HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert statuses(await server.raw(chunk + refused + LAST)) == [404, 400]
    assert await server.accepted() == 2


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_the_body_of_no_method_is_a_request(server: Any, framing: str) -> None:
    await server.deploy()
    for method in METHODS:
        data = connect("/livez", framing).replace(b"CONNECT", method.encode())
        answers = await server.raw(data + LAST)
        assert answers.count(b"HTTP/1.1 ") == 2 and answers.endswith(b"}"), method
    assert await server.accepted() == 0


async def test_a_method_that_http_does_not_have_ends_the_connection(server: Any) -> None:
    await server.deploy()
    for method in ("BREW", "get", "DESCRIBE", "PRI", "SETUP", "CONNECTED"):
        assert statuses(await server.raw(request(method, "/livez", INSIDE) + LAST)) == [400]
    assert await server.accepted() == 0


@pytest.mark.parametrize("lines", [(), UPGRADE])
async def test_another_version_of_http_is_refused_and_nothing_behind_it_is_read(
    server: Any, lines: tuple[str, ...]
) -> None:
    await server.deploy()
    for line in OTHER_VERSIONS:
        head = (line, "Host: h", "Connection: keep-alive", f"Content-Length: {len(INSIDE)}", *lines)
        data = "\r\n".join((*head, "", "")).encode() + INSIDE + LAST
        problem = one_problem(await server.raw(data))
        assert (problem["status"], problem["code"]) == (505, "http_version_not_supported"), line
        assert statuses(await server.raw(get("/livez") + data)) == [200, 505], line
    assert await server.accepted() == 0


async def test_the_preface_of_http_2_is_told_which_versions_there_are(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LINGER_SECONDS", 60)  # on a busy machine, too
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    problem = one_problem(await server.raw(preface))
    assert problem["status"] == 505 and "HTTP/1.1" in problem["detail"]
    reader, writer = await server.connect()
    for byte in preface[:24]:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    assert statuses(await asyncio.wait_for(reader.read(), 20)) == [505]
    writer.close()


@pytest.mark.parametrize(
    ("data", "status"),
    [("CONNECT {} HTTP/1.1", 400), ("POST {} HTTP/2.0", 505), ("POST {} HTTP/3.7", 505)],
)
async def test_each_door_refuses_in_its_form(server: Any, data: str, status: int) -> None:
    for path, code in ((FC, "Code"), (GRAPH, "error_code")):
        head = (data.format(path), "Host: localhost", "Content-Length: 2", "", "{}")
        answer = await server.raw("\r\n".join(head).encode())
        assert statuses(answer) == [status]
        assert json.loads(answer.partition(b"\r\n\r\n")[2])[code]
