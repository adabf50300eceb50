"""The settings of this door."""

from __future__ import annotations

from typing import Annotated

from ...config import Section, about


class FcSettings(Section, frozen=True):
    """The door of Function Compute (limits: reference 3.3)."""

    async_payload_bytes_max: Annotated[
        int, about("Largest payload of an asynchronous call at this door.", ge=1, le=1 << 30)
    ] = 128 * 1024
    sync_payload_bytes_max: Annotated[
        int, about("Largest payload of a synchronous call at this door.", ge=1, le=1 << 30)
    ] = 32 * 1024 * 1024
    platform_wait_cap_seconds: Annotated[
        float,
        about(
            "Longest wait between two attempts of a Function Compute function that end in platform "
            "errors. 0 = no cap: it doubles until `platform.budget_seconds` are over.",
            ge=0,
            le=86_400,
        ),
    ] = 0.0


SECTION = FcSettings
