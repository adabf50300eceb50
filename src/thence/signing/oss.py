"""`OSS ak:signature`: version 1 of the object storage's signature, with which the vendor's clients
upload code (`oss2`, `ali-oss`).

    Authorization: OSS <id>:<base64 of HMAC-SHA1>

Signed are the method, `content-md5`, `content-type`, the date, every `x-oss-` header and the resource
`/BUCKET/OBJECT`, decoded. The date is `x-oss-date` where it is sent, else `date`. The host is not
signed, and the body only by a `content-md5`, which is the caller's to compare: bodies are large, and
whoever stores them computes it on the way.

Only requests without a query are taken: of a query the scheme signs some names and leaves others
out, and nothing that is done here needs one. Signed URLs and versions 2 and 4 are refused. There is
no nonce in this scheme: see window.py.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from .canonical import authorization, check_lines, header_lines, prefixed, single
from .interface import Headers, Key, Lookup, Refused, Verified, check_signature, key_of
from .window import Window, read_http, write_http

SCHEME = b"OSS"
ALGORITHM = "sha1"
"""Of the keys that sign and verify here, see interface.Key."""
DATE = b"x-oss-date"
SECURITY_TOKEN = b"x-oss-security-token"
_ONCE = (b"content-md5", b"content-type", b"date")
_CREDENTIAL = re.compile(rb"([!-9;-~]{1,128}):([A-Za-z0-9+/]{27}=)")


def verify(
    method: str,
    bucket: bytes,
    object: bytes,
    query: bytes,
    headers: Headers,
    lookup: Lookup,
    window: Window,
) -> Verified:
    """Who signed the request. Raises Refused.

    bucket: wherever the request names it, in the path or the host. object: the rest of the path as
    on the wire, without the slash before it. The caller compares `body_md5` of the answer with the
    body.
    """
    found, doubled = single(headers)
    parts = _CREDENTIAL.fullmatch(authorization(found, doubled, SCHEME))
    if parts is None:
        raise Refused("malformed", "authorization: it must be OSS ID:SIGNATURE, in base64")
    access_key_id, signature = parts.groups()
    names = prefixed(found, doubled, b"x-oss-", _ONCE)
    if query:
        raise Refused("malformed", "the query: there must be none; send the object as a whole")
    date = _date(found)
    signed_at = read_http(date)
    if signed_at is None:
        raise Refused("date", "date or x-oss-date: it must be like Fri, 02 Jan 2026 03:04:05 GMT")
    window.check(signed_at)
    key = key_of(lookup, access_key_id)
    text = _text(method, found, date, names, _resource(bucket, object))
    check_signature(_signature(key, text), signature)
    key.check_token(found.get(SECURITY_TOKEN, b""))
    return Verified(key.access_key_id, signed_at, body_md5=_md5(found))


def sign(
    method: str, bucket: bytes, object: bytes, headers: Headers, key: Key, *, now: int
) -> list[tuple[bytes, bytes]]:
    """The headers to send: those given, a date if there is none (now: ms), `authorization` last.
    object: as in the path."""
    sent = list(headers)
    if not any(name in (b"date", DATE) for name, _ in sent):
        sent.append((b"date", write_http(now)))
    if key.security_token:
        sent.append((SECURITY_TOKEN, key.security_token))
    found, doubled = single(sent)
    names = prefixed(found, doubled, b"x-oss-", _ONCE)
    text = _text(method, found, _date(found), names, _resource(bucket, object))
    value = b"%s %s:%s" % (SCHEME, key.access_key_id.encode(), _signature(key, text))
    return [*sent, (b"authorization", value)]


def _date(found: dict[bytes, bytes]) -> bytes:
    return found.get(DATE) or found.get(b"date", b"")


def _resource(bucket: bytes, object: bytes) -> bytes:
    # A slash may come as %2F: the object is the same, because its name is the whole decoded text.
    return check_lines(b"/%s/%s" % (bucket, unquote_to_bytes(object)), 0)


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


def _md5(found: dict[bytes, bytes]) -> bytes | None:
    """The 16 bytes of a `content-md5`."""
    text = found.get(b"content-md5")
    if not text:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        digest = b""
    if len(digest) != 16:
        raise Refused("body", "content-md5: it must be the body's MD5 as base64")
    return digest
