"""Of long texts that strangers send nothing is kept once they are answered: no cache of any kind, ours or
of a library, holds one, because what a cache holds is in no count of bytes."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest

from thence.catalog.kinds import parse_destination
from thence.destinations.webhook import URL_MAX
from thence.errors import InvalidInput
from thence.signing import acs3, acs_roa, fc, oss, sdk_hmac
from thence.signing.interface import Headers, Key

from .wire import KEY, KEYS, connections, get, request, statuses, until

MARK = "kept-by-nobody-"
LONG_BYTES = 50_000
KEPT_BYTES_MAX = URL_MAX + 50  # the longest that any cache may keep
FC_3 = "/2023-03-30/functions/f/invocations"
FC_2 = "/2016-08-15/services/s/functions/f/invocations"
GRAPH = (
    "/v2/default/fgs/functions/urn:fss:local:default:function:default:f:latest/invocations-async"
)


def names(count: int) -> str:
    """A list of names that is in order, each once."""
    return ";".join(f"{MARK}{number:06}" for number in range(count))


def long(number: int) -> str:
    text = f"{MARK}{number}-"
    return text * (LONG_BYTES // len(text))


def kept() -> list[str]:
    """What holds a marked text of more than KEPT_BYTES_MAX: beside whom it was found."""
    gc.collect()
    mark, found = MARK.encode(), []
    for container in gc.get_objects():
        left, seen = [container], 0
        while left and seen < 1000:
            seen += 1
            for item in gc.get_referents(left.pop()):
                if isinstance(item, str | bytes | bytearray):
                    if len(item) > KEPT_BYTES_MAX and _in(item, mark):
                        found.append(f"{type(container)} {str(container)[:200]}")
                elif not gc.is_tracked(item) and not isinstance(item, int | float | type(None)):
                    left.append(item)  # within a container that the collector need not look at
    return found


def _in(text: str | bytes | bytearray, mark: bytes) -> bool:
    return (mark.decode() in text) if isinstance(text, str) else (mark in text)


def signed(now: int) -> Iterator[tuple[str, Headers]]:
    """A request of each scheme: its path and headers, in the form that is looked at before the key is."""
    host = (b"host", b"127.0.0.1")
    given = [host, (b"content-type", b"application/json")]
    path = FC_3.encode()
    yield FC_3, acs3.sign("POST", path, b"", given, b"{}", KEY, now=now, nonce="1")
    yield FC_2, fc.sign("POST", FC_2.encode(), b"", given, KEY, now=now)
    yield FC_3, acs_roa.sign("POST", path, b"", given, _sha1(), now=now, nonce="2")
    yield GRAPH, sdk_hmac.sign("POST", GRAPH.encode(), b"", given, b"{}", KEY, now=now)
    # Its keys are made by the service: this one is unknown, which is said last.
    yield "/thence-code/o", oss.sign("PUT", b"thence-code", b"o", given, _sha1(), now=now)


def _sha1() -> Key:
    return Key("id", "secret", algorithm="sha1")


def lines(headers: Headers) -> list[str]:
    return [f"{name.decode()}: {value.decode()}" for name, value in headers if name != b"host"]


def long_ones(path: str, headers: Headers) -> Iterator[bytes]:
    """The request with one header after the other too long."""
    method = "PUT" if path.startswith("/thence") else "POST"
    more = [(name, b"") for name in (b"origin", b"date", b"content-md5", b"x-auth-token")]
    for number, (name, _) in enumerate([*headers, *more]):
        if name == b"host":
            continue
        others = [header for header in headers if header[0] != name]
        text = [(name, long(number).encode())]
        yield request(method, path, b"{}", "Connection: close", *lines([*others, *text]))
    yield request(method, path, b"{}", "Connection: close", *lines(headers), host=long(99))


async def test_nothing_long_of_what_is_refused_before_it_is_proven_is_kept(
    make_server: Any,
) -> None:
    server = await make_server(**KEYS)
    for path, headers in signed(server.service.context.clock.wall()):
        for data in long_ones(path, headers):
            assert statuses(await server.raw(data))[-1] >= 400
        # Every header that a list names may be there: the list is read before.
        for count in (150, 2000):
            given = [(n, v) for n, v in headers if n != b"authorization"]
            for scheme in ("ACS3-HMAC-SHA256 Credential", "SDK-HMAC-SHA256 Access"):
                value = f"{scheme}=id,SignedHeaders={names(count)},Signature={'0' * 64}"
                close = ("Connection: close", f"Authorization: {value}")
                answer = await server.raw(request("POST", path, b"{}", *close, *lines(given)))
                assert statuses(answer)[-1] >= 400
        if path == GRAPH:
            target = GRAPH + "/" + long(1)[:4000]
            answer = await server.raw(
                request("POST", target, b"{}", "Connection: close", *lines(headers))
            )
            assert statuses(answer)[-1] >= 400
    del data, given, value, close, target  # they hold some themselves
    await until(lambda: not connections(server))
    assert kept() == []


async def test_nothing_long_of_what_is_refused_without_credentials_is_kept(server: Any) -> None:
    for number, path in enumerate((FC_3, GRAPH, "/v1/functions/f/invocations", "/v1/functions")):
        for host in (long(number), f"{long(number)}:80", f"[{long(number)}]"):
            answer = await server.raw(request("POST", path, b"{}", "Connection: close", host=host))
            assert statuses(answer)[-1] == 403
        for origin in (f"http://{long(number)}", long(number), f"http://[{long(number)}"):
            answer = await server.raw(get(path, "Connection: close", f"Origin: {origin}"))
            assert statuses(answer)[-1] == 403
    del host, origin
    await until(lambda: not connections(server))
    assert kept() == []


def test_nothing_long_of_a_url_that_is_refused_is_kept() -> None:
    for number in range(3):
        with pytest.raises(InvalidInput):
            parse_destination(f"https://h/{long(number)}", "destination")
    assert kept() == []


def test_the_finder_finds_what_is_kept() -> None:
    known = lru_cache(4)(lambda text: None)
    known(long(1).encode())
    assert len(kept()) >= 1
    known.cache_clear()
    assert kept() == []


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://a\u2100b"])
async def test_an_origin_that_is_none_is_a_foreign_one(server: Any, origin: str) -> None:
    headers = {"Origin": origin}
    assert (await server.get("/v1/functions", headers=headers)).status == 403
