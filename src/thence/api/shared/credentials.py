"""Who may ask: `Authorization: Bearer id:secret` where root credentials are configured.

Without credentials (loopback only) a page of some other site in the user's browser must not be able
to ask either: requests with a foreign `Origin`, or through a foreign name that was pointed at this
machine (DNS rebinding), are refused.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from urllib.parse import urlsplit

from starlette.types import Scope

from ...config import Secret
from ...engine.actor import UNAUTHENTICATED
from ...errors import Unauthorized
from .problems import ForeignOrigin

HOSTS_MAX = 1000
HOST_BYTES_MAX = 300  # with its port; names have at most 253. (`urlsplit` keeps what it was given.)
ORIGIN_BYTES_MAX = HOST_BYTES_MAX + 20
# A name or an address, and a port. Anything else could be read as this machine by one and as somebody
# else's name by another.
_HOST = re.compile(r"(?:\[[0-9A-Za-z:.%]*\]|[^\[\]/?#@\\:]*)(?::\d*)?")


class Credentials:
    """The root credentials, or none."""

    def __init__(self, id: str, secret: Secret) -> None:
        self.required = bool(secret)
        self._id = id.encode()
        self._secret = secret.reveal().encode()
        self.hosts: set[bytes] = set()
        """Of those that were asked for lately, the ones that may be (without credentials)."""
        self.actor = id if secret else UNAUTHENTICATED
        """Who has asked, when `check` lets it pass."""

    def check(self, authorization: bytes | None) -> None:
        """Raises Unauthorized. Takes the same time however much of the secret is right."""
        if not self.required:
            return
        scheme, _, given = (authorization or b"").partition(b" ")
        id, _, secret = given.strip().partition(b":")
        right_id = hmac.compare_digest(id, self._id)
        right_secret = hmac.compare_digest(secret, self._secret)
        if not (right_id & right_secret) or scheme.lower() != b"bearer":
            raise Unauthorized(
                "Send Authorization: Bearer <access key id>:<access key secret> with the root "
                "credentials of this service."
            )

    def takes_host(self, host: bytes) -> bool:
        """Whether a request without an `Origin` may ask for that `Host`."""
        if not self.required and _public_name(host.decode("latin-1")):
            return False
        if len(self.hosts) >= HOSTS_MAX:
            self.hosts.clear()
        self.hosts.add(host)
        return True

    def check_origin_of(self, scope: Scope) -> None:
        """See check_origin; of a request."""
        headers: dict[bytes, bytes] = dict(scope["headers"])  # of several, the last one
        origin, host = headers.get(b"origin"), headers.get(b"host")
        self.check_origin(
            origin.decode("latin-1") if origin is not None else None,
            host.decode("latin-1") if host is not None else None,
        )

    def check_origin(self, origin: str | None, host: str | None) -> None:
        """Raises ForeignOrigin."""
        if origin and not _is_of(origin, host or ""):
            raise ForeignOrigin(
                f"Origin {origin[:100]!r} is not this service; it takes requests of its own pages "
                "and of programs."
            )
        if not self.required and host and _public_name(host):
            raise ForeignOrigin(
                f"Host {host[:100]!r} is not a name of this machine; without credentials the service "
                "answers only to localhost and addresses."
            )


def _is_of(origin: str, host: str) -> bool:
    """Whether a page of that origin is one of the host's."""
    if len(origin) > ORIGIN_BYTES_MAX:
        return False
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False  # no origin at all


def _public_name(host: str) -> bool:
    """Whether it is a name that somebody else could point at this machine."""
    if len(host) > HOST_BYTES_MAX or _HOST.fullmatch(host) is None:
        return True  # not a host at all
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return True  # not a host at all
    if name == "localhost" or name.endswith(".localhost") or "." not in name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False
