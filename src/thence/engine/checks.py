"""What every call is checked for before anything is done with it."""

from __future__ import annotations

from ..catalog.function import LATEST
from ..errors import PayloadTooLarge, QualifierNotFound
from .lanes import Lane


def check_payload(payload: bytes, bytes_max: int) -> None:
    """Raises PayloadTooLarge."""
    if len(payload) > bytes_max:
        raise PayloadTooLarge(
            f"The payload is {len(payload)} bytes; at most {bytes_max} bytes are taken.",
            bytes=len(payload),
            limit_bytes=bytes_max,
        )


def check_qualifier(lane: Lane, qualifier: str) -> None:
    """Raises QualifierNotFound: functions have no versions or aliases yet, only `latest`."""
    if qualifier != LATEST:
        raise QualifierNotFound(
            f"Function {lane.function.name!r} has no version or alias {qualifier[:80]!r}; "
            f"use {LATEST!r}.",
            kind="qualifier",
            name=qualifier[:80],
        )
