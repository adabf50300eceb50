"""Bodies as `fc-java-sdk` 1.8 sends them: recorded from it, with the signatures that it made.

It writes its own headers into the JSON after it has hashed it for `content-md5`, and names in the body
what the path names.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import md5
from pathlib import Path
from random import Random

import pytest

from thence.catalog.code import pack
from thence.signing.hashed_before import hashed_before
from thence.signing.interface import Key

from .signed import SECRETS, Head, Port, fc_head, serving, signed_fc

KEY = Key("my-key", "my-secret-of-some-length")
NOW = 1795831245000
SERVICE: tuple[str, str, Head, bytes] = (
    "POST",
    "/2016-08-15/services",
    [
        ("Authorization", "FC my-key:5z4uXDvCw5WQNUwV/V1vdIQk8ikSAFk765vV0hjlI6o="),
        ("Accept", "application/json"),
        ("User-Agent", "java-sdk-1.8.33"),
        ("x-fc-account-id", "123456789"),
        ("Date", "Sat, 28 Nov 2026 02:00:45 GMT"),
        ("Content-Type", "application/json"),
        ("Content-MD5", "CDy0lNjl6MNGiy1iT+6YPA=="),
        ("Host", "127.0.0.1:8080"),
    ],
    b'{"serviceName":"svc","description":"\xc3\xbc \xe4\xb8\xad","headers":{"Authorization":"FC my-key:5z4uXDvCw5WQNUwV/V1vdIQk8ikSAFk765vV0hjlI6o\\u003d","Accept":"application/json","User-Agent":"java-sdk-1.8.33","x-fc-account-id":"123456789","Date":"Sat, 28 Nov 2026 02:00:45 GMT","Content-Type":"application/json","Content-MD5":"CDy0lNjl6MNGiy1iT+6YPA\\u003d\\u003d"}}',
)
VERSION: tuple[str, str, Head, bytes] = (
    "POST",
    "/2016-08-15/services/svc/versions",
    [
        ("Authorization", "FC my-key:j7Wcl06DT6cy4bFn5f826HZ1i5OR1kgXKAIr6tbzcD8="),
        ("Accept", "application/json"),
        ("User-Agent", "java-sdk-1.8.33"),
        ("x-fc-account-id", "123456789"),
        ("Date", "Sat, 28 Nov 2026 02:00:46 GMT"),
        ("Content-Type", "application/json"),
        ("Content-MD5", "krn86qYrbxqEkK/tDKWo3w=="),
        ("Host", "127.0.0.1:8080"),
    ],
    b'{"description":"one","headers":{"Authorization":"FC my-key:j7Wcl06DT6cy4bFn5f826HZ1i5OR1kgXKAIr6tbzcD8\\u003d","Accept":"application/json","User-Agent":"java-sdk-1.8.33","x-fc-account-id":"123456789","Date":"Sat, 28 Nov 2026 02:00:46 GMT","Content-Type":"application/json","Content-MD5":"krn86qYrbxqEkK/tDKWo3w\\u003d\\u003d"}}',
)
ALIAS: tuple[str, str, Head, bytes] = (
    "POST",
    "/2016-08-15/services/svc/aliases",
    [
        ("Authorization", "FC my-key:KJH+j/J6xlElAjjJim0YaWpWJpQ63a/sizH3j0qo/3o="),
        ("Accept", "application/json"),
        ("User-Agent", "java-sdk-1.8.33"),
        ("x-fc-account-id", "123456789"),
        ("Date", "Sat, 28 Nov 2026 02:00:46 GMT"),
        ("Content-Type", "application/json"),
        ("Content-MD5", "CJtV9MvhwSEODIAdKq30IA=="),
        ("Host", "127.0.0.1:8080"),
    ],
    b'{"serviceName":"svc","aliasName":"prod","versionId":"1","description":"d","headers":{"Authorization":"FC my-key:KJH+j/J6xlElAjjJim0YaWpWJpQ63a/sizH3j0qo/3o\\u003d","Accept":"application/json","User-Agent":"java-sdk-1.8.33","x-fc-account-id":"123456789","Date":"Sat, 28 Nov 2026 02:00:46 GMT","Content-Type":"application/json","Content-MD5":"CJtV9MvhwSEODIAdKq30IA\\u003d\\u003d"}}',
)


def sized(request: tuple[str, str, Head, bytes]) -> tuple[str, str, Head, bytes]:
    method, target, head, body = request
    return method, target, [*head, ("Content-Length", str(len(body)))], body


@pytest.fixture
async def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Port]:
    monkeypatch.setitem(SECRETS, KEY.access_key_id, "my-secret-of-some-length")
    async with serving(tmp_path, KEY, NOW, "123456789") as found:
        yield found


async def test_what_it_sends_is_proven_and_done(port: Port) -> None:
    for request in (SERVICE, VERSION, ALIAS):
        answer = await port.send(*sized(request))
        assert answer.status == 200, answer.body
    assert answer.json["aliasName"] == "prod"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"description"', b'"descriptiom"'),
        (b'"Date"', b'"Dat2"'),
        (b'"headers":{', b'"headers":{"If-Match":"x",'),
        (b'"headers":{', b'"role":"x","headers":{'),
        (b"}}", b'}},"role":"x"}'),
    ],
)
async def test_nothing_else_of_such_a_body_can_be_changed(
    port: Port, before: bytes, after: bytes
) -> None:
    method, target, head, body = SERVICE
    changed = body.replace(before, after)
    assert changed != body
    answer = await port.send(*sized((method, target, head, changed)))
    status, code, message = answer.error()
    assert (status, code) == (403, "SignatureNotMatch")
    assert message.startswith("content-md5: ")


async def test_the_payload_of_a_call_is_never_taken_for_such_a_body(port: Port) -> None:
    """A call with the hash of such a body, which only the client for Java makes, and only for operations."""
    await port.send(*sized(SERVICE))
    body = SERVICE[3]
    before = hashed_before(body)
    assert before is not None
    given: Head = [("content-md5", md5(before).hexdigest()), ("x-fc-invocation-type", "Async")]
    head = fc_head(body=body, date=dict(SERVICE[2])["Date"], more=given)
    for target, code in (
        ("/2016-08-15/services", "ServiceAlreadyExists"),
        ("/2016-08-15/services/svc/functions/f/invocations", "SignatureNotMatch"),
    ):
        signed = signed_fc("POST", target, head, KEY)
        answer = await port.send("POST", target, signed, body)
        assert answer.error()[1] == code, answer.body


def test_what_was_hashed_is_found_where_the_body_ends_with_its_headers() -> None:
    text = b'{"a":{"headers":{"x":"y"}},"headers":{"Accept":"1","If-Match":"\\"e\\"","Content-MD5":"2"}}'
    assert hashed_before(text) == b'{"a":{"headers":{"x":"y"}},"headers":{"If-Match":"\\"e\\""}}'
    for other in (b"", b"{}", b'{"headers":{}}', b'{"headers":{"a":1}}', text + b" ", text[:-1]):
        assert hashed_before(other) is None, other


async def test_a_function_with_much_code_is_taken_from_it(port: Port) -> None:
    await port.send(*sized(SERVICE))
    code = b64encode(
        pack([("main.py", b"def handler(e, c): ..."), ("data", Random(1).randbytes(300_000))])
    )
    body = (
        b'{"serviceName":"svc","functionName":"f","handler":"main.handler","runtime":"python3",'
        b'"code":{"zipFile":"%s"},"headers":{"Accept":"application/json"}}' % code
    )
    before = hashed_before(body)
    assert before is not None and before.endswith(b'"headers":{}}')
    more: Head = [("content-md5", md5(before).hexdigest())]
    head = fc_head(body=body, date=dict(SERVICE[2])["Date"], more=more)
    target = "/2016-08-15/services/svc/functions"
    answer = await port.send("POST", target, signed_fc("POST", target, head, KEY), body)
    assert answer.status == 200, answer.body
    assert answer.json["functionName"] == "f" and answer.json["codeSize"] > 300_000


async def test_such_a_body_is_one_of_the_oldest_generation_alone(port: Port) -> None:
    body = SERVICE[3]
    before = hashed_before(body)
    assert before is not None
    more: Head = [("content-md5", md5(before).hexdigest())]
    head = fc_head(body=body, date=dict(SERVICE[2])["Date"], more=more)
    target = "/2021-04-06/services"
    answer = await port.send("POST", target, signed_fc("POST", target, head, KEY), body)
    assert answer.error()[:2] == (403, "SignatureNotMatch")
