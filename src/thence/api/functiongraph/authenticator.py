"""Who asks: SDK-HMAC-SHA256 with the service's root key, or `X-Auth-Token` with the token of the
setting functiongraph.auth_token, where that is set."""

from __future__ import annotations

import hashlib

from ...clock import Clock
from ...config import Settings
from ...signing import sdk_hmac
from ...signing.interface import Headers, Key, Refused
from ...signing.window import Window
from .errors import FssError
from .section import FunctionGraphSettings


class Authenticator:
    """Checks against the service's root credentials; without any (loopback only) all may ask."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._keys: dict[str, Key] = {}
        secret = settings.root_access_key_secret
        token = settings.section(FunctionGraphSettings).auth_token
        if secret:
            self._keys[settings.root_access_key_id] = Key(
                settings.root_access_key_id, secret.reveal()
            )
        self._token = token
        self.open = not (self._keys or token)
        """Without credentials all may ask."""
        self._window = Window(clock)

    def check(
        self, method: str, path: bytes, query: bytes, headers: Headers
    ) -> sdk_hmac.Claim | None:
        """What is still to be proven when the body is there; None where nothing is. path, query: as
        on the wire. Raises FssError."""
        if self.open:
            return None
        token = next((value for name, value in headers if name == b"x-auth-token"), None)
        if token is not None and self._token:
            if self._token.matches(token.decode("latin-1")):
                return None
            raise FssError(401, "FSS.0401", "X-Auth-Token: this is not the token of this service")
        try:
            return sdk_hmac.read(method, path, query, headers, self._keys.get, self._window)
        except Refused as refused:
            raise _refusal(refused) from None


def prove(claim: sdk_hmac.Claim | None, body: bytes) -> None:
    """The request with that body was signed by the owner of the key. Raises FssError."""
    if claim is None:
        return
    try:
        claim.prove(hashlib.sha256(body).hexdigest())
    except Refused as refused:
        raise _refusal(refused) from None


def _refusal(refused: Refused) -> FssError:
    return FssError(401, "FSS.0401", f"authentication failed: {refused.detail}")
