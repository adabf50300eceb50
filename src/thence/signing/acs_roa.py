"""`acs ak:signature`: what the first OpenAPI clients of FC 2.0 sign with (alibabacloud_fc_open20210406 1.0.0),
and the vendor's general clients (`@alicloud/pop-core`, `aliyun-python-sdk-core`): the form before ACS3.

    Authorization: acs <id>:<base64 of HMAC-SHA1>

Signed are the method, `accept`, `content-md5`, `content-type`, `date`, every `x-acs-` header, the path as
on the wire and the query, decoded and sorted. The host is not signed, other headers are not (`x-fc-…`),
and the body only where the client gives `content-md5`. Most clients send a nonce, which is then signed
and taken once, as with ACS3; `aliyun-python-sdk-core` sends none, and without one the date is all the
protection, as with `FC` (see window.py).

A `content-type` may have come after the signing, as aiohttp adds it: then the one that was signed is
empty, and both are taken.

Because the query is signed decoded, two queries could have one signature: names and values that hold
one of `&`, `=` or a line feed (but for `=` in a value) are refused.
"""

from __future__ import annotations

import base64
import hmac
import re

from .acs3 import check_token, no_bearer
from .canonical import authorization, check_lines, header_lines, pairs, prefixed, single
from .fc import body_md5
from .interface import Headers, Key, Lookup, Refused, Verified, check_signature, key_of
from .window import NONCE_BYTES_MAX, Window, read_http, write_http

SCHEME = b"acs"
ALGORITHM = "sha1"
"""Of the keys that sign and verify here, see interface.Key."""
METHOD, VERSION = b"x-acs-signature-method", b"x-acs-signature-version"
NONCE = b"x-acs-signature-nonce"
_ONCE = (b"accept", b"content-md5", b"content-type", b"date")
_CREDENTIAL = re.compile(rb"([!-9;-~]{1,128}):([A-Za-z0-9+/]{27}=)")


def verify(
    method: str, path: bytes, query: bytes, headers: Headers, lookup: Lookup, window: Window
) -> Verified:
    """Who signed the request. Raises Refused. path, query: as on the wire. The caller calls
    `check_body` of the answer when the body is there."""
    found, doubled = single(headers)
    no_bearer(found)
    parts = _CREDENTIAL.fullmatch(authorization(found, doubled, SCHEME))
    if parts is None:
        raise Refused("malformed", "authorization: it must be acs ID:SIGNATURE, in base64")
    access_key_id, signature = parts.groups()
    names = prefixed(found, doubled, b"x-acs-", _ONCE)
    _check_method(found)
    signed_at = read_http(found.get(b"date", b""))
    if signed_at is None:
        raise Refused("date", "date: it must be like Fri, 02 Jan 2026 03:04:05 GMT")
    window.check(signed_at)
    nonce = found.get(NONCE)
    if nonce is not None and not 0 < len(nonce) <= NONCE_BYTES_MAX:
        raise Refused("header", f"{NONCE.decode()}: 1 to {NONCE_BYTES_MAX} bytes are taken")
    key = key_of(lookup, access_key_id)
    right = _signature(key, method, found, names, path, query)
    if found.get(b"content-type"):
        added = _signature(key, method, {**found, b"content-type": b""}, names, path, query)
        right = added if hmac.compare_digest(added, signature) else right
    check_signature(right, signature)
    check_token(found, key)
    if nonce is not None:
        window.take(access_key_id, nonce, signed_at)
    once = nonce is not None
    return Verified(key.access_key_id, signed_at, body_md5=body_md5(found), once=once)


def sign(
    method: str, path: bytes, query: bytes, headers: Headers, key: Key, *, now: int, nonce: str
) -> list[tuple[bytes, bytes]]:
    """The headers to send: those given, then what the scheme adds, `authorization` last. now: ms;
    nonce: new for each request."""
    sent = list(headers)
    present = {name for name, _ in sent}
    added = {
        b"date": write_http(now),
        NONCE: nonce.encode(),
        METHOD: b"HMAC-SHA1",
        VERSION: b"1.0",
    }
    if key.security_token:
        added[b"x-acs-accesskey-id"] = key.access_key_id.encode()
        added[b"x-acs-security-token"] = key.security_token
    sent += [(name, value) for name, value in added.items() if name not in present]
    found, doubled = single(sent)
    names = prefixed(found, doubled, b"x-acs-", _ONCE)
    signature = _signature(key, method, found, names, path, query)
    return [*sent, (b"authorization", b"acs %s:%s" % (key.access_key_id.encode(), signature))]


def _check_method(found: dict[bytes, bytes]) -> None:
    for name, only in ((METHOD, b"HMAC-SHA1"), (VERSION, b"1.0")):
        if found.get(name, only) != only:
            raise Refused("algorithm", f"{name.decode()}: only {only.decode()} is taken with acs")


def _signature(
    key: Key,
    method: str,
    found: dict[bytes, bytes],
    names: list[bytes],
    path: bytes,
    query: bytes,
) -> bytes:
    head = b"%s\n%s\n%s\n%s\n%s\n%s" % (
        method.encode(),
        *(found.get(name, b"") for name in _ONCE),
        header_lines(names, found),
    )
    text = check_lines(head, 5 + len(names)) + _resource(path, query)
    return base64.b64encode(key.mac(text))


def _resource(path: bytes, query: bytes) -> bytes:
    if not path.startswith(b"/"):  # or it could be read as a header
        raise Refused("malformed", "the path: it must begin with /")
    parts = []
    for name, value in sorted((name, value or b"") for name, value in pairs(query)):
        if b"=" in name or any(mark in text for mark in b"&\n" for text in (name, value)):
            raise Refused("malformed", "the query: names and values with & cannot be signed so")
        parts.append(b"%s=%s" % (name, value) if value else name)
    return check_lines(b"%s?%s" % (path, b"&".join(parts)) if parts else path, 0)
