"""Who may ask: every refusal of the authenticator with its status and code, over the wire, for both schemes in
all three generations; and that no bit of a signed request that counts can be changed."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thence.catalog.alias import Alias
from thence.catalog.code import pack
from thence.catalog.function import parse_spec
from thence.lifecycle.ids import parse_id
from thence.signing import acs_roa, fc
from thence.signing.interface import Key

from .signed import (
    ACS3_KEY,
    ACS3_NOW,
    HOST,
    SECRETS,
    Answer,
    Head,
    Port,
    acs3_head,
    fc_head,
    lowered,
    on_the_wire,
    serving,
    signed_acs3,
    signed_fc,
)

V3 = "/2023-03-30/functions/f"
V2 = "/2021-04-06/services/s/functions/f"
OLD = "/2016-08-15/services/s/functions/f"
NOW = "Sun, 22 Nov 2026 14:54:13 GMT"
UNKNOWN, WRONG = Key("nobody", "test-key-secret"), Key("test-key-id", "test-key-secre")
SHA1_KEY = Key("test-key-id", SECRETS["test-key-id"], algorithm=acs_roa.ALGORITHM)
BODY = b'{"a": 1}'
CODE = pack([("main.py", b"def handler(event, context): ...\n")])
SCHEMES = ("acs3", "fc")

in_every_way = pytest.mark.parametrize(
    ("scheme", "home", "kind"),
    [
        (scheme, home, kind)
        for scheme in SCHEMES
        for home in (V3, V2, OLD)
        for kind in ("Sync", "Async")  # the second is the fast path
    ],
)
at_every_generation = pytest.mark.parametrize("home", [V3, V2, OLD])


def request(
    port: Port,
    scheme: str,
    home: str,
    kind: str,
    *,
    key: Key = ACS3_KEY,
    body: bytes = BODY,
    **head: Any,
) -> tuple[str, str, Head, bytes]:
    """A signed invocation."""
    target = f"{home}/invocations"
    more: Head = [("x-fc-invocation-type", kind)]
    if scheme == "acs3":
        head.setdefault("nonce", port.nonce())
        made = acs3_head("InvokeFunction", body=body, more=more, **head)
        return "POST", target, signed_acs3("POST", target, made, body, key), body
    head.setdefault("date", NOW)
    md5_of_body = base64.b64encode(md5(body).digest()).decode()
    made = fc_head(body=body, more=[*more, ("content-md5", md5_of_body)], **head)
    return "POST", target, signed_fc("POST", target, made, key), body


async def prepare(port: Port) -> None:
    for name in ("f", "s$f"):
        await port.engine.functions.put(name, parse_spec({"concurrency": 100}), CODE)


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    async with serving(tmp_path, ACS3_KEY, ACS3_NOW, "1") as found:
        await prepare(found)
        yield found


async def refused(port: Port, request: tuple[str, str, Head, bytes]) -> tuple[int, str, str]:
    """The error of a request that does nothing."""
    before = await port.accepted()
    answer = await port.send(*request)
    assert await port.accepted() == before
    assert port.scripts.starts == []
    return answer.error()


def without(headers: Head, *names: str) -> Head:
    return [pair for pair in headers if pair[0].lower() not in names]


# ---------------------------------------------------------------- who


@in_every_way
async def test_a_signed_request_is_taken(port: Port, scheme: str, home: str, kind: str) -> None:
    answer = await port.send(*request(port, scheme, home, kind))
    assert answer.status == (200 if kind == "Sync" else 202), answer.body


@in_every_way
async def test_a_request_without_a_signature_is_refused(
    port: Port, scheme: str, home: str, kind: str
) -> None:
    method, target, headers, body = request(port, scheme, home, kind)
    found = await refused(port, (method, target, without(headers, "authorization"), body))
    assert found == (
        *(400, "MissingRequiredHeader"),
        "required HTTP header Authorization was not specified",
    )


@in_every_way
async def test_an_unknown_key_is_refused(port: Port, scheme: str, home: str, kind: str) -> None:
    found = await refused(port, request(port, scheme, home, kind, key=UNKNOWN))
    assert found == (403, "InvalidAccessKeyID", "invalid access key ID 'nobody'")


@in_every_way
async def test_a_wrong_secret_is_refused(port: Port, scheme: str, home: str, kind: str) -> None:
    found = await refused(port, request(port, scheme, home, kind, key=WRONG))
    assert found == (
        *(403, "SignatureNotMatch"),
        "The request signature we calculated does not match the signature you provided. Check your "
        "access key and signing method",
    )


@in_every_way
async def test_a_body_that_is_not_the_signed_one_is_refused(
    port: Port, scheme: str, home: str, kind: str
) -> None:
    method, target, headers, _ = request(port, scheme, home, kind)
    status, code, _ = await refused(port, (method, target, headers, b'{"a": 2}'))
    assert (status, code) == (403, "SignatureNotMatch")


DATES = [
    ("2026-11-22T14:39:12Z", "Sun, 22 Nov 2026 14:39:12 GMT", False),
    ("2026-11-22T14:39:13Z", "Sun, 22 Nov 2026 14:39:13 GMT", True),
    ("2026-11-22T15:09:13Z", "Sun, 22 Nov 2026 15:09:13 GMT", True),
    ("2026-11-22T15:09:14Z", "Sun, 22 Nov 2026 15:09:14 GMT", False),
]


@in_every_way
async def test_dates_are_taken_within_fifteen_minutes_both_ways(
    port: Port, scheme: str, home: str, kind: str
) -> None:
    for acs3_date, fc_date, taken in DATES:
        asked = request(port, scheme, home, kind, date=acs3_date if scheme == "acs3" else fc_date)
        answer = await port.send(*asked)
        if taken:
            assert answer.status in (200, 202)
        else:
            status, code, message = answer.error()
            assert (status, code) == (403, "AccessDenied") and "900 seconds" in message


@in_every_way
async def test_a_request_without_a_date_is_refused(
    port: Port, scheme: str, home: str, kind: str
) -> None:
    method, target, headers, body = request(port, scheme, home, kind)
    found = await refused(port, (method, target, without(headers, "date", "x-acs-date"), body))
    name = "x-acs-date" if scheme == "acs3" else "Date"
    assert found == (
        *(400, "MissingRequiredHeader"),
        f"required HTTP header {name} was not specified",
    )


@at_every_generation
@pytest.mark.parametrize("kind", ["Sync", "Async"])
async def test_a_nonce_is_taken_once(port: Port, home: str, kind: str) -> None:
    asked = request(port, "acs3", home, kind)
    assert (await port.send(*asked)).status in (200, 202)
    before = await port.accepted()
    status, code, message = (await port.send(*asked)).error()
    assert (status, code) == (403, "AccessDenied") and "nonce" in message
    assert await port.accepted() == before


@at_every_generation
@pytest.mark.parametrize("kind", ["Sync", "Async"])
@pytest.mark.parametrize("scheme", ["acs3", "acs"])
async def test_spaces_around_a_nonce_make_no_new_one_of_it(
    port: Port, scheme: str, home: str, kind: str
) -> None:
    if scheme == "acs3":
        sent = request(port, "acs3", home, kind)
    else:
        target, more = f"{home}/invocations", [(b"x-fc-invocation-type", kind.encode())]
        made = acs_roa.sign(
            "POST", target.encode(), b"", more, SHA1_KEY, now=ACS3_NOW, nonce=port.nonce()
        )
        head = [(name.decode(), value.decode()) for name, value in made]
        sent = ("POST", target, [("host", HOST), *head, ("content-length", "8")], BODY)
    method, target, headers, body = sent
    assert (await port.send(*sent)).status in (200, 202)
    before = await port.accepted()
    for space in (" {}", "\t{}", "{} ", "{}\t", " {} \t "):
        again = [
            (name, space.format(value) if name == "x-acs-signature-nonce" else value)
            for name, value in headers
        ]
        status, code, message = (await port.send(method, target, again, body)).error()
        assert (status, code) == (403, "AccessDenied") and "nonce" in message
    assert await port.accepted() == before


async def test_a_nonce_is_not_taken_again_by_the_next_start_of_the_service(tmp_path: Path) -> None:
    async with serving(tmp_path, ACS3_KEY, ACS3_NOW, "1") as port:
        await prepare(port)
        asked = request(port, "acs3", V3, "Async")
        assert (await port.send(*asked)).status == 202
    async with serving(tmp_path, ACS3_KEY, ACS3_NOW, "1") as port:
        status, code, message = (await port.send(*asked)).error()
        assert (status, code) == (403, "AccessDenied") and "nonce" in message
        assert (
            await port.send(*request(port, "acs3", V3, "Async", nonce="new" * 10))
        ).status == 202
        assert await port.accepted() == 2


@at_every_generation
async def test_a_refused_request_uses_no_nonce_up(port: Port, home: str) -> None:
    nonce = port.nonce()
    await refused(port, request(port, "acs3", home, "Async", key=WRONG, nonce=nonce))
    assert (await port.send(*request(port, "acs3", home, "Async", nonce=nonce))).status == 202


AUTHORIZATIONS = [
    *("acs test-key-id:abc", "FC", "FC test-key-id", "Bearer abc", "Basic YTpi"),
    *("ACS3-HMAC-SHA256", "ACS3-HMAC-SM3 Credential=test-key-id"),
]


@at_every_generation
async def test_other_authorizations_are_refused(port: Port, home: str) -> None:
    for authorization in AUTHORIZATIONS:
        method, target, headers, body = request(port, "acs3", home, "Async")
        headers = [*without(headers, "authorization"), ("Authorization", authorization)]
        found = await refused(port, (method, target, headers, body))
        assert found[:2] == (403, "AccessDenied"), authorization


@at_every_generation
@pytest.mark.parametrize(
    ("scheme", "name", "code"),
    [
        ("acs3", "x-acs-version", "AccessDenied"),
        ("acs3", "x-acs-security-token", "AccessDenied"),
        ("fc", "x-fc-async-delay", "SignatureNotMatch"),
    ],
)
async def test_a_header_that_the_schemes_rule_wants_signed_is_refused_without(
    port: Port, home: str, scheme: str, name: str, code: str
) -> None:
    method, target, headers, body = request(port, scheme, home, "Async")
    kept = without(headers, name)
    listed = [(key, value.replace(f"{name};", "")) for key, value in kept]
    found = await refused(port, (method, target, [*listed, (name, "60")], body))
    assert found[:2] == (403, code)


def as_node(port: Port, home: str, *, body: bytes = BODY, more: Head) -> tuple[Any, ...]:
    """Signed as the vendor's clients for Node.js, Java, Go, PHP and C# do: `x-acs-…`, the host and
    the content type, and nothing else."""
    method, target, headers, _ = request(port, "acs3", home, "Sync", body=body)
    kept = without(headers, "authorization", "x-fc-invocation-type")
    given = without(kept, "accept", "user-agent")
    signed = signed_acs3(method, target, given, body)
    return method, target, [*signed, *(item for item in kept if item not in given), *more], body


@at_every_generation
@pytest.mark.parametrize("way", ["fast", "slow"])
async def test_what_the_rule_leaves_open_is_taken_unsigned_and_acted_on(
    port: Port, home: str, way: str
) -> None:
    more: Head = [
        ("x-fc-invocation-type", "Async"),
        ("x-fc-log-type", "None"),
        ("x-fc-async-task-id", "task-1"),
        ("x-fc-async-delay", "60"),
        ("x-fc-stateful-async-invocation-enable", "true"),
        ("x-fc-account-id", "1"),
        ("x-fc-trace-id", "t"),
        *([("prefer", "nothing")] if way == "slow" else []),
    ]
    asked = as_node(port, home, more=more)
    answer = await port.send(*asked)
    assert answer.status == 202 and answer.headers["x-fc-async-task-id"] == "task-1"
    found = await meaning(port, answer)
    assert found[3:] == (ACS3_NOW + 60_000, "task-1", BODY)
    # What is in the list is bound to the signature as before.
    for name in ("x-acs-date", "x-acs-action", "host"):
        method, target, headers, body = as_node(port, home, more=more)
        changed = [(key, "x" if key.lower() == name else value) for key, value in headers]
        answer = await port.send(method, target, changed, body)
        assert answer.status in (400, 403), (name, answer.body)
    assert await port.accepted() == 1


@at_every_generation
async def test_an_unsigned_header_that_came_twice_is_refused(port: Port, home: str) -> None:
    """Nobody could tell which of the two was meant."""
    more: Head = [("x-fc-invocation-type", "Async"), ("x-fc-invocation-type", "Sync")]
    found = await refused(port, as_node(port, home, more=more))
    assert found[:2] == (400, "InvalidArgument") and "x-fc-invocation-type" in found[2]


async def test_a_content_type_that_came_after_the_signing_is_taken(port: Port) -> None:
    """aiohttp adds both to a GET of the vendor's `_async` methods."""
    head = acs3_head("GetFunction", nonce=port.nonce())
    added: Head = [("Content-Type", "application/octet-stream"), ("Content-Length", "0")]
    sent = [*signed_acs3("GET", V3, head), *added]
    assert (await port.send("GET", V3, sent)).status == 200


@at_every_generation
async def test_a_wrong_content_md5_is_refused_by_its_name(port: Port, home: str) -> None:
    right = md5(BODY)
    node = base64.b64encode(right.hexdigest().encode()).decode()  # as @alicloud/fc2 writes it
    for kind, text, body, status in (
        ("Sync", node, BODY, 200),
        ("Async", node, BODY, 202),
        ("Sync", node, b'{"a": 2}', 403),
        ("Async", node, b'{"a": 2}', 403),
        ("Async", "abc", BODY, 403),
    ):
        target = f"{home}/invocations"
        more: Head = [("content-md5", text), ("x-fc-invocation-type", kind)]
        head = signed_fc("POST", target, fc_head(body=BODY, date=NOW, more=more), ACS3_KEY)
        answer = await port.send("POST", target, head, body)
        assert answer.status == status, answer.body
        if status == 403:
            _, code, message = answer.error()
            assert code == "SignatureNotMatch" and message.startswith("content-md5: ")
            assert "access key" not in message
    assert await port.accepted() == 1


@pytest.mark.parametrize("kind", ["Sync", "Async"])
async def test_no_query_that_was_put_on_the_way_chooses_the_version_in_the_oldest_paths(
    port: Port, kind: str
) -> None:
    """Their scheme signs no query, and their clients have the qualifier in the path."""
    await port.engine.functions.publish_version("s$f")
    await port.engine.functions.put_alias("s$f", Alias("prod", "1"), create=True)
    head = fc_head(body=BODY, date=NOW, more=[("x-fc-invocation-type", kind)])
    for service, query in (("s", "prod"), ("s", "1"), ("s.prod", "LATEST")):
        target = f"{OLD.replace('/s/', f'/{service}/')}/invocations"
        sent = signed_fc("POST", target, head, ACS3_KEY)
        found = await refused(port, ("POST", f"{target}?qualifier={query}", sent, BODY))
        assert found[:2] == (400, "InvalidArgument") and "in the path" in found[2]
    assert (await port.send("POST", target, sent, BODY)).status in (200, 202)


async def test_a_name_that_is_in_the_query_twice_is_refused(port: Port) -> None:
    """Where a scheme signs the values sorted, either could be put first on the way."""
    for query in ("limit=1&limit=2", "limit=1&a=b&%6Cimit=2"):
        target = f"/2023-03-30/functions?{query}"
        head = acs3_head("ListFunctions", nonce=port.nonce())
        found = await refused(port, ("GET", target, signed_acs3("GET", target, head), b""))
        assert found[:2] == (400, "InvalidArgument") and found[2].startswith("limit: ")


# ---------------------------------------------------------------- signed URLs


def signed_url(home: str, expires_in: int = 60, key: Key = ACS3_KEY) -> str:
    path = f"{home}/invocations"
    query = fc.sign_url(
        *("POST", path.encode(), b"", lowered(CALL), key), expires_at=ACS3_NOW + expires_in * 1000
    )
    return f"{path}?{query.decode()}"


CALL: Head = [("host", "x"), ("content-length", "8"), ("x-fc-invocation-type", "Async")]


@at_every_generation
async def test_a_signed_url_is_taken_until_it_expires(port: Port, home: str) -> None:
    url = signed_url(home)
    for _ in range(2):
        assert (await port.send("POST", url, CALL, BODY)).status == 202
    await port.clock.advance(60)
    status, code, message = (await port.send("POST", url, CALL, BODY)).error()
    assert (status, code) == (403, "AccessDenied") and "expired" in message
    assert await port.accepted() == 2


@at_every_generation
async def test_wrong_signed_urls_are_refused(port: Port, home: str) -> None:
    url = signed_url(home)
    changes: list[tuple[str, tuple[int, str]]] = [
        (url.replace("x-fc-expires=1", "x-fc-expires=2"), (403, "SignatureNotMatch")),
        (url.replace("/f/", "/g/"), (403, "SignatureNotMatch")),
        (url + "&qualifier=1", (403, "SignatureNotMatch")),
        (signed_url(home, key=WRONG), (403, "SignatureNotMatch")),
        (signed_url(home, key=UNKNOWN), (403, "InvalidAccessKeyID")),
        (signed_url(home, expires_in=0), (403, "AccessDenied")),
        (url.partition("?")[0] + "?x-fc-signature=abc", (400, "MissingRequiredHeader")),
    ]
    for changed, expected in changes:
        assert changed != url
        found = await refused(port, ("POST", changed, CALL, BODY))
        assert found[:2] == expected, (changed, found)


# ---------------------------------------------------------------- what strangers learn


@at_every_generation
async def test_strangers_learn_nothing_of_what_there_is(port: Port, home: str) -> None:
    methods = ("GET", "POST", "PUT", "DELETE", "PATCH")
    paths = ("", "/nowhere", "/code", "-not-there", "/invoke/disable")
    for method, path in itertools.product(methods, paths):
        found = await refused(port, (method, home + path, [("host", "x")], b""))
        assert found[:2] == (400, "MissingRequiredHeader")


async def test_a_link_to_code_needs_no_signature_and_cannot_be_changed(port: Port) -> None:
    target = f"{V3}/code"
    head = acs3_head("GetFunctionCode", nonce=port.nonce())
    link = (await port.send("GET", target, signed_acs3("GET", target, head))).json["url"]
    path = "/" + link.partition("//")[2].partition("/")[2]
    got = await port.send("GET", path, [("host", "x")])
    assert got.status == 200 and got.body[:2] == b"PK"
    last = "a" if path[-1] != "a" else "b"
    changed = await port.send("GET", path[:-1] + last, [("host", "x")])
    assert changed.error()[:2] == (403, "AccessDenied")


# ---------------------------------------------------------------- one bit


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as found:
        yield found


@pytest.fixture(scope="module")
def standing(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    """One service for all examples."""
    context = serving(tmp_path_factory.mktemp("authenticator"), ACS3_KEY, ACS3_NOW, "1")
    port = runner.run(context.__aenter__())
    runner.run(_with_aliases(port))
    yield port
    runner.run(context.__aexit__(None, None, None))


async def _with_aliases(port: Port) -> None:
    await prepare(port)
    for name in ("f", "s$f"):
        await port.engine.functions.publish_version(name)
        await port.engine.functions.put_alias(name, Alias("prod", "1"), create=True)


def by_acs3(port: Port, body: bytes) -> bytes:
    target = f"{V3}/invocations?qualifier=prod"
    more: Head = [
        ("x-fc-async-delay", "30"),
        ("x-fc-async-task-id", f"t-{port.nonce()}"),
        ("x-fc-invocation-type", "Async"),
    ]
    head = acs3_head("InvokeFunction", nonce=port.nonce(), body=body, more=more)
    return on_the_wire("POST", target, signed_acs3("POST", target, head, body), body)


def by_fc(port: Port, body: bytes) -> bytes:
    target = "/2016-08-15/services/s.prod/functions/f/invocations"
    more: Head = [
        ("content-md5", base64.b64encode(md5(body).digest()).decode()),
        ("x-fc-async-delay", "30"),
        ("x-fc-invocation-type", "Async"),
        ("x-fc-stateful-async-invocation-id", f"t-{port.nonce()}"),
    ]
    head = signed_fc("POST", target, fc_head(body=body, date=NOW, more=more), ACS3_KEY)
    return on_the_wire("POST", target, head, body)


def by_url(port: Port, body: bytes) -> bytes:
    path = "/2021-04-06/services/s/functions/f/invocations"
    headers: Head = [
        ("host", "x"),
        ("content-length", str(len(body))),
        ("content-md5", md5(body).hexdigest()),
        ("x-fc-async-delay", "30"),
        ("x-fc-async-task-id", f"t-{port.nonce()}"),
        ("x-fc-invocation-type", "Async"),
    ]
    query = fc.sign_url(
        *("POST", path.encode(), b"qualifier=prod", lowered(headers), ACS3_KEY),
        expires_at=ACS3_NOW + 60_000,
    )
    return on_the_wire("POST", f"{path}?{query.decode()}", headers, body)


def changeable(request: bytes) -> list[int]:
    """The places of a request whose change leaves it one request: how long its body is and where
    its head ends are the transport's."""
    end = request.index(b"\r\n\r\n")
    length = request.lower().index(b"\r\ncontent-length")
    after = request.index(b"\r\n", length + 2)
    return [
        at for at in range(len(request)) if not (length <= at < after + 2 or end <= at < end + 4)
    ]


async def meaning(port: Port, answer: Answer) -> Any:
    """What was accepted."""
    id = parse_id(answer.headers["x-fc-request-id"])
    assert id is not None
    view = await port.engine.invocations.get(id)
    stored = await port.engine.parts.store.payload(id)
    assert stored is not None
    payload = await port.engine.invocations.body(stored[0])
    return view.function, view.version, view.qualifier, view.due_at, view.meta.caller_id, payload


@pytest.mark.parametrize("made", [by_acs3, by_fc, by_url])
@settings(max_examples=300)
@given(
    body=st.binary(min_size=1, max_size=40),
    place=st.integers(0, 2000),
    bit=st.integers(0, 7),
)
def test_a_request_with_one_bit_changed_is_refused_or_is_the_same_request(
    runner: asyncio.Runner,
    standing: Port,
    made: Callable[[Port, bytes], bytes],
    body: bytes,
    place: int,
    bit: int,
) -> None:
    original = made(standing, body)
    changed, places = bytearray(original), changeable(original)
    changed[places[place % len(places)]] ^= 1 << bit
    runner.run(_compare(standing, original, bytes(changed), body))


async def _compare(port: Port, original: bytes, changed: bytes, body: bytes) -> None:
    head = original.index(b"\r\n\r\n")
    before = await port.accepted()
    answer = await port.first(changed)
    accepted = answer is not None and answer.status < 400
    assert await port.accepted() == before + accepted
    found = None if answer is None or not accepted else await meaning(port, answer)
    first = await port.first(original)
    assert first is not None
    if first.status == 202:
        again = await meaning(port, first)
        assert found in (None, again)
        found = again
    else:
        # Its nonce was used: by itself in another spelling, or with a right head and another body.
        assert accepted or changed[:head] == original[:head]
        assert first.error()[:2] == (403, "AccessDenied")
    if found is not None:
        assert found[:3] in (("f", "1", "prod"), ("s$f", "1", "prod"))
        assert found[5] == body and found[3] == ACS3_NOW + 30_000 and found[4].startswith("t-")
