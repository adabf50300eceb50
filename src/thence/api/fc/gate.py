"""Who asks: signatures of the three generations, in a window of time, each nonce once."""

from __future__ import annotations

from starlette.types import Scope

from ...clock import Clock
from ...config import Settings
from .call import Call, Caller


class Gate:
    """Checks against the service's root credentials; without any (loopback only) all may ask."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._required = bool(settings.root_access_key_secret)
        self._clock = clock

    def check(self, scope: Scope, call: Call) -> Caller:
        """Raises FcError."""
        return Caller()

    def check_body(self, call: Call, body: bytes) -> None:
        """The body is the one that was signed. Raises FcError."""
