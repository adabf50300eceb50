"""Who asks: the signatures of the three generations, within a window of time, each nonce once.

Any of the schemes is taken at any generation; the header says which it is. Each refusal is the
documented code and status (reference 3.4), and for what the reference has no word, AccessDenied.
"""

from __future__ import annotations

from pathlib import Path

from ...clock import Clock
from ...config import Settings
from ...signing import acs3, acs_roa, fc
from ...signing.hashed_before import hashed_before
from ...signing.interface import Headers, Key, Refused, Verified
from ...signing.kept_nonces import KeptNonces
from ...signing.window import Window
from .errors import FcError, missing_header

NOT_MATCHING = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "access key and signing method"
)
PROXY = b"/2016-08-15/proxy/"


class Authenticator:
    """Checks against the service's root credentials; without any (loopback only) all may ask."""

    def __init__(self, settings: Settings, clock: Clock, nonces: Path) -> None:
        """nonces: a folder for those that were used."""
        self._keys: dict[str, Key] = {}
        self._sha1_keys: dict[str, Key] = {}
        if settings.root_access_key_secret:
            id, secret = settings.root_access_key_id, settings.root_access_key_secret.reveal()
            self._keys[id] = Key(id, secret)
            self._sha1_keys[id] = Key(id, secret, algorithm=acs_roa.ALGORITHM)
        self._window = Window(clock, kept=KeptNonces(nonces))

    def check(self, method: str, path: bytes, query: bytes, headers: Headers) -> Verified | None:
        """Who signed; None where no credentials are asked for. `check_body` of the answer is called
        when the body is there. path, query: as on the wire. Raises FcError."""
        if not self._keys:
            return None
        try:
            return self._verified(method, path, query, headers)
        except Refused as refused:
            raise _refusal(refused, query, headers) from None

    def _verified(self, method: str, path: bytes, query: bytes, headers: Headers) -> Verified:
        scheme = next((value for name, value in headers if name == b"authorization"), None)
        lookup, window = self._keys.get, self._window
        if scheme is None and fc.is_signed_url(query):
            return fc.verify_url(method, path, query, headers, lookup, window)
        word = b"" if scheme is None else scheme.partition(b" ")[0]
        if word == fc.SCHEME:
            proxy = path.startswith(PROXY)
            return fc.verify(method, path, query, headers, lookup, window, with_query=proxy)
        if word == acs_roa.SCHEME:
            return acs_roa.verify(method, path, query, headers, self._sha1_keys.get, window)
        return acs3.verify(method, path, query, headers, None, lookup, window)


def vouched(caller: Verified | None) -> bool:
    """Whether the body may be kept without a bound for all together, before it is there as a whole."""
    return caller is not None and caller.once


def check_body(caller: Verified | None, body: bytes, *, of_java: bool = False) -> None:
    """The body is the one that was signed. Raises FcError. of_java: it is of an operation, and may be
    as the client for Java makes it."""
    if caller is None:
        return
    try:
        caller.check_body(body)
    except Refused as refused:
        if not (of_java and _is_proven_before(caller, body)):
            raise _not_this_body(refused) from None


def _is_proven_before(caller: Verified, body: bytes) -> bool:
    before = hashed_before(body) if caller.body_md5 is not None else None
    if before is None:
        return False
    try:
        caller.check_body(before)
    except Refused:
        return False
    return True


def _not_this_body(refused: Refused) -> FcError:
    """Neither the key nor the method of signing is at fault, so they are not named."""
    return FcError(403, "SignatureNotMatch", refused.detail)


def _refusal(refused: Refused, query: bytes, headers: Headers) -> FcError:
    match refused.kind:
        case "missing":
            return missing_header("Authorization")
        case "access_key":
            id = str(refused.fields.get("access_key_id", ""))
            return FcError(403, "InvalidAccessKeyID", f"invalid access key ID '{id[:128]}'")
        case "signature":
            return FcError(403, "SignatureNotMatch", NOT_MATCHING)
        case "body":
            return _not_this_body(refused)
    needed = _missing(refused, query, {name for name, _ in headers})
    return missing_header(needed) if needed else FcError(403, "AccessDenied", refused.detail)


def _missing(refused: Refused, query: bytes, present: set[bytes]) -> str:
    """The header that the refusal is about and that is not there. A signed URL needs no date."""
    if refused.kind == "header":
        name = str(refused.fields.get("header", ""))
        return "" if name.encode("latin-1") in present else name
    no_date = refused.kind == "date" and present.isdisjoint((b"date", b"x-acs-date"))
    return "Date" if no_date and not fc.is_signed_url(query) else ""
