"""`FC ak:signature` and signed URLs: Function Compute's older clients (reference 1.5).

    Authorization: FC <id>:<base64 of HMAC-SHA256>

Signed are the method, `content-md5`, `content-type`, `date`, every `x-fc-` header and the resource,
which is the decoded path. For calls to HTTP functions (`/2016-08-15/proxy/…`, `with_query`) the
resource goes on with the decoded query; for all other calls the scheme leaves the query out, and the
host always. The body is signed only where the client gives `content-md5`; then it is checked, as
base64 (RFC 1864), as hex, which the vendor's Go client writes, or as base64 of the hex text, which
its Node.js client writes.

A signed URL holds `x-fc-expires` (seconds since the epoch, which take the place of the date),
`x-fc-access-key-id`, `x-fc-signature` and, of a temporary key, `x-fc-security-token`.

Because path and query are signed decoded, two requests could have one signature. So refused are:
`%2F` in the path of a call whose query is not signed, line feeds anywhere, and, where the query is
signed, a name with `=` in it. There is no nonce in this scheme: see window.py.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from .canonical import authorization, check_lines, encoded, header_lines, pairs, prefixed, single
from .interface import Headers, Key, Lookup, Refused, Verified, check_signature, key_of
from .window import Window, read_http, write_http

SCHEME = b"FC"
EXPIRES = b"x-fc-expires"
ACCESS_KEY_ID = b"x-fc-access-key-id"
SIGNATURE = b"x-fc-signature"
SECURITY_TOKEN = b"x-fc-security-token"
_ONCE = (b"content-md5", b"content-type", b"date")
_CREDENTIAL = re.compile(rb"([!-9;-~]{1,128}):([A-Za-z0-9+/]{43}=)")
_EXPIRES = re.compile(rb"\d{1,12}")
HEX_BYTES = 32  # of an MD5

Pairs = Iterable[tuple[bytes, bytes | None]]


def verify(
    method: str,
    path: bytes,
    query: bytes,
    headers: Headers,
    lookup: Lookup,
    window: Window,
    *,
    with_query: bool = False,
) -> Verified:
    """Who signed the request by its `authorization` header. Raises Refused.

    path, query: as on the wire. with_query: the call is one to an HTTP function. The caller calls
    `check_body` of the answer when the body is there.
    """
    found, doubled = single(headers)
    parts = _CREDENTIAL.fullmatch(authorization(found, doubled, SCHEME))
    if parts is None:
        raise Refused("malformed", "authorization: it must be FC ID:SIGNATURE, in base64")
    access_key_id, signature = parts.groups()
    names = prefixed(found, doubled, b"x-fc-", _ONCE)
    signed_at = read_http(found.get(b"date", b""))
    if signed_at is None:
        raise Refused("date", "date: it must be like Fri, 02 Jan 2026 03:04:05 GMT")
    window.check(signed_at)
    key = key_of(lookup, access_key_id)
    resource = _resource(path, pairs(query) if with_query else None)
    text = _text(method, found, found[b"date"], names, resource)
    check_signature(_signature(key, text), signature)
    key.check_token(found.get(SECURITY_TOKEN, b""))
    return Verified(key.access_key_id, signed_at, body_md5=body_md5(found))


def sign(
    method: str,
    path: bytes,
    query: bytes,
    headers: Headers,
    key: Key,
    *,
    now: int,
    with_query: bool = False,
) -> list[tuple[bytes, bytes]]:
    """The headers to send: those given, a date if there is none (now: ms), `authorization` last."""
    sent = list(headers)
    if not any(name == b"date" for name, _ in sent):
        sent.append((b"date", write_http(now)))
    if key.security_token:
        sent.append((SECURITY_TOKEN, key.security_token))
    found, doubled = single(sent)
    names = prefixed(found, doubled, b"x-fc-", _ONCE)
    resource = _resource(path, pairs(query) if with_query else None)
    signature = _signature(key, _text(method, found, found[b"date"], names, resource))
    value = b"%s %s:%s" % (SCHEME, key.access_key_id.encode(), signature)
    return [*sent, (b"authorization", value)]


def verify_url(
    method: str, path: bytes, query: bytes, headers: Headers, lookup: Lookup, window: Window
) -> Verified:
    """Who signed the URL of the request. Raises Refused. It counts until it expires, for as many
    requests as are made with it: that is what a signed URL is for."""
    found, doubled = single(headers)
    names = prefixed(found, doubled, b"x-fc-", _ONCE)
    given = pairs(query)
    marks = _marks(given)
    if _EXPIRES.fullmatch(marks[EXPIRES]) is None:
        raise Refused("date", f"{EXPIRES.decode()}: it must be in seconds since the epoch")
    expires_at = int(marks[EXPIRES]) * 1000
    window.check_expiry(expires_at)
    key = key_of(lookup, marks[ACCESS_KEY_ID])
    resource = _resource(path, [pair for pair in given if pair[0] != SIGNATURE])
    text = _text(method, found, marks[EXPIRES], names, resource)
    check_signature(_signature(key, text), marks[SIGNATURE])
    key.check_token(marks.get(SECURITY_TOKEN, b""))
    return Verified(key.access_key_id, expires_at, body_md5=body_md5(found))


def sign_url(
    method: str, path: bytes, query: bytes, headers: Headers, key: Key, *, expires_at: int
) -> bytes:
    """The query that makes the URL a signed one. expires_at: ms, counted in whole seconds. headers:
    those that will be sent and are signed (`content-md5`, `content-type`, `x-fc-…`)."""
    found, doubled = single(headers)
    names = prefixed(found, doubled, b"x-fc-", _ONCE)
    expires = b"%d" % (expires_at // 1000)
    added = [(EXPIRES, expires), (ACCESS_KEY_ID, key.access_key_id.encode())]
    if key.security_token:
        added.append((SECURITY_TOKEN, key.security_token))
    resource = _resource(path, [*pairs(query), *added])
    signature = _signature(key, _text(method, found, expires, names, resource))
    ends = [b"%s=%s" % (name, encoded(value)) for name, value in [*added, (SIGNATURE, signature)]]
    return b"&".join([query, *ends] if query else ends)


def is_signed_url(query: bytes) -> bool:
    """Whether the query claims to be of a signed URL."""
    return SIGNATURE in query


def _resource(path: bytes, query: Pairs | None) -> bytes:
    """The decoded path; with a query also a line feed and its sorted pairs, one a line."""
    decoded = unquote_to_bytes(path)
    if not decoded.startswith(b"/"):  # or it could be read as a header
        raise Refused("malformed", "the path: it must begin with /")
    if query is None:
        if decoded.count(b"/") != path.count(b"/"):
            raise Refused("malformed", "the path: %2F cannot be told from / in this signature")
        return check_lines(decoded, 0)
    lines: list[bytes] = []
    for name, value in query:
        if b"=" in name:
            raise Refused("malformed", "the query: a name with = in it cannot be signed")
        lines.append(name if value is None else b"%s=%s" % (name, value))
    lines.sort()
    return check_lines(b"%s\n%s" % (decoded, b"\n".join(lines)), max(1, len(lines)))


def _text(
    method: str, found: dict[bytes, bytes], date: bytes, names: list[bytes], resource: bytes
) -> bytes:
    head = b"%s\n%s\n%s\n%s\n%s" % (
        *(method.encode(), found.get(b"content-md5", b""), found.get(b"content-type", b"")),
        *(date, header_lines(names, found)),
    )
    return check_lines(head, 4 + len(names)) + resource


def _signature(key: Key, text: bytes) -> bytes:
    return base64.b64encode(key.mac(text))


def _marks(given: Pairs) -> dict[bytes, bytes]:
    """What makes the URL a signed one. Raises Refused: "missing", "malformed"."""
    marks: dict[bytes, bytes] = {}
    for name, value in given:
        if name in (EXPIRES, ACCESS_KEY_ID, SIGNATURE, SECURITY_TOKEN):
            if name in marks:
                raise Refused("malformed", f"{name.decode()}: it is in the query more than once")
            marks[name] = value or b""
    for name in (SIGNATURE, ACCESS_KEY_ID, EXPIRES):
        if not marks.get(name):
            raise Refused("missing", f"{name.decode()}: the signed URL has none")
    return marks


def body_md5(found: dict[bytes, bytes]) -> bytes | None:
    """The 16 bytes of a `content-md5`. It is signed, so it has to be one that can be checked."""
    text = found.get(b"content-md5")
    if not text:
        return None
    # The length tells the three forms apart: 24, 32 and 44 characters.
    digest = text if len(text) == HEX_BYTES else _from_base64(text)
    if len(digest) == HEX_BYTES:
        digest = _from_hex(digest)
    if len(digest) != 16:
        raise Refused(
            "body",
            f"content-md5: {text.decode('latin-1')[:64]!r} is no MD5; send that of the body in "
            "base64, in hex, or leave the header out",
        )
    return digest


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _from_hex(text: bytes) -> bytes:
    try:
        return binascii.unhexlify(text)
    except (ValueError, binascii.Error):
        return b""
