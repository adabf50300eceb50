"""Links that download a function's code archive.

A link holds the archive's digest, an end and a signature by a key that this process made when it
started: no credentials, and nothing that outlives it. It leads to where the service is reached
(reached.py).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from starlette.types import Scope

from ...clock import Clock
from .reached import base_url

LINK_SECONDS = 600
ZIP = ".zip"
_NUMBER = re.compile(r"[0-9]{1,15}")


class CodeLinks:
    """Makes links to archives and checks them. public_url: the setting."""

    def __init__(self, clock: Clock, public_url: str) -> None:
        self._clock = clock
        self._public_url = public_url
        self._key = secrets.token_bytes(32)

    def link(self, scope: Scope, folder: str, digest: str) -> str:
        """A link that is good for LINK_SECONDS, for the caller of that request. folder: the path of
        the door's downloads, where the archive is called DIGEST.zip."""
        where = f"{base_url(self._public_url, scope)}{folder}/{digest}{ZIP}"
        return f"{where}?{self.sign(digest)}"

    def sign(self, digest: str) -> str:
        """The query of a link that is good for LINK_SECONDS."""
        expires = str(self._clock.now() // 1000 + LINK_SECONDS)
        return f"expires={expires}&signature={self._signature(digest, expires)}"

    def refused(self, digest: str, expires: str, signature: str) -> str | None:
        """Why a link is not good: it was changed, or it has expired. None where it is good."""
        made = self._signature(digest, expires)
        if not hmac.compare_digest(made.encode(), signature.encode()):
            return (
                "the link to the code is not one that the service has made since it started; "
                "ask for another"
            )
        if _NUMBER.fullmatch(expires) is None or int(expires) * 1000 <= self._clock.now():
            return "the link to the code has expired; ask for another"
        return None

    def _signature(self, digest: str, expires: str) -> str:
        return hmac.new(self._key, f"{digest}\n{expires}".encode(), hashlib.sha256).hexdigest()
