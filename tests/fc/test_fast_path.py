"""The fast path: which requests take it, that nobody can tell it from the slow path, signatures, and
requests behind one another."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.doors.asking import Answer
from tests.doors.wire import LAST, TwoWays, request, two_ways

from thence.api.shared import fast_path
from thence.catalog.async_config import AsyncConfig
from thence.config import Secret
from thence.signing import acs3, fc
from thence.signing.interface import Key

from .conftest import MakeDoor

V3 = "/2023-03-30/functions/f/invocations"
V2 = "/2021-04-06/services/s/functions/f/invocations"
OLD = "/2016-08-15/services/s/functions/f/invocations"
ASYNC = "x-fc-invocation-type: Async"
KEY = Key("id", "secret")
CREDENTIALS = {"root_access_key_id": "id", "root_access_key_secret": Secret("secret")}


MakeLine = Callable[..., Awaitable[TwoWays]]


@pytest.fixture
async def make_line(make_door: MakeDoor) -> AsyncIterator[MakeLine]:
    async with contextlib.AsyncExitStack() as lines:

        async def make(**settings: Any) -> TwoWays:
            door = await make_door(**settings)
            for name in ("f", "s$f"):
                await door.service.function(name)
            return await lines.enter_async_context(two_ways(door))

        yield make


@pytest.fixture
async def line(make_line: MakeLine) -> TwoWays:
    return await make_line()


# ---------------------------------------------------------------- which way


@pytest.mark.parametrize("prefer", ["", "prefer: x"])  # the fast path and the slow one
async def test_names_of_headers_are_written_as_the_vendor_does(line: TwoWays, prefer: str) -> None:
    """Its client for Java finds no `x-fc-log-result` and no `etag`."""
    lines = [ASYNC, *([prefer] if prefer else [])]
    missing = V3.replace("/f/", "/none/")
    found = await line.raw(
        request(V3, *lines)
        + request(missing, *lines)
        + request(V3, "x-fc-log-type: Tail")
        + request(V3.removesuffix("/invocations"), first="GET {} HTTP/1.1")
        + LAST
    )
    accepted, refused, ended, shown = found.split(b"HTTP/1.1 ")[1:5]
    for answer in (accepted, refused, ended, shown):
        assert b"\r\nX-Fc-Request-Id: " in answer, answer
        assert b"\r\nX-Content-Type-Options: nosniff" in answer
    assert b"\r\nX-Fc-Async-Task-Id: " in accepted
    assert b"\r\nX-Fc-Log-Result: " in ended
    assert b"\r\nEtag: " in shown


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        (V3, []),
        (V2, []),
        (OLD, []),
        (f"{V3}?qualifier=LATEST", []),
        (f"{V2}?qualifier=LATEST", []),
        (OLD.replace("/s/", "/s.LATEST/"), []),
        (OLD.replace("/s/", "/s$LATEST/"), []),  # aliyun-fc2 before 2.1
        (V3, ["x-fc-async-task-id: t", "x-fc-async-delay: 5", "x-fc-log-type: None"]),
        (V2, ["X-Fc-Stateful-Async-Invocation-Id: t", "X-Fc-Account-Id: 1"]),
    ],
)
async def test_a_plain_call_takes_the_fast_path(line: TwoWays, path: str, lines: list[str]) -> None:
    status, headers, _ = await line.one(request(path, ASYNC, *lines), fast=True)
    assert status == 202 and headers["x-fc-request-id"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(V3), 200),
        (request(V3, "x-fc-invocation-type: Sync"), 200),
        (request(V3, "x-fc-invocation-type: Other"), 400),
        (request(V3, ASYNC, "x-fc-log-type: Tail"), 400),
        (request(V3, ASYNC, "x-fc-async-task-id: 1"), 400),
        (request(V3, ASYNC, "x-fc-async-delay: x"), 400),
        (request(V3, ASYNC, "thence-lineage: 01890a5d-ac96-774b-bcce-b302099a8057;hops=17"), 400),
        (request(V3, ASYNC, "prefer: wait=1"), 202),
        (request(V3, ASYNC, "origin: http://h"), 202),
        (request(V3, ASYNC, "origin: http://elsewhere"), 403),
        (request(V3.replace("/f/", "/%66/"), ASYNC), 202),
        (request(f"{V3}?", ASYNC), 202),
        (request(f"{V3}?qualifier=", ASYNC), 202),
        (request(f"{V3}?qualifier=LATEST&more=1", ASYNC), 202),
        (request(f"{V3}?qualifier=latest", ASYNC), 400),
        (request(f"{OLD}?more=1", ASYNC), 202),
        (request(f"{OLD}?qualifier=LATEST", ASYNC), 400),
        (request(V3, ASYNC, first="PUT {} HTTP/1.1"), 400),
        (request(f"{V3}/", ASYNC), 400),
    ],
)
async def test_what_is_not_plain_takes_the_slow_way(
    line: TwoWays, data: bytes, status: int
) -> None:
    assert (await line.one(data, fast=False)).status == status


async def test_a_request_of_http_1_0_takes_the_slow_way(line: TwoWays) -> None:
    ((status, _, _),) = await line.answers(request(V3, ASYNC, first="POST {} HTTP/1.0"))
    assert status == 202 and len(line.slow) == 1


async def test_before_the_service_has_started_nothing_takes_the_fast_path(line: TwoWays) -> None:
    line.door.context.started_at = None
    assert (await line.one(request(V3, ASYNC), fast=False)).status == 503


# ---------------------------------------------------------------- the same answers

IDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}")


def same(one: Answer) -> Any:
    """An answer without its id and date."""
    status, headers, body = one
    assert re.fullmatch(IDS.pattern.decode(), headers["x-fc-request-id"]) and headers["date"]
    shown = {name: IDS.sub(b"ID", value.encode()) for name, value in headers.items()}
    del shown["date"]
    return status, shown, IDS.sub(b"ID", body)


@pytest.mark.parametrize(
    ("path", "lines", "body"),
    [
        (V3, [], b""),
        (V2, [], b""),
        (OLD, [], b""),
        (V3, ["x-fc-async-task-id: new"], b""),
        (V2, ["x-fc-stateful-async-invocation-id: new"], b""),
        (V3.replace("/f/", "/g/"), [], b""),
        (V2.replace("/f/", "/g/"), [], b""),
        (OLD.replace("/s/", "/t/"), [], b""),
        (f"{V3}?qualifier=7", [], b""),
        (f"{V2}?qualifier=x", [], b""),
        (OLD.replace("/s/", "/s.x/"), [], b""),
        (V3, ["x-fc-async-task-id: taken", "x-fc-stateful-async-invocation-enable: true"], b""),
        (V2, ["x-fc-async-task-id: taken", "x-fc-stateful-async-invocation-enable: true"], b""),
    ],
)
async def test_both_ways_answer_the_same(
    line: TwoWays, path: str, lines: list[str], body: bytes
) -> None:
    for name in ("f", "s$f"):
        accepted = await line.engine.accepted(name, b"", caller_id="taken", listed=True)
        assert accepted.id
    quick = await line.one(request(path, ASYNC, *lines, body=body), fast=True)
    slow = await line.one(request(path, ASYNC, *lines, "prefer: x", body=body), fast=False)
    assert same(quick) == same(slow)


async def test_a_call_over_the_limit_is_answered_and_ends_the_connection(line: TwoWays) -> None:
    large = request(V3, ASYNC, body=b"x" * (128 * 1024 + 1))
    ((status, headers, body),) = await line.answers(large + request(V3, ASYNC))
    assert status == 400 and b"EntityTooLarge" in body and headers["connection"] == "close"
    ((status, _, body),) = await line.answers(large[: -128 * 1024])  # before the body is there
    assert status == 400 and b"EntityTooLarge" in body
    head = f"POST {V3} HTTP/1.1\r\nhost: h\r\n{ASYNC}\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (100 * 1024, b"x" * 100 * 1024)
    ((status, _, body),) = await line.answers(head.encode() + 2 * chunk)  # and no end of it
    assert status == 400 and b"EntityTooLarge" in body
    assert await line.accepted() == 0 and not line.slow


async def test_a_mistake_of_ours_is_500_in_the_vendors_words(
    line: TwoWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line.engine.parts.accept, "accept", lambda *_, **__: 1 / 0)
    status, headers, body = await line.one(request(V3, ASYNC), fast=True)
    assert status == 500 and b'"Code":"InternalServerError"' in body
    assert headers["x-fc-request-id"].encode() in body and b"ZeroDivision" not in body


async def test_broken_http_in_a_body_is_refused(line: TwoWays) -> None:
    head = f"POST {V3} HTTP/1.1\r\nhost: h\r\n{ASYNC}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
    ((status, headers, _),) = await line.answers(head.encode())
    assert status == 400 and headers["connection"] == "close"
    assert await line.accepted() == 0


async def test_what_http_forbids_is_said_in_a_body_that_clients_read(line: TwoWays) -> None:
    begin = f"GET {V3.removesuffix('/invocations')}"
    for data, expected in (
        (f"{begin} HTTP/1.1\r\nx: {'a' * 70_000}\r\n\r\n", 431),
        (f"{begin}?prefix={'a' * 9_000} HTTP/1.1\r\n\r\n", 414),
        (f"{begin} HTTP/1.1\r\ncontent-length : 2\r\n\r\n", 400),
    ):
        ((status, headers, body),) = await line.answers(data.encode())
        found = json.loads(body)
        assert status == expected and headers["connection"] == "close"
        assert found["Code"] == found["ErrorCode"] == "InvalidArgument"
        assert found["Message"] == found["ErrorMessage"] != ""
        assert found["RequestId"] == headers["x-fc-request-id"]


# ---------------------------------------------------------------- behind one another


async def test_answers_keep_the_order_of_requests_of_all_kinds(line: TwoWays) -> None:
    parts = [
        request(V3, ASYNC, "x-fc-async-task-id: a"),
        b"GET /livez HTTP/1.1\r\nhost: h\r\n\r\n",
        request(V2, ASYNC, "x-fc-async-task-id: b"),
        request("/v1/functions/f/invocations"),
        request(V3.replace("/f/", "/g/"), ASYNC),
        request(OLD, ASYNC, "x-fc-async-task-id: c"),
        LAST,
    ]
    answers = await line.answers(b"".join(parts))
    assert [answer.status for answer in answers] == [202, 200, 202, 202, 404, 202, 200]
    shown = [answer.headers.get("x-fc-async-task-id") for answer in answers]
    assert shown == ["a", None, "b", None, None, "c", None]


async def test_a_connection_is_closed_when_the_caller_wants_it(line: TwoWays) -> None:
    ((status, headers, _),) = await line.answers(request(V3, ASYNC, "connection: close"))
    assert status == 202 and headers["connection"] == "close" and not line.slow


async def test_many_urls_are_not_kept(line: TwoWays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_path, "TARGETS_MAX", 3)
    for number in range(10):
        path = V3.replace("/f/", f"/f{number}/")
        assert (await line.one(request(path, ASYNC), fast=True)).status == 404
    assert (await line.one(request(V3, ASYNC), fast=True)).status == 202


# ---------------------------------------------------------------- signatures


def signed(line: TwoWays, scheme: str, *lines: str, body: bytes = b"{}", nonce: str = "n") -> bytes:
    """A request signed at the door's time. lines: further headers, not signed."""
    now = line.service.clock.now()
    headers = [(b"host", b"h"), (b"x-fc-invocation-type", b"Async"), (b"x-fc-log-type", b"None")]
    if scheme == "acs3":
        path = V3
        sent = acs3.sign("POST", V3.encode(), b"", headers, body, KEY, now=now, nonce=nonce)
    else:
        path = OLD
        sent = fc.sign("POST", OLD.encode(), b"", headers, KEY, now=now)
    shown = [f"{name.decode()}: {value.decode()}" for name, value in sent if name != b"host"]
    return request(path, *shown, *lines, body=body)


schemes = pytest.mark.parametrize("scheme", ["acs3", "fc"])
ways = pytest.mark.parametrize("lines", [[], ["prefer: x"]], ids=["fast", "slow"])


@schemes
@ways
async def test_a_signed_call_is_accepted(make_line: Any, scheme: str, lines: list[str]) -> None:
    line = await make_line(**CREDENTIALS)
    answer = await line.one(signed(line, scheme, *lines), fast=not lines)
    assert answer.status == 202


@pytest.mark.parametrize("first", [[], ["prefer: x"]], ids=["fast", "slow"])
@pytest.mark.parametrize("second", [[], ["prefer: x"]], ids=["fast", "slow"])
async def test_a_nonce_counts_once_whichever_way_it_comes(
    make_line: Any, first: list[str], second: list[str]
) -> None:
    line = await make_line(**CREDENTIALS)
    assert (await line.one(signed(line, "acs3", *first), fast=not first)).status == 202
    status, _, body = await line.one(signed(line, "acs3", *second), fast=False)
    assert status == 403 and b'"Code":"AccessDenied"' in body and b"nonce" in body
    assert await line.accepted() == 1
    assert (await line.one(signed(line, "acs3", *second, nonce="m"), fast=not second)).status == 202


@ways
async def test_another_body_than_the_signed_one_is_refused(
    make_line: Any, lines: list[str]
) -> None:
    line = await make_line(**CREDENTIALS)
    data = signed(line, "acs3", *lines, body=b"right").replace(b"\r\n\r\nright", b"\r\n\r\nwrong")
    status, headers, body = await line.one(data, fast=not lines)
    assert status == 403 and b'"Code":"SignatureNotMatch"' in body
    assert headers["x-fc-request-id"].encode() in body
    assert await line.accepted() == 0


@schemes
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b"Async", b"asynC"), b"SignatureNotMatch"),
        ((b"functions/f/", b"functions/g/"), b"SignatureNotMatch"),
        ((b"FC id:", b"FC ix:"), b"InvalidAccessKeyID"),
        ((b"Credential=id", b"Credential=ix"), b"InvalidAccessKeyID"),
    ],
)
async def test_what_the_authenticator_refuses_is_said_by_the_slow_way(
    make_line: Any, scheme: str, change: tuple[bytes, bytes], code: bytes
) -> None:
    line = await make_line(**CREDENTIALS)
    data = signed(line, scheme)
    changed = data.replace(*change)
    if changed == data:
        return  # the change is of the other scheme's text
    status, _, body = await line.one(changed, fast=False)
    assert status == 403 and code in body
    assert await line.accepted() == 0


@schemes
@ways
async def test_an_old_date_is_refused(make_line: Any, scheme: str, lines: list[str]) -> None:
    line = await make_line(**CREDENTIALS)
    data = signed(line, scheme, *lines)
    await line.service.clock.advance(901)
    assert (await line.one(data, fast=False)).status == 403


async def test_without_a_signature_nobody_is_let_in(make_line: Any) -> None:
    line = await make_line(**CREDENTIALS)
    status, _, body = await line.one(request(V3, ASYNC), fast=False)
    assert status == 400 and b"MissingRequiredHeader" in body
    assert await line.accepted() == 0


async def test_a_refused_signature_does_not_use_up_the_nonce(make_line: Any) -> None:
    line = await make_line(**CREDENTIALS)
    data = signed(line, "acs3")
    changed = data.replace(b"functions/f/", b"functions/g/")
    assert (await line.one(changed, fast=False)).status == 403
    assert (await line.one(data, fast=True)).status == 202


async def test_a_task_is_taken_once_whichever_way_it_comes(line: TwoWays) -> None:
    await line.engine.functions.put_async_config("f", "latest", AsyncConfig(listed=True))
    for lines, status in (([], 202), (["prefer: x"], 409), ([], 409)):
        data = request(V3, ASYNC, "x-fc-async-task-id: t", *lines)
        assert (await line.one(data, fast=not lines)).status == status
