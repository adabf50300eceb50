"""SDK-HMAC-SHA256: the signature of FunctionGraph's clients (reference 1.3).

    Authorization: SDK-HMAC-SHA256 Access=<id>, SignedHeaders=<a;b;c>, Signature=<64 hex>

Signed are the method, the path (decoded and encoded again, with `/` at its end), the query, the
listed headers, the date and the body's SHA-256, which is in no header: a verifier needs the body
first. So that strangers do not make a door read megabytes, `read` judges all that the headers say
(list, date, access key id) and answers a `Claim`, and `Claim.prove` is told the body's hash.

What the vendor's rule requires of a list, is required: `x-sdk-date`, and every other `x-sdk-` header
and security token that is there. What it leaves open is taken unsigned, as at the vendor: the client
for Go signs neither `host` nor `content-type`, that for PHP no `host`, others not the content type of a
form. Such a header can be changed on the way; a listed one cannot.

`X-Sdk-Content-Sha256`, where it is sent, is the text that is signed instead of the body's hash. The
client for PHP writes `UNSIGNED-PAYLOAD` there for JSON, the others for all that is neither JSON nor
BSON: such a body can be changed on the way. Where the body is empty, some sign that word and some the
hash of nothing: both are taken. Any other text must be the body's hash. A body whose hash was signed is
never taken for another: the header is signed, and where it is not sent nobody can add it.

Refused, because two requests with different meanings would have one signature: `%2F` in the path.
Values of one name of the query are signed sorted, so their order is not. There is no nonce in this
scheme: see window.py. The other algorithms (SM3, ECDSA, V11) are refused.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from .canonical import (
    authorization,
    check_lines,
    credential,
    encoded,
    header_lines,
    signed_headers,
    single,
    sorted_query,
)
from .interface import (
    EMPTY_SHA256,
    Headers,
    Key,
    Lookup,
    Refused,
    Verified,
    check_signature,
    key_of,
)
from .kept import kept
from .window import Window, read_basic, write_basic

SCHEME = b"SDK-HMAC-SHA256"
UNSIGNED = b"UNSIGNED-PAYLOAD"
CONTENT = b"x-sdk-content-sha256"
SECURITY_TOKEN = b"x-security-token"
REQUIRED = frozenset((b"x-sdk-date",))
MUST_SIGN = (b"x-sdk-", SECURITY_TOKEN)
"""How names begin of headers that are listed where they are there."""
# What the transport writes, or changes: a signer leaves it out.
TRANSPORT = frozenset(
    (
        *(b"authorization", b"accept", b"accept-encoding", b"connection", b"content-length"),
        *(b"expect", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    )
)
KEPT_PATH_BYTES_MAX = 1024  # encoded, it takes up to three times that
_SHA256 = re.compile(rb"[0-9a-f]{64}")


class Claim(NamedTuple):
    """A request that says who signed it, in time; its signature is not judged yet."""

    key: Key
    signed_at: int
    head: bytes
    """The canonical request up to the body's hash."""
    date: bytes
    content: bytes
    """Of `X-Sdk-Content-Sha256`; empty: not sent."""
    token: bytes
    signature: bytes

    def prove(self, digest: str) -> Verified:
        """digest: SHA-256 of the body, hex. Raises Refused."""
        payload = _payload(digest, self.content)
        right = _signature(self.key, self.date, self.head + payload)
        if digest == EMPTY_SHA256 and self.content == UNSIGNED:
            # Nothing is given away: who may send any body with that signature may send none.
            other = _signature(self.key, self.date, self.head + UNSIGNED)
            right = other if hmac.compare_digest(other, self.signature) else right
        check_signature(right, self.signature)
        self.key.check_token(self.token)
        body = None if payload == UNSIGNED else digest
        return Verified(self.key.access_key_id, self.signed_at, body)


def read(
    method: str, path: bytes, query: bytes, headers: Headers, lookup: Lookup, window: Window
) -> Claim:
    """All that can be judged without the body. Raises Refused. path, query: as on the wire."""
    found, doubled = single(headers)
    text = authorization(found, doubled, SCHEME)
    access_key_id, listed, signature = credential(text, b"Access=")
    signed = signed_headers(listed, found, doubled, REQUIRED, MUST_SIGN)
    lines = signed.lines(found)
    date = found[b"x-sdk-date"]
    signed_at = read_basic(date)
    if signed_at is None:
        raise Refused("date", "x-sdk-date: it must be like 20260102T030405Z")
    window.check(signed_at)
    content = _content(found)
    key = key_of(lookup, access_key_id)
    head = check_lines(_head(method, path, query, lines, listed), 5 + len(signed.names))
    token = found.get(SECURITY_TOKEN, b"")
    return Claim(key, signed_at, head, date, content, token, signature)


def verify(
    method: str,
    path: bytes,
    query: bytes,
    headers: Headers,
    digest: str,
    lookup: Lookup,
    window: Window,
) -> Verified:
    """Who signed the request; digest: SHA-256 of its body, hex. Raises Refused."""
    return read(method, path, query, headers, lookup, window).prove(digest)


def sign(
    method: str,
    path: bytes,
    query: bytes,
    headers: Headers,
    body: bytes,
    key: Key,
    *,
    now: int,
) -> list[tuple[bytes, bytes]]:
    """The headers to send: those given, a date if there is none (now: ms), `authorization` last.

    headers: at least `host`. The body is always signed, unless the caller sends
    `x-sdk-content-sha256: UNSIGNED-PAYLOAD`.
    """
    sent = list(headers)
    if not any(name == b"x-sdk-date" for name, _ in sent):
        sent.append((b"x-sdk-date", write_basic(now)))
    if key.security_token:
        sent.append((SECURITY_TOKEN, key.security_token))
    found = dict(sent)
    names = sorted(name for name in found if name not in TRANSPORT)
    listed = b";".join(names)
    head = _head(method, path, query, header_lines(names, found), listed)
    payload = _payload(sha256(body).hexdigest(), _content(found))
    value = b"%s Access=%s, SignedHeaders=%s, Signature=%s" % (
        *(SCHEME, key.access_key_id.encode(), listed),
        _signature(key, found[b"x-sdk-date"], head + payload),
    )
    return [*sent, (b"authorization", value)]


def _head(method: str, path: bytes, query: bytes, lines: bytes, listed: bytes) -> bytes:
    return b"%s\n%s\n%s\n%s\n%s\n" % (
        *(method.encode(), _path(path), sorted_query(query, by_value=True), lines, listed),
    )


# Decoding and encoding the URN of a busy function costs more than the hashes.
@kept(bytes_max=KEPT_PATH_BYTES_MAX)
def _path(path: bytes) -> bytes:
    decoded = unquote_to_bytes(path)
    if decoded.count(b"/") != path.count(b"/"):
        raise Refused("malformed", "the path: %2F cannot be told from / in this signature")
    again = b"/".join([encoded(segment) for segment in decoded.split(b"/")])
    return again if again.endswith(b"/") else again + b"/"


def _content(found: dict[bytes, bytes]) -> bytes:
    content = found.get(CONTENT, b"")
    if content not in (b"", UNSIGNED) and _SHA256.fullmatch(content) is None:
        raise Refused("body", "x-sdk-content-sha256: it must be 64 hex digits or UNSIGNED-PAYLOAD")
    return content


def _payload(digest: str, content: bytes) -> bytes:
    """What is signed for the body."""
    if digest == EMPTY_SHA256:
        # The client signs the hash of nothing, whatever its header says; a hash of something there
        # is not this body's.
        if content not in (b"", UNSIGNED, EMPTY_SHA256.encode()):
            raise Refused("body", "x-sdk-content-sha256: the body is empty, this is no hash of it")
        return EMPTY_SHA256.encode()
    if content == UNSIGNED or not content:
        return content or digest.encode()
    if content != digest.encode():
        raise Refused("body", f"x-sdk-content-sha256: the body's is {digest}")
    return content


def _signature(key: Key, date: bytes, canonical: bytes) -> bytes:
    digest = sha256(canonical).hexdigest().encode()
    return key.mac(b"%s\n%s\n%s" % (SCHEME, date, digest)).hex().encode()
