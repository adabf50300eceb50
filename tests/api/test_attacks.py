"""Requests made to confuse or to exhaust the door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thence.api.protocol import limits
from thence.config import Secret

from .wire import LAST, PATH, get, parse, request, statuses

CHUNKED = (
    f"POST {PATH} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n%s\r\n2\r\n{{}}\r\n0\r\n"
)
SLOW_WAY = "Prefer: wait=0\r\n"  # what makes a request take the application's way


@pytest.mark.parametrize("way", ["", SLOW_WAY])
async def test_a_trailer_says_nothing(server: Any, way: str) -> None:
    await server.deploy()
    trailer = "Thence-Delay-Seconds: no number\r\nIdempotency-Key: k\r\n\r\n"
    sent = (CHUNKED % way + trailer).encode()
    answers = parse(await server.raw(sent + sent + LAST))
    assert [status for status, _, _ in answers] == [202, 202, 200]
    assert not any("idempotency-replayed" in headers for _, headers, _ in answers)


@pytest.mark.parametrize("way", ["", SLOW_WAY])
async def test_a_trailer_without_end_is_refused(server: Any, way: str) -> None:
    await server.deploy()
    endless = b"X: " + b"a" * (limits.HEAD_BYTES_MAX + (1 << 18))
    found = await server.raw((CHUNKED % way).encode() + endless)
    assert statuses(found) == [431]
    assert await server.accepted() == 0


async def test_a_trailer_without_end_behind_an_answered_request_ends_the_connection(
    make_server: Any,
) -> None:
    server = await make_server(root_access_key_id="id", root_access_key_secret=Secret("secret"))
    reader, writer = await server.connect()
    writer.write((CHUNKED % "").encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401 ")
    writer.write(b"X: " + b"a" * (limits.HEAD_BYTES_MAX + (1 << 18)))
    with pytest.raises((ConnectionError, EOFError)):
        while True:
            assert b"HTTP/1.1" not in await reader.readexactly(1024)
    writer.close()


async def test_a_huge_header_behind_a_request_waits_for_its_turn(server: Any) -> None:
    await server.deploy()
    huge = get("/livez", "X: " + "a" * (2 * limits.HEAD_BYTES_MAX))
    assert statuses(await server.raw(request() + huge)) == [202, 431]
    assert await server.accepted() == 1


async def test_without_the_credentials_no_body_is_kept(make_server: Any) -> None:
    server = await make_server(root_access_key_id="id", root_access_key_secret=Secret("secret"))
    reader, writer = await server.connect()
    head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401 ")
    writer.close()


@pytest.mark.parametrize(
    "path",
    [
        "/livez/../v1/functions",
        "/livez%2f..%2fv1/functions",
        "//livez",
        "/LIVEZ",
        "/livez/",
        "http://h/v1/functions",
        "/%76%31/functions",
        "/v1/functions;/livez",
    ],
)
async def test_no_way_to_write_a_path_gets_around_the_credentials(
    make_server: Any, path: str
) -> None:
    server = await make_server(root_access_key_id="id", root_access_key_secret=Secret("secret"))
    assert statuses(await server.raw(get(path, "Connection: close"))) == [401]


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding : chunked",
        "X: a\r\n b\r\nContent-Length: 0",
    ],
)
async def test_a_body_of_unclear_length_is_refused_and_nothing_behind_it_is_read(
    server: Any, lines: str
) -> None:
    await server.deploy()
    head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n0\r\n\r\n"
    assert statuses(await server.raw(head.encode() + get("/livez"))) == [400]
    assert await server.accepted() == 0


async def test_a_batch_of_empty_lines_is_counted_before_it_is_split(server: Any) -> None:
    await server.deploy()
    kind = {"Content-Type": "application/x-ndjson"}
    answer = await server.post(f"{PATH}:batch", data=b"\n" * 10_000_000 + b"1", headers=kind)
    assert answer.status == 400 and answer.problem()["limit"] == 1000


async def test_the_placeholders_of_secrets_are_not_taken_for_secrets(server: Any) -> None:
    await server.deploy()
    hook = {
        "type": "webhook",
        "url": "https://example.org/hook",
        "secrets": ["whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "headers": {"Authorization": "Bearer token"},
    }
    await server.deploy(on_success=hook)
    shown = (await server.get("/v1/functions/f")).json["on_success"]
    assert "MfKQ" not in json.dumps(shown) and "token" not in json.dumps(shown)
    for field, given in (
        ("on_success.secrets[0]", shown),
        ("on_success.headers.Authorization", {**hook, "headers": shown["headers"]}),
    ):
        spec = {"on_success": given}
        answer = await server.request("PUT", "/v1/functions/f", json=spec)
        assert answer.status == 400 and answer.problem()["field"] == field
        assert "secret itself" in answer.problem()["detail"]
