"""What every call is checked for before anything is done with it."""

from __future__ import annotations

from ..errors import PayloadTooLarge


def check_payload(payload: bytes, bytes_max: int) -> None:
    """Raises PayloadTooLarge."""
    if len(payload) > bytes_max:
        raise PayloadTooLarge(
            f"The payload is {len(payload)} bytes; at most {bytes_max} bytes are taken.",
            bytes=len(payload),
            limit_bytes=bytes_max,
        )
