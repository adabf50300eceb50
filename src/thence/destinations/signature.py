"""Standard Webhooks signatures: `v1,` and HMAC-SHA256 over "id.timestamp.body", one per secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"


def sign(delivery_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> str:
    """The value of `webhook-signature`: a signature for each secret, in their order (newest
    first), with a space between. timestamp: seconds since the epoch. secrets: `whsec_` + base64."""
    signed = b"%s.%d.%s" % (delivery_id.encode(), timestamp, body)
    return " ".join(f"v1,{_mac(secret, signed)}" for secret in secrets)


def _mac(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
