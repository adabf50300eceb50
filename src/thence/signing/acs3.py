"""ACS3-HMAC-SHA256: the signature of Function Compute's OpenAPI clients (reference 1.2, 1.4, 1.6).

    Authorization: ACS3-HMAC-SHA256 Credential=<id>,SignedHeaders=<a;b;c>,Signature=<64 hex>

Signed are the method, the path as on the wire, the query, the listed headers and the body's SHA-256.
What the vendor's rule requires of a list, is required: `host`, `x-acs-date`, `x-acs-signature-nonce`,
`x-acs-content-sha256` and every `x-acs-` header that is there. What it leaves open is taken unsigned,
as at the vendor: the clients of most languages sign nothing else, so that `x-fc-…` and `if-match` come
unsigned from them, and HTTP libraries add a `content-type` after the signing (aiohttp, also to a GET).
Such a header can be changed on the way; a listed one cannot.

Stricter than the rules for signers, so that one signature means one request:

- A listed header comes once.
- Names of the query are encoded like its values (the Python client leaves them as they are, which
  for every name of the API is the same text), and values of one name keep their order.
- A security token is taken only where the key has one, and then it is required. Bearer and identity
  tokens, and the algorithms SM3 and RSA, are refused.
"""

from __future__ import annotations

import re
from hashlib import sha256

from .canonical import (
    authorization,
    check_lines,
    credential,
    header_lines,
    signed_headers,
    single,
    sorted_query,
)
from .interface import Headers, Key, Lookup, Refused, Verified, check_signature, key_of
from .window import NONCE_BYTES_MAX, Window, read_iso, write_iso

SCHEME = b"ACS3-HMAC-SHA256"
REQUIRED = frozenset((b"host", b"x-acs-date", b"x-acs-signature-nonce", b"x-acs-content-sha256"))
MUST_SIGN = (b"x-acs-",)
"""How names begin of headers that are listed where they are there."""
# What the transport writes, or changes: a signer leaves it out.
TRANSPORT = frozenset(
    (
        *(b"authorization", b"accept-encoding", b"connection", b"content-length", b"expect"),
        *(b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    )
)

_SHA256 = re.compile(rb"[0-9a-f]{64}")


def verify(
    method: str,
    path: bytes,
    query: bytes,
    headers: Headers,
    digest: str | None,
    lookup: Lookup,
    window: Window,
) -> Verified:
    """Who signed the request. Raises Refused.

    path, query: as on the wire, the query without `?`. digest: SHA-256 of the body as hex; None: the
    body is not read yet, and the caller calls `check_body` of the answer when it is.
    """
    found, doubled = single(headers)
    no_bearer(found)
    text = authorization(found, doubled, SCHEME)
    access_key_id, listed, signature = credential(text, b"Credential=")
    signed = signed_headers(listed, found, doubled, REQUIRED, MUST_SIGN)
    lines = signed.lines(found)
    signed_at = read_iso(found[b"x-acs-date"])
    if signed_at is None:
        raise Refused("date", "x-acs-date: it must be like 2026-01-02T03:04:05Z")
    window.check(signed_at)
    nonce = found[b"x-acs-signature-nonce"]
    if not 0 < len(nonce) <= NONCE_BYTES_MAX:
        raise Refused("header", f"x-acs-signature-nonce: 1 to {NONCE_BYTES_MAX} bytes are taken")
    body = _body(found[b"x-acs-content-sha256"], digest)
    key = key_of(lookup, access_key_id)
    canonical = b"%s\n%s\n%s\n%s\n%s\n%s" % (
        *(method.encode(), path, sorted_query(query), lines, listed),
        found[b"x-acs-content-sha256"],
    )
    check_lines(canonical, 5 + len(signed.names))
    check_signature(_signature(key, canonical), signature)
    check_token(found, key)
    window.take(access_key_id, nonce, signed_at)
    return Verified(key.access_key_id, signed_at, body, once=True)


def sign(
    method: str,
    path: bytes,
    query: bytes,
    headers: Headers,
    body: bytes,
    key: Key,
    *,
    now: int,
    nonce: str,
) -> list[tuple[bytes, bytes]]:
    """The headers to send: those given, then what the scheme adds, `authorization` last.

    headers: at least `host`. now: ms; nonce: new for each request. What is already there (a date, a
    nonce, the body's hash) is kept. Every header that the transport leaves alone is signed.
    """
    sent = list(headers)
    present = {name for name, _ in sent}
    added = {
        b"x-acs-date": write_iso(now),
        b"x-acs-signature-nonce": nonce.encode(),
        b"x-acs-content-sha256": sha256(body).hexdigest().encode(),
    }
    if key.security_token:
        added[b"x-acs-accesskey-id"] = key.access_key_id.encode()
        added[b"x-acs-security-token"] = key.security_token
    sent += [(name, value) for name, value in added.items() if name not in present]
    found = dict(sent)
    names = sorted(name for name in found if name not in TRANSPORT)
    listed = b";".join(names)
    canonical = b"%s\n%s\n%s\n%s\n%s\n%s" % (
        *(method.encode(), path, sorted_query(query), header_lines(names, found), listed),
        found[b"x-acs-content-sha256"],
    )
    value = b"%s Credential=%s,SignedHeaders=%s,Signature=%s" % (
        *(SCHEME, key.access_key_id.encode(), listed),
        _signature(key, canonical),
    )
    return [*sent, (b"authorization", value)]


def _signature(key: Key, canonical: bytes) -> bytes:
    digest = sha256(canonical).hexdigest().encode()
    return key.mac(b"%s\n%s" % (SCHEME, digest)).hex().encode()


def no_bearer(found: dict[bytes, bytes]) -> None:
    """Tokens of other kinds of identity, which are sent instead of a signature or beside one."""
    for name in (b"x-acs-bearer-token", b"x-acs-zero-trust-idtoken"):
        if found.get(name):
            raise Refused("algorithm", f"{name.decode()}: it is not taken; sign with an access key")
    if found.get(b"x-acs-signature-type", b"").upper() == b"BEARERTOKEN":
        raise Refused("algorithm", "x-acs-signature-type: BEARERTOKEN is not taken; sign")


def _body(claimed: bytes, digest: str | None) -> str:
    if _SHA256.fullmatch(claimed) is None:
        raise Refused("body", "x-acs-content-sha256: it must be 64 hex digits in lower case")
    text = claimed.decode()
    if digest is not None and digest != text:
        raise Refused("body", f"x-acs-content-sha256: it is {text}, the body's is {digest}")
    return text


def check_token(found: dict[bytes, bytes], key: Key) -> None:
    """The security token is the key's, and so is the id that goes with it. Raises Refused."""
    key.check_token(found.get(b"x-acs-security-token", b""))
    named = found.get(b"x-acs-accesskey-id")
    if named and named != key.access_key_id.encode():
        raise Refused("token", "x-acs-accesskey-id: it is not the id that signed the request")
