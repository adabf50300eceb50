"""Properties of every scheme: what was signed is accepted, and after one bit is changed it is refused.

`meaning` says, beside the code under test, what two requests must have in common to be one request:
other spellings of a query (`+`, `%20`) or, where the scheme decodes it, of a path are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import md5, sha256
from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes, unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thence.signing import acs3, acs_roa, fc, sdk_hmac
from thence.signing.interface import Key, Refused, Verified

from .conftest import NOW, at, keys

KEY = Key("key-1", "sécret 1", "")
OTHER = Key("key-0", "secret 0")  # one bit beside the first in its id
LOOKUP = keys(KEY, OTHER)
SHA1_KEY = Key("key-1", "sécret 1", algorithm=acs_roa.ALGORITHM)
SHA1_LOOKUP = keys(SHA1_KEY, Key("key-0", "secret 0", algorithm=acs_roa.ALGORITHM))
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Request:
    method: str
    path: bytes
    query: bytes
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Scheme:
    name: str
    prefix: bytes
    sign: Callable[[Request], Headers]
    verify: Callable[[Request], Verified]
    meaning: Callable[[Request], Any]
    body_is_signed: bool = True


def decoded(query: bytes) -> list[tuple[str, str]]:
    """Bytes as latin-1, so that no two of them look the same."""
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")


def trimmed(headers: Headers, prefixes: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
    return [(name, value.strip(b" \t")) for name, value in headers if name.startswith(prefixes)]


def order_by_name(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(pairs, key=lambda pair: pair[0].encode("latin-1"))


# ---------------------------------------------------------------- the schemes


def acs3_sign(r: Request) -> Headers:
    added = ((b"host", b"http://127.0.0.1:1/"), (b"accept", b"*/*"))
    sent = acs3.sign(
        r.method, r.path, r.query, (*added, *r.headers), r.body, KEY, now=NOW, nonce="n"
    )
    return tuple(sent)


def acs3_verify(r: Request) -> Verified:
    digest = sha256(r.body).hexdigest()
    return acs3.verify(r.method, r.path, r.query, r.headers, digest, LOOKUP, at(NOW))


def acs3_meaning(r: Request) -> Any:
    return (
        r.method,
        r.path,
        order_by_name(decoded(r.query)),
        trimmed(r.headers, (b"",)),
        r.body,
    )


def roa_sign(r: Request) -> Headers:
    md5_of_body = (b"content-md5", md5(r.body).hexdigest().encode())
    added = ((b"content-type", b"application/json"), (b"accept", b"*/*"), md5_of_body)
    sent = acs_roa.sign(
        r.method, r.path, r.query, (*added, *r.headers), SHA1_KEY, now=NOW, nonce="n"
    )
    return tuple(sent)


def roa_verify(r: Request) -> Verified:
    verified = acs_roa.verify(r.method, r.path, r.query, r.headers, SHA1_LOOKUP, at(NOW))
    verified.check_body(r.body)
    return verified


def roa_meaning(r: Request) -> Any:
    signed = (b"content-", b"date", b"accept", b"x-acs-", b"authorization")
    return r.method, r.path, sorted(decoded(r.query)), trimmed(r.headers, signed), r.body


def sdk_sign(r: Request) -> Headers:
    added = ((b"host", b"127.0.0.1:1"), (b"content-type", b"application/json"))
    return tuple(
        sdk_hmac.sign(r.method, r.path, r.query, (*added, *r.headers), r.body, KEY, now=NOW)
    )


def sdk_verify(r: Request) -> Verified:
    digest = sha256(r.body).hexdigest()
    return sdk_hmac.verify(r.method, r.path, r.query, r.headers, digest, LOOKUP, at(NOW))


def sdk_meaning(r: Request) -> Any:
    path = unquote_to_bytes(r.path)
    return (
        r.method,
        path if path.endswith(b"/") else path + b"/",
        sorted(decoded(r.query)),
        trimmed(r.headers, (b"",)),
        r.body,
    )


def fc_scheme(name: str, *, with_query: bool, with_md5: bool) -> Scheme:
    def sign(r: Request) -> Headers:
        added = [(b"content-type", b"application/json")]
        if with_md5:
            added.append((b"content-md5", md5(r.body).hexdigest().encode()))
        headers = (*added, *r.headers)
        return tuple(
            fc.sign(r.method, r.path, r.query, headers, KEY, now=NOW, with_query=with_query)
        )

    def verify(r: Request) -> Verified:
        verified = fc.verify(
            r.method, r.path, r.query, r.headers, LOOKUP, at(NOW), with_query=with_query
        )
        verified.check_body(r.body)
        return verified

    def meaning(r: Request) -> Any:
        signed = (b"content-", b"date", b"x-fc-", b"authorization")
        query = fc_lines(r.query) if with_query else None
        path = unquote_to_bytes(r.path)
        return r.method, path, query, trimmed(r.headers, signed), r.body if with_md5 else None

    return Scheme(name, b"x-fc-", sign, verify, meaning, with_md5)


def fc_lines(query: bytes) -> list[bytes]:
    """A name alone is not the name with an empty value."""
    parts = [part.replace(b"+", b" ") for part in query.split(b"&") if part]
    return sorted(unquote_to_bytes(part) for part in parts)


SCHEMES = [
    Scheme("acs3", b"x-acs-", acs3_sign, acs3_verify, acs3_meaning),
    Scheme("acs", b"x-acs-", roa_sign, roa_verify, roa_meaning),
    Scheme("sdk_hmac", b"x-sdk-", sdk_sign, sdk_verify, sdk_meaning),
    fc_scheme("fc", with_query=False, with_md5=False),
    fc_scheme("fc with content-md5", with_query=False, with_md5=True),
    fc_scheme("fc to an HTTP function", with_query=True, with_md5=False),
]
each_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)

# ---------------------------------------------------------------- requests

# No `/` inside a segment and no line feed: what the schemes that decode cannot tell apart.
segments = st.binary(max_size=6).map(lambda raw: raw.replace(b"/", b"").replace(b"\n", b""))
values = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=12
).map(lambda text: text.strip(" ").encode("latin-1"))


@st.composite
def queries(draw):
    """With spaces as `+` and as `%20`, characters that need no `%` with one, names without value."""
    names = st.binary(min_size=1, max_size=5).map(
        lambda raw: raw.replace(b"=", b"").replace(b"\n", b"") or b"n"
    )
    parts = []
    for name in draw(st.lists(names, max_size=4)):
        value = draw(st.none() | st.binary(max_size=6).map(lambda raw: raw.replace(b"\n", b"")))
        safe = draw(st.sampled_from(["", "~", "*:/!"]))
        text = quote_from_bytes(name, safe=safe)
        if value is not None:
            text += "=" + quote_from_bytes(value, safe=safe)
        parts.append(text.replace("%20", "+") if draw(st.booleans()) else text)
    return "&".join(parts).encode()


@st.composite
def requests(draw, scheme: Scheme):
    """A request and its signature, of all the headers that count."""
    path = b"".join(
        b"/" + quote_from_bytes(item, safe=draw(st.sampled_from(["", ":!~"]))).encode()
        for item in draw(st.lists(segments, min_size=1, max_size=4))
    )
    names = draw(st.lists(st.sampled_from([b"new", b"z", b"a-b"]), unique=True))
    # x-sdk- headers that the scheme itself reads are not among these names.
    headers = tuple((scheme.prefix + name, draw(values)) for name in names)
    method = draw(st.sampled_from(["GET", "PUT", "POST", "DELETE"]))
    query = draw(queries())
    if scheme.name == "acs":  # what it cannot sign: it would be two parameters
        query = query.replace(b"%26", b"")
    bare = Request(method, path, query, headers, draw(st.binary(max_size=20)))
    return replace(bare, headers=scheme.sign(bare))


def flipped(data: bytes, bit: int) -> bytes:
    place, shift = divmod(bit, 8)
    return data[:place] + bytes([data[place] ^ (1 << shift)]) + data[place + 1 :]


def one_bit_changed(draw, r: Request) -> Request:
    part = draw(st.sampled_from(["method", "path", "query", "body", *["header"] * 6]))
    if part == "header":
        return replace(r, headers=header_changed(draw, r.headers))
    if part == "method":
        raw = r.method.encode()
        return replace(r, method=flipped(raw, any_bit(draw, raw)).decode("latin-1"))
    raw = getattr(r, part)
    return replace(r, **{part: flipped(raw, any_bit(draw, raw)) if raw else b"\x01"})


def header_changed(draw, headers: Headers) -> Headers:
    index = draw(st.integers(0, len(headers) - 1))
    name, value = headers[index]
    if value and draw(st.integers(0, 5)):
        value = flipped(value, any_bit(draw, value))
    else:
        name = flipped(name, any_bit(draw, name)).lower()  # as a server reads names
    return (*headers[:index], (name, value), *headers[index + 1 :])


def any_bit(draw, raw: bytes) -> int:
    return draw(st.integers(0, len(raw) * 8 - 1))


# ---------------------------------------------------------------- the properties


@each_scheme
@given(st.data())
def test_what_was_signed_is_accepted(scheme, data):
    request = data.draw(requests(scheme))
    verified = scheme.verify(request)
    assert (verified.access_key_id, verified.signed_at) == ("key-1", NOW)
    if scheme.body_is_signed:
        verified.check_body(request.body)


@each_scheme
@given(st.data())
def test_after_one_bit_is_changed_it_is_refused(scheme, data):
    request = data.draw(requests(scheme))
    other = one_bit_changed(data.draw, request)
    if scheme.meaning(other) == scheme.meaning(request):
        scheme.verify(other)
    else:
        with pytest.raises(Refused):
            scheme.verify(other)


@each_scheme
@settings(max_examples=5)  # a thousand bits each
@given(st.data())
def test_every_bit_of_the_authorization_counts(scheme, data):
    request = data.draw(requests(scheme))
    name, value = request.headers[-1]
    assert name == b"authorization"
    for bit in range(len(value) * 8):
        changed = (*request.headers[:-1], (name, flipped(value, bit)))
        with pytest.raises(Refused):
            scheme.verify(replace(request, headers=changed))


@each_scheme
@given(st.data())
def test_a_header_that_counts_cannot_be_added_taken_away_or_doubled(scheme, data):
    request = data.draw(requests(scheme))
    added = (scheme.prefix + b"added", b"1")
    index = data.draw(st.integers(0, len(request.headers) - 1))
    twice = request.headers[index]
    for headers in (
        (*request.headers, added),
        (*request.headers[:index], *request.headers[index + 1 :]),
        (*request.headers, twice),
    ):
        with pytest.raises(Refused):
            scheme.verify(replace(request, headers=headers))


@given(st.data())
def test_a_signed_url_is_accepted_and_refused_after_one_bit_is_changed(data):
    path = b"/2016-08-15/proxy/s/f/%20x"
    before = data.draw(queries())
    query = fc.sign_url("GET", path, before, (), KEY, expires_at=NOW + 1000)
    assert fc.verify_url("GET", path, query, (), LOOKUP, at(NOW)).access_key_id == "key-1"
    other = flipped(query, any_bit(data.draw, query))
    if fc_lines(other) != fc_lines(query):
        with pytest.raises(Refused):
            fc.verify_url("GET", path, other, (), LOOKUP, at(NOW))
