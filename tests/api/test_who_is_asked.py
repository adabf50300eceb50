"""`Host` and credentials: once, and the same on the fast ways and the slow ones of all doors."""

from __future__ import annotations

from typing import Any

import pytest

from thence.config import Secret

from .wire import LAST, PATH, parse, request, statuses

KEYS = {"root_access_key_id": "id", "root_access_key_secret": Secret("secret")}
FC = "/2023-03-30/functions/f/invocations"
FG = "/v2/thence/fgs/functions/f/invocations-async"
WAYS = [
    (PATH, []),
    (PATH, ["Prefer: wait=0"]),
    (FC, ["x-fc-invocation-type: Async"]),
    (FC, ["x-fc-invocation-type: Async", "Expect: 200-maybe"]),
    (FG, []),
    (FG, ["Expect: 200-maybe"]),
    ("/v1/functions/f/invocations:batch", ["Content-Type: application/x-ndjson"]),
]
WELL = ["localhost", "127.0.0.1:7411", "[::1]:7411", "box", "a.localhost", "10.1.2.3"]
FOREIGN = ["evil.example", "evil.example:7411", "127.0.0.1.evil.example", "localhost.evil.example."]
FOREIGN += ["[::1].evil.example", "localhost/.evil.example", "a#.evil.example", "a?.evil.example"]
FOREIGN += ["box\\.evil.example", "box:80.evil.example", "a:b@evil.example"]


@pytest.mark.parametrize(("path", "lines"), WAYS)
async def test_without_credentials_a_foreign_host_is_refused_on_every_way(
    server: Any, path: str, lines: list[str]
) -> None:
    await server.deploy()
    for host in (*FOREIGN, *WELL, *FOREIGN):
        status = statuses(await server.raw(request("POST", path, b"{}", *lines, host=host) + LAST))
        assert status[0] == (202 if host in WELL else 403), host
    assert await server.accepted() == len(WELL)


@pytest.mark.parametrize(("path", "lines"), WAYS)
async def test_without_credentials_a_page_of_another_site_is_refused_on_every_way(
    server: Any, path: str, lines: list[str]
) -> None:
    await server.deploy()
    for origin in ("https://evil.example", "http://127.0.0.1.evil.example", "null"):
        sent = request("POST", path, b"{}", *lines, f"Origin: {origin}", host="localhost")
        assert statuses(await server.raw(sent + LAST))[0] == 403, origin
    assert await server.accepted() == 0


async def test_with_credentials_any_host_may_be_named(make_server: Any) -> None:
    server = await make_server(**KEYS)
    bearer = "Authorization: Bearer id:secret"
    for path in (PATH, "/v1/functions/f/invoke"):
        sent = request("POST", path, b"{}", bearer, "Connection: close", host="thence.example.org")
        assert statuses(await server.raw(sent)) == [404]


@pytest.mark.parametrize(("path", "lines"), WAYS)
@pytest.mark.parametrize("well", [False, True])
async def test_two_hosts_or_none_are_refused(
    server: Any, path: str, lines: list[str], well: bool
) -> None:
    await server.deploy()
    second = "Host: h" if well else "Host: evil.example"
    two = request("POST", path, b"{}", *lines, second)
    none = request("POST", path, b"{}", *lines).replace(b"Host: h\r\n", b"")
    for sent in (two, none):
        ((status, headers, body),) = parse(await server.raw(sent + LAST))
        assert status == 400 and headers["connection"] == "close" and b"Host" in body
    assert await server.accepted() == 0


@pytest.mark.parametrize(("path", "lines"), WAYS)
@pytest.mark.parametrize("order", [1, -1])
async def test_of_two_credentials_none_wins(
    make_server: Any, path: str, lines: list[str], order: int
) -> None:
    server = await make_server(**KEYS)
    two = ["Authorization: Bearer id:secret", "Authorization: Bearer other"][::order]
    ((status, _, body),) = parse(await server.raw(request("POST", path, b"{}", *lines, *two)))
    assert status == 400 and b"Authorization: given twice" in body


async def test_http_1_0_needs_no_host(server: Any) -> None:
    assert statuses(await server.raw(b"GET /livez HTTP/1.0\r\n\r\n")) == [200]


async def test_the_next_request_of_a_connection_is_looked_at_anew(server: Any) -> None:
    await server.deploy()
    sent = request(host="localhost") + request() + request(host="evil.example") + LAST
    assert statuses(await server.raw(sent)) == [202, 202, 403, 200]
