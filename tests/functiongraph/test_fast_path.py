"""The fast path: which calls take it, that nobody can tell it from the slow path, who is let in, and
requests behind one another."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from tests.doors.asking import Answer
from tests.doors.wire import LAST, TwoWays, request, two_ways

from thence.api.functiongraph.section import FunctionGraphSettings
from thence.api.shared import fast_path
from thence.catalog.alias import Alias
from thence.catalog.control import Control
from thence.config import Secret
from thence.lifecycle.ids import parse_id
from thence.signing import sdk_hmac
from thence.signing.interface import Key
from thence.store.records import ListFilter

from .conftest import PROJECT, MakeDoor, at, urn

KEY = Key("id", "secret")
KEYS = {"root_access_key_id": "id", "root_access_key_secret": Secret("secret")}
TOKEN = {"functiongraph": FunctionGraphSettings(auth_token=Secret("token"))}
PATH = at(urn(), "invocations-async")
TRACE = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
LINEAGE = "thence-lineage: 01890a5d-ac96-774b-bcce-b302099a8057;hops="

_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}")
_DATE = re.compile(rb"(?<=\r\ndate: )[^\r]+")

MakeLine = Callable[..., Awaitable[TwoWays]]


@pytest.fixture
async def make_line(make_door: MakeDoor) -> AsyncIterator[MakeLine]:
    async with contextlib.AsyncExitStack() as lines:

        async def make(**settings: Any) -> TwoWays:
            door = await make_door(**settings)
            for name in ("f", "closed"):
                await door.function(name)
            await door.function("p$f", listed=False)  # of another door: calls of this one are
            await door.engine.functions.put_control("closed", Control(disabled="closed"))
            await door.engine.functions.publish_version("f", version="v1")
            await door.engine.functions.put_alias(
                "f", Alias(name="prod", version="v1"), create=True
            )
            return await lines.enter_async_context(two_ways(door))

        yield make


@pytest.fixture
async def line(make_line: MakeLine) -> TwoWays:
    return await make_line()


def path(which: str) -> str:
    """A URN that is sent as it is written here."""
    return at("X", "invocations-async").replace("/X/", f"/{which}/")


def comparable(answer: Answer) -> bytes:
    """Every byte of it but its ids (each becomes the number of its first place) and date."""
    seen: dict[bytes, bytes] = {}

    def named(match: re.Match[bytes]) -> bytes:
        return seen.setdefault(match[0], b"ID%d" % len(seen))

    assert _DATE.search(answer.whole), answer.whole
    return _ID.sub(named, _DATE.sub(b"NOW", answer.whole))


async def both(line: TwoWays, data: bytes, *, fast: bool) -> Answer:
    """The answer to it, once it is found to be that of the slow path, and to have stored the same.
    `fast`: that it takes the fast path."""
    before = await line.accepted()
    quick = await line.one(data, fast=fast)
    between = await line.accepted()
    slow = await line.one(data.replace(b"\r\n\r\n", b"\r\nprefer: x\r\n\r\n", 1), fast=False)
    after = await line.accepted()
    assert comparable(quick) == comparable(slow)
    assert between - before == after - between == (1 if quick.status == 202 else 0)
    if quick.status == 202:
        assert await stored(line, quick) == await stored(line, slow)
    return quick


async def stored(line: TwoWays, answer: Answer) -> Any:
    """All of an invocation but its id and its times."""
    view = await line.engine.invocations.get(parse_id(json.loads(answer.body)["request_id"]))
    payload, _ = await line.engine.parts.store.payload(view.id)
    listed = await line.engine.invocations.listed(
        view.function, ListFilter(qualifier=view.qualifier), 10, None
    )
    assert view.id in [item.id for item in listed.items]
    return view.function, view.version, view.qualifier, view.meta, payload.data


# ---------------------------------------------------------------- the same answers


@pytest.mark.parametrize("prefer", ["", "prefer: x"])  # the fast path and the slow one
async def test_names_of_headers_are_written_as_the_vendor_does(line: TwoWays, prefer: str) -> None:
    """Its client for Java finds no `x-cff-request-id`."""
    lines = [prefer] if prefer else []
    accepted, missing = await line.answers(
        request(PATH, *lines) + request(path("none"), *lines, "connection: close")
    )
    assert b"\r\nX-Cff-Request-Id: " in accepted.whole
    for answer in (accepted, missing):
        assert b"\r\nX-Request-Id: " in answer.whole
        assert b"\r\nX-Content-Type-Options: nosniff" in answer.whole


PLAIN = [  # which function, and the status
    (quote(urn(), safe=""), 202),
    (quote(urn(version=None), safe=""), 202),
    (urn(), 202),  # not encoded at all
    ("".join(f"%{byte:02X}" for byte in urn().encode()), 202),
    (urn().replace(":", "%3a"), 202),
    (urn(package="p"), 202),
    (urn(version="v1"), 202),
    (urn(version="!prod"), 202),
    (urn(version="%21prod"), 202),
    ("f", 202),
    ("default:f", 202),
    ("p:f", 202),
    (f"{PROJECT}:default:f", 202),
    (f"{PROJECT}:default:f:v1", 202),
    (f"{PROJECT}%3Adefault%3Af%3A%21prod", 202),
    (urn("none"), 404),
    (urn("none", version="v1"), 404),
    (urn("none", version="!prod"), 404),
    (urn(package="none"), 404),
    (urn(version="v9"), 404),
    (urn(version="prod"), 404),  # an alias that is named like a version
    (urn(version="!v1"), 404),
    (urn(version="!none"), 404),
    (urn(version="!latest"), 404),
    (urn("closed"), 403),
]


async def test_every_form_of_a_urn_is_answered_as_by_the_slow_way(line: TwoWays) -> None:
    found = [(item, (await both(line, request(path(item)), fast=True)).status) for item, _ in PLAIN]
    assert found == PLAIN


ODD = [  # the whole path, and the status
    (f"{PATH}?", 202),
    (f"{PATH}?x=1", 202),
    (f"{PATH}?{'&'.join('a' * 101)}", 400),
    (f"{PATH}/", 404),
    (f"{PATH}//", 404),
    (f"/{PATH}", 404),
    (PATH.replace("/fgs/", "/%66gs/"), 202),
    (PATH.replace("/fgs/", "/fgs//"), 404),
    (PATH.replace("-async", "%2Dasync"), 202),
    (PATH.replace(PROJECT, PROJECT.replace("6", "%36", 1), 1), 202),
    (PATH.replace(PROJECT, "elsewhere", 1), 403),
    (PATH.replace("/v2/", "/v2.0/"), 404),
    (PATH.replace("invocations-async", "Invocations-async"), 404),
    (path(""), 404),
    (path("."), 404),
    (path("%2e%2e"), 404),
    (path("f%00"), 404),
    (path("f%0D%0Ax-evil:%201"), 404),
    (path("f%ff"), 404),
    (path("f%"), 400),
    (path("f%zz"), 400),
    (path("f%253A"), 400),
    (path("a%2Ff"), 400),
    (path("f+"), 400),
    (path("f;v=1"), 400),
    (path("p$f"), 400),
    (path("p%24f"), 400),
    (path("default::f"), 403),
    (path("urn:fss:f"), 403),
    (path("a:b:c:d:e"), 400),
    (path(f"{PROJECT}:default:f:"), 400),
    (path(f"{PROJECT}:default:f:!"), 400),
    (path(urn().replace("fss", "fs")), 400),
    (path(urn().replace("function", "trigger")), 400),
    (path(urn().replace("local-1", "local-2")), 400),
    (path(urn().replace(PROJECT, "other")), 403),
    (path(urn(version="-v")), 400),
    (path(urn(version="!!prod")), 400),
    (path(f"{urn()}:more"), 400),
    (path("a" * 61), 400),
    (path("a" * 270), 400),
    (path("%61" * 900), 400),
]


async def test_odd_paths_are_left_to_the_slow_way(line: TwoWays) -> None:
    found = [(item, (await both(line, request(item), fast=False)).status) for item, _ in ODD]
    assert found == ODD


HEADERS = [  # lines, fast, status
    (["content-type: application/json"], True, 202),
    (["content-type: text/plain", "content-type: x"], True, 202),
    ([TRACE], True, 202),
    (["traceparent: nonsense"], True, 202),
    ([TRACE, TRACE.replace("4bf9", "0000")], True, 202),
    ([f"{LINEAGE}3"], True, 202),
    ([f"{LINEAGE}17"], False, 400),
    (["thence-lineage: nonsense"], True, 202),
    (["idempotency-key: k", "thence-delay-seconds: 9"], True, 202),  # not of this door
    (["X-Cff-Instance-Memory: 512"], True, 202),
    (["X-Cff-Instance-Memory: 100"], False, 400),
    (["x-cff-instance-memory:"], True, 202),
    (["x-cff-instance-memory: 512", "x-cff-instance-memory: 100"], False, 400),
    (["x-cff-log-type: tail", "x-cff-request-version: v9"], True, 202),
    (["x-auth-token: any", "authorization: any"], True, 202),
    (["x-request-id: mine", "x-cff-request-id: mine"], True, 202),
    (["origin: http://h"], False, 202),
    (["origin: http://elsewhere"], False, 403),
    (["content-encoding: gzip"], True, 202),
    (["x-cff-name: \xfe"], True, 202),
]


async def test_headers_are_read_as_by_the_slow_way(line: TwoWays) -> None:
    for lines, plain, status in HEADERS:
        assert (await both(line, request(PATH, *lines), fast=plain)).status == status, lines


async def test_bodies_of_all_kinds_are_kept_as_they_are(line: TwoWays) -> None:
    for body in (b"", b"{}", b"\x00\xff", b"not json", b" " * (256 * 1024)):
        assert (await both(line, request(PATH, body=body), fast=True)).status == 202
    head = request(PATH, body=b"").replace(b"Content-Length: 0", b"transfer-encoding: chunked")
    answer = await both(line, head + b"2\r\n{}\r\n1;x=y\r\n \r\n0\r\nx-cff-a: 1\r\n\r\n", fast=True)
    assert (await stored(line, answer))[-1] == b"{} "


async def test_only_post_of_http_1_1_takes_the_fast_path(line: TwoWays) -> None:
    for method, status in (("GET", 404), ("PUT", 404), ("DELETE", 404), ("OPTIONS", 404)):
        data = request(PATH, first=f"{method} {{}} HTTP/1.1")
        assert (await both(line, data, fast=False)).status == status
    line.slow.clear()
    (answer,) = await line.answers(request(PATH, first="POST {} HTTP/1.0"))
    assert answer.status == 202 and len(line.slow) == 1


async def test_before_the_service_has_started_nothing_takes_the_fast_path(line: TwoWays) -> None:
    line.door.context.started_at = None
    assert (await both(line, request(PATH), fast=False)).status == 503


async def test_what_the_engine_refuses_is_said_alike(line: TwoWays) -> None:
    line.engine.parts.accept.closed = True
    answer = await both(line, request(PATH), fast=True)
    assert answer.status == 503 and b"FSS.0503" in answer.body


async def test_a_mistake_of_ours_is_500_in_the_vendors_words(
    line: TwoWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line.engine.parts.accept, "accept", lambda *_, **__: 1 / 0)
    answer = await both(line, request(PATH), fast=True)
    assert answer.status == 500 and b"FSS.0500" in answer.body and b"Zero" not in answer.body


async def test_the_answer_has_an_id_of_its_own_beside_that_of_the_invocation(line: TwoWays) -> None:
    answer = await line.one(request(PATH), fast=True)
    id = answer.headers["x-cff-request-id"]
    assert json.loads(answer.body) == {"request_id": id} and len(id) == 36
    assert len(answer.headers["x-request-id"]) == 36 and answer.headers["x-request-id"] != id


# ---------------------------------------------------------------- too large, broken


async def test_a_call_over_the_limit_is_answered_and_ends_the_connection(line: TwoWays) -> None:
    large = request(PATH, body=b"x" * (256 * 1024 + 1))
    slow = await line.one(request(PATH, "prefer: x", body=b"x" * (256 * 1024 + 1)), fast=False)
    line.slow.clear()
    head = request(PATH, body=b"").replace(b"Content-Length: 0", b"transfer-encoding: chunked")
    chunk = b"%x\r\n%s\r\n" % (200 * 1024, b"x" * 200 * 1024)
    without_body, without_end = large[: -256 * 1024], head + 2 * chunk
    for data in (large + request(PATH), without_body, without_end):
        (answer,) = await line.answers(data)
        assert comparable(answer).replace(b"\r\nconnection: close", b"") == comparable(slow)
        assert answer.status == 413 and b"FSS.1201" in answer.body and b"262144" in answer.body
        assert answer.headers["connection"] == "close"
    assert await line.accepted() == 0 and not line.slow


async def test_the_limit_is_a_setting(make_line: MakeLine) -> None:
    line = await make_line(functiongraph=FunctionGraphSettings(async_payload_bytes_max=10))
    assert (await both(line, request(PATH, body=b"1234567890"), fast=True)).status == 202
    (answer,) = await line.answers(request(PATH, body=b"12345678901"))
    assert answer.status == 413 and b" 10 bytes" in answer.body


async def test_what_http_forbids_is_said_in_the_vendors_words(line: TwoWays) -> None:
    head = request(PATH, body=b"").replace(b"Content-Length: 0", b"transfer-encoding: chunked")
    (answer,) = await line.answers(head + b"zz\r\n")
    assert answer.status == 400 and answer.headers["connection"] == "close"
    assert json.loads(answer.body)["error_code"] == "FSS.0400" and answer.headers["x-request-id"]
    assert await line.accepted() == 0


# ---------------------------------------------------------------- behind one another


async def test_answers_keep_the_order_of_requests_of_all_kinds(line: TwoWays) -> None:
    parts = [
        request(PATH, body=b"1"),
        b"GET /livez HTTP/1.1\r\nhost: h\r\n\r\n",
        request(path("none")),
        request(PATH, "prefer: x", body=b"2"),
        request("/v1/functions/f/invocations", body=b"3"),
        request(path("p:f"), body=b"4"),
        LAST,
    ]
    answers = await line.answers(b"".join(parts))
    assert [answer.status for answer in answers] == [202, 200, 404, 202, 202, 202, 200]
    bodies = [(await stored(line, answers[n]))[-1] for n in (0, 3, 5)]
    assert bodies == [b"1", b"2", b"4"]


async def test_a_connection_is_closed_when_the_caller_wants_it(line: TwoWays) -> None:
    for which, status in (("f", 202), ("none", 404)):
        (answer,) = await line.answers(request(path(which), "connection: close"))
        assert answer.status == status and answer.headers["connection"] == "close"
    assert not line.slow


async def test_many_urls_are_not_kept(line: TwoWays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_path, "TARGETS_MAX", 3)
    for number in range(10):
        assert (await line.one(request(path(f"f{number}")), fast=True)).status == 404
    assert (await line.one(request(PATH), fast=True)).status == 202


# ---------------------------------------------------------------- who is let in


def signed(
    line: TwoWays, *more: tuple[bytes, bytes], body: bytes = b'{"k": 1}', where: str = PATH
) -> bytes:
    """A call signed at the door's time, as the vendor's SDK sends it."""
    headers = [(b"host", b"h"), (b"x-project-id", PROJECT.encode()), *more]
    if not any(name == b"content-type" for name, _ in more):
        headers.append((b"content-type", b"application/json"))
    now = line.door.clock.now()
    sent = sdk_hmac.sign("POST", where.encode(), b"", headers, body, KEY, now=now)
    shown = [f"{name.decode()}: {value.decode()}" for name, value in sent if name != b"host"]
    return request(where, *shown, body=body)


def signed_lines(line: TwoWays, body: bytes = b'{"k": 1}') -> list[bytes]:
    """The headers of a call that signs its host and date only."""
    now = line.door.clock.now()
    sent = sdk_hmac.sign("POST", PATH.encode(), b"", [(b"host", b"h")], body, KEY, now=now)
    return [b"%s: %s" % (name, value) for name, value in sent if name != b"host"]


async def test_a_signed_call_is_accepted_whatever_it_names(make_line: MakeLine) -> None:
    line = await make_line(**KEYS)
    binary = (b"content-type", b"application/octet-stream")
    unsigned = (b"x-sdk-content-sha256", b"UNSIGNED-PAYLOAD")
    forms = (quote(urn(), safe=""), urn(version="!prod"), "f", "".join(f"%{b:02X}" for b in b"f"))
    for form, more, body in product(
        forms, ((), (unsigned,), (binary, unsigned)), (b"", b'{"k": 1}')
    ):
        data = signed(line, *more, body=body, where=path(form))
        assert (await both(line, data, fast=True)).status == 202
    assert (await both(line, signed(line, where=path("none")), fast=True)).status == 404


async def test_what_the_rule_leaves_open_is_taken_unsigned(make_line: MakeLine) -> None:
    line = await make_line(**KEYS)
    added = [b"content-type: text/x", b"x-cff-instance-memory: 128", b"x-project-id: other"]
    for header in added:
        name = header.partition(b":")[0]
        kept = [item for item in signed_lines(line) if not item.startswith(name)]
        data = request(PATH, *(item.decode() for item in (*kept, header)), body=b'{"k": 1}')
        assert (await both(line, data, fast=True)).status == 202
        listed = signed(line)  # as the client for Python does
        start = listed.index(b"\r\n" + name + b": ") if name in listed else 0
        if start:
            end = listed.index(b"\r\n", start + 2)
            changed = listed[: start + 2] + header + listed[end:]
            assert (await both(line, changed, fast=True)).status == 401


async def test_an_unsigned_header_that_came_twice_is_refused(make_line: MakeLine) -> None:
    """Nobody could tell which of the two was meant."""
    line = await make_line(**KEYS)
    twice = ["x-cff-instance-memory: 128", "x-cff-instance-memory: 256"]
    lines = [*(item.decode() for item in signed_lines(line)), *twice]
    answer = await both(line, request(PATH, *lines, body=b'{"k": 1}'), fast=False)
    assert answer.status == 400 and b"more than once" in answer.body
    assert await line.accepted() == 0


async def test_a_header_of_a_synchronous_call_that_came_twice_is_refused(line: TwoWays) -> None:
    where = PATH.replace("invocations-async", "invocations")
    for name in ("x-cff-log-type", "x-cff-request-version", "x-cff-instance-memory"):
        answer, _ = await line.answers(request(where, f"{name}: 128", f"{name}: tail") + LAST)
        assert answer.status == 400 and name in answer.body.decode()


async def test_another_body_than_the_signed_one_is_refused(make_line: MakeLine) -> None:
    line = await make_line(**KEYS)
    for where in (PATH, path("none")):  # who may not ask learns nothing of what there is
        data = signed(line, body=b"right", where=where).replace(b"\r\nright", b"\r\nwrong")
        answer = await both(line, data, fast=True)
        assert answer.status == 401 and b"FSS.0401" in answer.body
    short = signed(line, body=b"right").replace(b"Content-Length: 5", b"Content-Length: 0")
    assert (await both(line, short[: -len(b"right")], fast=True)).status == 401


async def test_an_empty_body_may_be_signed_as_unsigned(make_line: MakeLine) -> None:
    """As the vendor's clients for Go, C#, PHP and Java do; that for Python signs the empty hash."""
    line = await make_line(**KEYS)
    binary = (b"content-type", b"application/octet-stream")
    unsigned = (b"x-sdk-content-sha256", b"UNSIGNED-PAYLOAD")
    data = signed(line, binary, unsigned, body=b"12345")
    empty = data.replace(b"Content-Length: 5", b"Content-Length: 0")[: -len(b"12345")]
    assert (await both(line, empty, fast=True)).status == 202
    other = empty.replace(b"x-project-id: 6", b"x-project-id: 7")
    assert (await both(line, other, fast=True)).status == 401


async def test_what_only_the_body_proves_is_not_said_before(make_line: MakeLine) -> None:
    line = await make_line(**KEYS)
    for old, new in (
        (b"Signature=", b"Signature=0"),
        (b"default%3Af%3A", b"default%3Ag%3A"),
        (b"x-project-id: 6", b"x-project-id: 7"),
        (b"host;", b""),
    ):
        data = signed(line)
        changed = data.replace(old, new)
        assert changed != data
        readable = old != b"Signature="  # that is no signature by its form
        assert (await both(line, changed, fast=readable)).status == 401


async def test_what_the_head_shows_to_be_wrong_is_left_to_the_slow_way(make_line: MakeLine) -> None:
    line = await make_line(**KEYS)
    wrong = [
        request(PATH),
        request(PATH, "x-auth-token: token"),
        request(PATH, "authorization: Basic x"),
        signed(line).replace(b"Access=id", b"Access=ix"),
        signed(line).replace(b"x-sdk-date: 2", b"x-sdk-date: 1"),
        signed(line).replace(b"\r\nx-project-id", b"\r\nx-sdk-more: 1\r\nx-project-id"),
        signed(line).replace(b"\r\nx-project-id", b"\r\nx-project-id: x\r\nx-project-id"),
        signed(line).replace(b"\r\nx-sdk-date", b"\r\nx-sdk-content-sha256: x\r\nx-sdk-date"),
        signed(line, where=path("a/f")).replace(b"/a/f/", b"/a%2Ff/"),
    ]
    for data in wrong:
        assert (await both(line, data, fast=False)).status == 401
    data = signed(line)
    await line.door.clock.advance(3600)
    assert (await both(line, data, fast=False)).status == 401


async def test_a_memory_size_that_is_none_is_said_only_to_who_may_ask(make_line: MakeLine) -> None:
    line = await make_line(**KEYS)
    memory = (b"x-cff-instance-memory", b"100")
    assert (await both(line, signed(line, memory), fast=False)).status == 400
    data = signed(line, memory).replace(b'"k": 1', b'"k": 2')
    assert (await both(line, data, fast=False)).status == 401


async def test_the_token_lets_in_with_or_without_keys(make_line: MakeLine) -> None:
    for settings in (TOKEN, {**TOKEN, **KEYS}):
        line = await make_line(**settings)
        assert (await both(line, request(PATH, "X-Auth-Token: token"), fast=True)).status == 202
        for lines in (["X-Auth-Token: other"], ["X-Auth-Token:"], []):
            assert (await both(line, request(PATH, *lines), fast=False)).status == 401
        for two in (["other", "token"], ["token", "token"]):
            sent = request(PATH, *(f"X-Auth-Token: {item}" for item in two))
            assert [answer.status for answer in await line.answers(sent)] == [400]
    assert (await both(line, signed(line), fast=True)).status == 202


async def test_a_stranger_is_refused_before_the_body_is_there(make_line: MakeLine) -> None:
    line = await make_line(**KEYS)
    large = request(PATH, "connection: close", body=b"x" * 300_000)
    answers = await line.answers(large[:-300_000])  # and nothing more: the caller waits
    assert [answer.status for answer in answers] == [401]
