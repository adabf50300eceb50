"""Links that download a function's code archive.

A link holds the archive's digest, an end and a signature by a key that this process made when it
started: no credentials, and nothing that outlives it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from ..clock import Clock

LINK_SECONDS = 600
_NUMBER = re.compile(r"\d{1,15}")


class CodeLinks:
    """Signs links to archives and checks them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def sign(self, digest: str) -> str:
        """The query of a link that is good for LINK_SECONDS."""
        expires = str(self._clock.now() // 1000 + LINK_SECONDS)
        return f"expires={expires}&signature={self._signature(digest, expires)}"

    def refused(self, digest: str, expires: str, signature: str) -> str | None:
        """Why a link is not good: it was changed, or it has expired. None where it is good."""
        made = self._signature(digest, expires)
        if not hmac.compare_digest(made.encode(), signature.encode()):
            return "the link to the code is not one that this service made"
        if _NUMBER.fullmatch(expires) is None or int(expires) * 1000 <= self._clock.now():
            return "the link to the code has expired; ask for another"
        return None

    def _signature(self, digest: str, expires: str) -> str:
        return hmac.new(self._key, f"{digest}\n{expires}".encode(), hashlib.sha256).hexdigest()
