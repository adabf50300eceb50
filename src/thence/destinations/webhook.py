"""A webhook: the record is sent as one signed POST.

    https://host/path
    {"type": "webhook", "url": "https://…", "secrets": ["whsec_…", "whsec_…"], "headers": {…}}

Signed as Standard Webhooks says (`webhook-id`, `webhook-timestamp`, `webhook-signature`). The first
secret is the newest; all of them sign, so that a receiver can rotate.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from msgspec import field

from ..lifecycle.ids import format_id
from ..lifecycle.lineage import write_header
from .interface import HIDDEN, Destination, Kind, Parcel, Resources, Sent, hidden, refused
from .signature import sign

URL_MAX = 2048
SECRETS_MAX = 4
HEADERS_MAX = 16
HEADER_VALUE_MAX = 2048
SHOWN_SECRET = "whsec_…"
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_OURS = ("host", "content-length", "transfer-encoding", "connection")
_PORTS = {"http": 80, "https": 443}


class WebhookDestination(Destination, frozen=True, tag="webhook"):
    url: str
    secrets: tuple[str, ...] = ()  # `whsec_` + base64, newest first
    headers: dict[str, str] = field(default_factory=dict)

    def receiver(self) -> str:
        """`webhook:scheme://host:port`, whatever the path."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host.rstrip(".")
        return f"webhook:{parts.scheme}://{shown}:{parts.port or _PORTS.get(parts.scheme, 0)}"

    def describe(self) -> str:
        parts = urlsplit(self.url)
        # Without a user and password there is only host and port, an IPv6 address in its brackets.
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def shown(self) -> Any:
        if not self.secrets and not self.headers:
            return self.url
        return {
            "type": "webhook",
            "url": self.url,
            "secrets": [SHOWN_SECRET for _ in self.secrets],
            "headers": dict.fromkeys(self.headers, HIDDEN),
        }

    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def _from_text(text: str, where: str) -> WebhookDestination:
    _check_url(text, where)
    return WebhookDestination(text)


def _from_object(data: dict[str, Any], where: str) -> WebhookDestination:
    url: Any = data.get("url")
    secrets, headers = data.get("secrets", []), data.get("headers", {})
    if not isinstance(url, str):
        raise refused(f"{where}.url", "a text is needed.")
    if not isinstance(secrets, (list, tuple)) or not all(isinstance(s, str) for s in secrets):
        raise refused(f"{where}.secrets", "a list of texts is needed.")
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise refused(f"{where}.headers", "an object of texts is needed.")
    _check_url(url, where)
    _check_secrets(secrets, where)
    _check_headers(headers, where)
    return WebhookDestination(url, tuple(secrets), dict(headers))


def _check_url(url: str, where: str) -> None:
    try:
        parts = urlsplit(url[: URL_MAX + 1])  # it keeps what it was given
        valid = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or len(url) > URL_MAX or re.search(r"[\x00-\x20\x7f]", url):
        raise refused(
            where,
            f"{url[:200]!r} is not a usable http or https URL (at most {URL_MAX} characters).",
            value=url[:200],
        )
    if parts.username or parts.password:
        raise refused(where, "a URL must not hold a user name or password; use headers.")


def _check_secrets(secrets: Sequence[str], where: str) -> None:
    if len(secrets) > SECRETS_MAX:
        raise refused(f"{where}.secrets", f"{len(secrets)} secrets; at most {SECRETS_MAX}.")
    for number, secret in enumerate(secrets):
        place = f"{where}.secrets[{number}]"
        if secret == SHOWN_SECRET:
            raise hidden(place)
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
            good = secret.startswith("whsec_") and 24 <= len(key) <= 64
        except (binascii.Error, ValueError):
            good = False
        if not good:
            raise refused(
                place,
                "a secret is whsec_ and 24 to 64 bytes in base64 (Standard Webhooks).",
            )


def _check_headers(headers: dict[str, str], where: str) -> None:
    if len(headers) > HEADERS_MAX:
        raise refused(f"{where}.headers", f"{len(headers)} headers; at most {HEADERS_MAX}.")
    for name, value in headers.items():
        place, low = f"{where}.headers.{name[:64]}", name.lower()
        if value == HIDDEN:
            raise hidden(place)
        if (
            _HEADER_NAME.fullmatch(name) is None
            or low in _OURS
            or low.startswith("webhook-")
            or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value)
            or len(value) > HEADER_VALUE_MAX
        ):
            raise refused(place, "this header or its value cannot be sent.")


class WebhookSender:
    """One POST an attempt; `options` are those of HttpPost."""

    def __init__(self, **options: Any) -> None:
        from .http.post import HttpPost  # here: what only reads destinations needs no HTTP client

        self.client = HttpPost(**options)

    async def send(self, parcel: Parcel) -> Sent:
        destination = parcel.destination
        assert isinstance(destination, WebhookDestination)
        headers = _headers(destination, parcel)
        return await self.client.send(destination.url, headers, parcel.record, parcel.now)

    async def close(self) -> None:
        await self.client.close()


def _headers(destination: WebhookDestination, parcel: Parcel) -> dict[str, str]:
    """The user's own headers, then ours, which win."""
    id, seconds = format_id(parcel.delivery_id), parcel.now // 1000
    ours = {
        "content-type": parcel.content_type,
        "webhook-id": id,
        "webhook-timestamp": str(seconds),
        "thence-lineage": write_header(parcel.lineage, format_id(parcel.invocation_id)),
    }
    if parcel.traceparent:
        ours["traceparent"] = parcel.traceparent
    if destination.secrets:
        ours["webhook-signature"] = sign(id, seconds, parcel.record, destination.secrets)
    return {name.lower(): value for name, value in destination.headers.items()} | ours


def _sender(resources: Resources) -> WebhookSender:
    return WebhookSender(
        allow_networks=resources.allow_networks,
        timeout_seconds=resources.timeout_seconds,
        kept_max=resources.attempts_max,
    )


KIND = Kind(
    destination=WebhookDestination,
    types={"webhook": ("url", "secrets", "headers")},
    words=tuple(_PORTS),
    written=("an https:// URL",),
    read_text=_from_text,
    read_object=_from_object,
    make=_sender,
)
