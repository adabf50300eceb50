"""Whatever is sent to any route of any door: no 500, no traceback, no control character in the log.

Bodies that are no UTF-8, that hold half a character, numbers beyond all numbers, nesting without end;
each of them whole, and in every field that the route's door knows of.
"""

from __future__ import annotations

import base64
import importlib
import itertools
import json
import logging
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from tests.doors.routes import ROUTES as NATIVE
from yarl import URL

from thence.api import fc, functiongraph, native
from thence.api.fc.table import ROUTES as FC
from thence.api.functiongraph.table import ROUTES as FG

BODIES: dict[str, bytes] = {
    "empty": b"",
    "bad UTF-8": b'{"a":"\xff\xfe"}',
    "bad UTF-8 alone": b"\xff",
    "half a character": b'{"a":"\\ud800"}',
    "half a character alone": b'"\\ud800"',
    "half a character as a key": b'{"\\udc00":1}',
    "infinite": b'{"a":1e999}',
    "infinite alone": b"1e999",
    "not a number": b'{"a":NaN}',
    "not a number alone": b"NaN",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "deep": b"[" * 50_000,
    "deep and closed": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "many digits": b'{"a":' + b"9" * 20_000 + b"}",
    "twice": b'{"a":1,"a":2}',
    "NUL": b"\x00",
}
FIELDS: dict[str, bytes] = {
    "half a character": b'"\\ud800"',
    "a control character": b'"\\u0000\\u001b[31m\\n"',
    "infinite": b"1e999",
    "large": b"9223372036854775808",
    "negative": b"-1",
    "a list": b'[["\\ud800"]]',
    "an object": b'{"\\ud800":"\\ud800","a":1e308}',
    "true": b"true",
}
DEEP = base64.urlsafe_b64encode(b"[" * 5_000).decode().rstrip("=")
QUERIES = (
    "%ff=%ff",
    "a=%ed%a0%80",
    "limit=1e999&marker=%ed%a0%80&cursor=%00",
    "limit=NaN",
    "query_end_time=9999-12-31T23:59:59",
    "query_begin_time=0001-01-01T00:00:00",
    "since=9999-12-31T23:59:59.999999Z",
    "since=999999999999999",
    "startedTimeBegin=999999999999999999",
    "limit=%D9%A1",
    f"nextToken={DEEP}",
    f"cursor={DEEP}",
    "since=9999-12-31T23:59:59Z&until=9999-12-31T23:59:59Z",
    "since=99999999999999&startTime=99999999999999999&query_end_time=9999-12-31T23:59:59",
    "qualifier=%1b%5b31m&prefix=%00&startKey=%ff&tags=%5b%5b",
    "&" * 200,
)
NAMES = ("f", "\x1b[31m\r\n", "%00", "\ud800", "a" * 300, "..", "f@x", "00000000-0000-7000-8000-0")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{found.name}")


def names_of(kind: Any) -> tuple[str, ...]:
    is_type = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return kind.__struct_encode_fields__ if is_type else ()


def fields(package: ModuleType) -> list[str]:
    """The names of all fields that a door's bodies have."""
    return sorted(
        {
            name
            for module in modules(package)
            for kind in vars(module).values()
            for name in names_of(kind)
        }
    )


def fill(template: str, name: str) -> str:
    return re.sub(r"\{[^}]*\}", lambda _: quote(name, safe="", errors="surrogatepass"), template)


DOORS: dict[str, tuple[ModuleType, list[tuple[str, str]], dict[str, Any]]] = {
    "native": (native, [(request.method, request.path) for request in NATIVE], {}),
    "fc": (
        fc,
        [
            (
                "POST" if request.method == "ANY" else request.method,
                f"/{request.generations[0]}{request.path}",
            )
            for request in FC
        ],
        {"functionName": "f", "runtime": "python3.10", "handler": "main.handler"},
    ),
    "functiongraph": (
        functiongraph,
        [(request.method, f"/v2/thence{request.path}") for request in FG],
        {"func_name": "f", "runtime": "Python3.9", "handler": "main.handler"},
    ),
}
STEP = 17
ENDLESS = {"/v1/events"}
WITH_BODY = {"POST", "PUT", "PATCH"}


def field_bodies(door: str) -> list[tuple[str, bytes]]:
    """An object for each field of the door's bodies and each hostile value."""
    package, _, rest = DOORS[door]
    found = []
    for field, (name, value) in itertools.product(fields(package), FIELDS.items()):
        beside = json.dumps({key: item for key, item in rest.items() if key != field}).encode()[1:]
        body = b'{"%s":%s%s' % (field.encode(), value, b"," + beside if rest else beside)
        found.append((f"{field}: {name}", body))
    return found


class Watch:
    """Sends, and remembers what must not be."""

    def __init__(self, server: Any, caplog: pytest.LogCaptureFixture) -> None:
        self.server = server
        self.log = caplog
        self.sent = 0
        self.wrong: list[str] = []
        caplog.set_level(logging.DEBUG)
        for name in ("aiohttp", "asyncio"):
            logging.getLogger(name).setLevel(logging.WARNING)

    async def send(self, what: str, method: str, path: str, body: bytes = b"") -> None:
        self.sent += 1
        url = URL(self.server.url + path, encoded=True)
        kind = {"Content-Type": "application/json"}
        async with self.server.session.request(method, url, data=body, headers=kind) as answer:
            text = await answer.read()
        where = f"{method} {path[:80]} with {what}"
        if answer.status >= 500 and answer.status not in (501, 502, 503, 504):
            self.wrong.append(f"{where}: {answer.status} {text[:200]!r}")
        for record in self.log.records:
            said = record.getMessage()
            if record.exc_info is not None or CONTROL.search(said):
                self.wrong.append(f"{where}: logged {said[:200]!r}, {record.exc_info}")
        self.log.clear()

    def check(self) -> None:
        assert not self.wrong, "\n".join(self.wrong[:20])


@pytest.mark.parametrize("door", DOORS)
async def test_no_body_makes_any_route_fail(
    server: Any, caplog: pytest.LogCaptureFixture, door: str
) -> None:
    """The native routes get every field that they know; and each route of every door some of all
    fields of its door, others than its neighbour."""
    watch = Watch(server, caplog)
    own = {(request.method, request.path): set(names_of(request.body)) for request in NATIVE}
    for number, (method, path) in enumerate(DOORS[door][1]):
        if path in ENDLESS:
            continue
        await server.deploy()  # some routes remove it
        for what, body in BODIES.items():
            await watch.send(what, method, fill(path, "f"), body)
        known = own.get((method, path), set()) if door == "native" else set()
        for index, (what, body) in enumerate(field_bodies(door) if method in WITH_BODY else ()):
            if index % STEP != number % STEP and what.partition(":")[0] not in known:
                continue
            await watch.send(what, method, fill(path, "f"), body)
    assert watch.sent > 500
    watch.check()


@pytest.mark.parametrize("door", DOORS)
async def test_no_name_and_no_query_makes_any_route_fail(
    server: Any, caplog: pytest.LogCaptureFixture, door: str
) -> None:
    watch = Watch(server, caplog)
    await server.deploy()
    for method, path in DOORS[door][1]:
        if path in ENDLESS:
            continue
        for name in NAMES:
            await watch.send(f"the name {name[:20]!r}", method, fill(path, name))
        for query in QUERIES:
            await watch.send(f"the query {query[:40]}", method, f"{fill(path, 'f')}?{query}")
    watch.check()
