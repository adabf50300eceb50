"""Sessions of browsers: a signed cookie that stands for the root credentials, because `EventSource` and
links send no header.

A session is kept nowhere: its token says until when it holds, and is signed with a key made from the
root secret. So every node takes it, also one that cannot write, and another secret ends all sessions. Only
a sign-out is kept in the store, until the token would have ended anyway.

A cookie is sent by the browser whoever made the page ask. `SameSite=Strict` keeps other sites out; what
changes anything also needs the session's CSRF token in a header, which only a page of this service can
read. Cookies know no ports: what else runs on this host may see it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from msgspec import Struct

from ...clock import Clock
from ...config import Secret
from ...engine.engine import Engine
from ...engine.plan import Plan, delete_entry, put_entry, together
from ...errors import Overloaded
from .problems import ForeignOrigin

COOKIE = "thence_session"
CSRF_HEADER = "Thence-CSRF-Token"
SIGNED_OUT = "signed_out_session"  # entries; name: the session's id, data: until when, ms
SIGNED_OUT_MAX = 10_000
SWEPT_MAX = 100  # that are over, at each sign-out
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ID_BYTES, _TIME_BYTES, _MAC_BYTES = 16, 8, 32
_TEXT_MAX = 200
_CANDIDATES_MAX = 20  # of one request that are looked at: cookies of that name


class Session(Struct, frozen=True):
    """`expires_at`: ms since the epoch. `csrf_token`: see CSRF_HEADER."""

    id: str
    expires_at: int
    token: str
    csrf_token: str


class Sessions:
    """seconds: how long one holds."""

    def __init__(self, secret: Secret, engine: Engine, clock: Clock, seconds: float) -> None:
        self._key = hmac.digest(secret.reveal().encode(), b"thence session", hashlib.sha256)
        self._engine = engine
        self._clock = clock
        self.seconds = seconds

    def begin(self) -> Session:
        """A new one. Whoever asks has shown the root credentials."""
        expires_at = self._clock.now() + round(self.seconds * 1000)
        body = secrets.token_bytes(_ID_BYTES) + expires_at.to_bytes(_TIME_BYTES, "big")
        return self._session(body, body + self._mac(body))

    def find(self, cookies: str) -> Session | None:
        """That of a request's `Cookie` header which holds now. Another program on this host may have
        set one of that name too."""
        named = [
            value
            for name, _, value in (cookie.strip().partition("=") for cookie in cookies.split(";"))
            if name == COOKIE
        ]
        for token in named[:_CANDIDATES_MAX]:
            session = self._read(token)
            if session is not None:
                return session
        return None

    def check(self, cookies: str, method: str, csrf_token: str | None) -> bool:
        """Whether a session of the request lets it pass; False: there is none that holds. Raises
        ForeignOrigin where the session's CSRF token is missing or wrong for what changes anything."""
        session = self.find(cookies)
        if session is None:
            return False
        if method in SAFE or hmac.compare_digest(
            session.csrf_token.encode(), (csrf_token or "").encode()
        ):
            return True
        raise ForeignOrigin(
            f"{CSRF_HEADER}: it is missing or not that of this session; send `csrf_token` of "
            "GET /v1/session with every request that changes anything.",
            field=CSRF_HEADER,
        )

    async def end(self, session: Session) -> None:
        """It holds no longer, on any node. Raises StoreUnavailable: then it still does."""
        await self._engine.functions.change(lambda: self._signed_out(session))

    async def _signed_out(self, session: Session) -> Plan:
        """Raises Overloaded."""
        now = self._clock.now()
        kept = self._engine.functions.entries(SIGNED_OUT, "")
        over = [entry for entry in kept if int(entry.data) <= now]
        if len(kept) - len(over) >= SIGNED_OUT_MAX:
            raise Overloaded(
                f"{SIGNED_OUT_MAX} sessions were signed out and would not have ended yet; sign out "
                "later.",
                retry_after_seconds=60,
            )
        swept = together(delete_entry(SIGNED_OUT, "", entry.name) for entry in over[:SWEPT_MAX])
        return swept + put_entry(SIGNED_OUT, "", session.id, str(session.expires_at).encode())

    def _read(self, token: str) -> Session | None:
        if len(token) > _TEXT_MAX:
            return None
        try:
            data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        body, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)) or len(body) != _ID_BYTES + _TIME_BYTES:
            return None
        session = self._session(body, data)
        if session.expires_at <= self._clock.now():
            return None
        return None if self._engine.functions.entry(SIGNED_OUT, "", session.id) else session

    def _session(self, body: bytes, data: bytes) -> Session:
        token = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
        return Session(
            id=body[:_ID_BYTES].hex(),
            expires_at=int.from_bytes(body[_ID_BYTES:], "big"),
            token=token,
            csrf_token=hmac.digest(self._key, b"csrf" + data, hashlib.sha256).hex(),
        )

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, b"session" + body, hashlib.sha256)


def cookie(session: Session, seconds: float, *, secure: bool) -> str:
    """The value of `Set-Cookie`; the browser forgets it after that time too."""
    return _cookie(session.token, int(seconds), secure)


def no_cookie(*, secure: bool) -> str:
    """The value of `Set-Cookie` that takes it away."""
    return _cookie("", 0, secure)


def _cookie(value: str, seconds: int, secure: bool) -> str:
    tail = "; Secure" if secure else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{tail}"
