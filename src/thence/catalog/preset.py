"""Presets: the numbers of retrying that nobody writes for a function, by the contract of its handlers
(design §3). Pure.

What a caller can write (retries, event age) stands in the function and its asynchronous configuration;
a vendor's door fills in that vendor's defaults there. What remains is how long, and at which
distances, the platform's own errors and limits are waited out.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from ..lifecycle.policy import PLATFORM_WAIT, RetryWait
from .function import Contract

NOTHING: Mapping[str, float] = MappingProxyType({})


class PlatformPreset(Struct, frozen=True):
    """`seconds`: how long platform errors and limits are waited out; None: as long as the event is
    valid. `wait`: before which try."""

    seconds: float | None
    wait: RetryWait


def platform_preset(
    contract: Contract,
    *,
    budget_seconds: float,
    wait_cap_seconds: float,
    caps: Mapping[str, float] = NOTHING,
) -> PlatformPreset:
    """`budget_seconds`, `wait_cap_seconds`: as configured for native functions. `caps`: by contract,
    where one is configured that the preset has not; 0 is none.

    - native: as configured;
    - fc: 0.5 s, 1 s, 2 s "and so on" for that time (seed alibaba-fc-retries): no cap below it;
    - functiongraph: no time of its own (the seeds know none), until the event's validity ends.
    """
    if contract == "functiongraph":
        return PlatformPreset(None, replace(PLATFORM_WAIT, cap_seconds=wait_cap_seconds))
    cap = wait_cap_seconds if contract == "native" else caps.get(contract, 0.0) or budget_seconds
    return PlatformPreset(budget_seconds, replace(PLATFORM_WAIT, cap_seconds=cap))
