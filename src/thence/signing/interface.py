"""What the schemes share: a key, what a verification answers, what it raises."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from ..errors import InvalidInput, Unauthorized

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, values without the spaces around them; in the order of the wire."""

Kind = Literal[
    "missing",  # the request bears no signature of this scheme
    "algorithm",  # it bears another one, or a bearer token
    "malformed",  # the signature's own text, a path or a query that cannot be read in one way
    "access_key",  # nobody has that access key id
    "header",  # a header that has to be there, signed, or there only once
    "date",  # outside the window, or not a date
    "body",  # not the body that was signed
    "signature",  # not what this key gives for this request
    "token",  # a security token that the key does not have, or lacks
    "replay",  # the nonce was used before
]

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Refused(Unauthorized):
    """A request that is not proven to come from the owner of a key. `kind` says why."""

    def __init__(self, kind: Kind, detail: str, **fields: object) -> None:
        super().__init__(detail, kind=kind, **fields)
        self.kind: Kind = kind


class Key:
    """An access key: its id, its secret and, for a temporary key, its security token. algorithm: of
    `mac`, as hashlib names it.

    The secret is taken into the two states of HMAC once, which is half of its cost.
    """

    __slots__ = ("_state", "_token", "access_key_id")

    def __init__(
        self,
        access_key_id: str,
        secret: str,
        security_token: str = "",
        *,
        algorithm: str = "sha256",
    ) -> None:
        if not access_key_id or not secret:
            field = "secret" if access_key_id else "access_key_id"
            # With an empty secret anybody could sign.
            raise InvalidInput(f"{field}: it is empty; a key needs an id and a secret", field=field)
        self.access_key_id = access_key_id
        self._state = hmac.new(secret.encode(), digestmod=algorithm)
        self._token = security_token.encode()

    def mac(self, text: bytes) -> bytes:
        """HMAC of the text; with SHA-256 32 bytes."""
        state = self._state.copy()
        state.update(text)
        return state.digest()

    @property
    def security_token(self) -> bytes:
        """Empty: a lasting key."""
        return self._token

    def check_token(self, given: bytes) -> None:
        """A lasting key goes with no token or an empty one, a temporary key with its own."""
        if not hmac.compare_digest(given, self._token):
            asked = "the token of this temporary key" if self._token else "none: this key lasts"
            raise Refused("token", f"security token: it must be {asked}")

    def __repr__(self) -> str:
        return f"Key({self.access_key_id!r})"


Lookup = Callable[[str], Key | None]
"""The key of an access key id, or None where there is none."""


class Verified(NamedTuple):
    """Who signed, and what was promised of the body."""

    access_key_id: str
    signed_at: int
    """ms since the epoch, by the signer's clock. Of a signed URL: when it expires."""
    body_sha256: str | None = None
    """Hex. None: the scheme does not sign the body of this request."""
    body_md5: bytes | None = None
    """16 bytes of a signed `content-md5`."""
    once: bool = False
    """A nonce was taken. False: whoever has seen the request can send its head again, with any body."""

    def check_body(self, body: bytes) -> None:
        """The body is the one that was signed. Raises Refused ("body")."""
        if self.body_sha256 is not None:
            found = hashlib.sha256(body).hexdigest()
            if not hmac.compare_digest(found, self.body_sha256):
                raise Refused("body", f"body: its SHA-256 is {found}, signed is {self.body_sha256}")
        if self.body_md5 is not None:
            digest = hashlib.md5(body, usedforsecurity=False).digest()
            if not hmac.compare_digest(digest, self.body_md5):
                raise Refused(
                    "body",
                    f"content-md5: it says {self.body_md5.hex()}, the MD5 of the body that came is "
                    f"{digest.hex()}; something changed the body, or the client hashed another one",
                )


def key_of(lookup: Lookup, access_key_id: bytes) -> Key:
    """Raises Refused ("access_key")."""
    text = access_key_id.decode("latin-1")
    key = lookup(text)
    if key is None:
        raise Refused("access_key", f"access key id: nobody has {text[:64]!r}", access_key_id=text)
    return key


def check_signature(right: bytes, given: bytes) -> None:
    """Both as the text of the request, so that no second spelling is taken. In constant time."""
    if not hmac.compare_digest(right, given):
        raise Refused(
            "signature",
            "signature: this is not what the key gives for this request. Check the secret, and that "
            "nothing on the way changes the path, the query, the host or another signed header.",
        )
