"""Configuration in effect: what the engine looks up of one qualifier, worked out when it is saved
and not at every invocation."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from ..catalog.async_config import AsyncConfig
from ..catalog.destination import Destination, encode_destination
from ..catalog.function import Contract
from ..catalog.kinds import parse_destination, stored_destination
from ..catalog.preset import platform_preset
from ..lifecycle.policy import Policy
from .options import Options


class OwedTo(NamedTuple):
    """Where an ending is told: what a delivery keeps of it, worked out once."""

    encoded: bytes
    destination: Destination
    receiver: str


class InEffect(Struct, frozen=True):
    """The asynchronous configuration of one qualifier, or of a function's row."""

    policy: Policy
    age_ms: int  # from due to expired
    on_success: OwedTo | None = None
    on_failure: OwedTo | None = None
    listed: bool = False
    stop_notifies: bool = False
    followed: bool = False

    def destinations(self) -> list[Destination]:
        return [owed.destination for owed in (self.on_success, self.on_failure) if owed is not None]


def in_effect(
    config: AsyncConfig,
    options: Options,
    contract: Contract = "native",
    *,
    stored: bool = False,
    before: AsyncConfig | None = None,
) -> InEffect:
    """`contract`: of a function's row; a qualifier's configuration says nothing of the platform's
    part of the policy (see Lane.policy). `stored`: it is in the store already, so a destination that no
    installed kind takes is an UnknownDestination; so is one that stays as it is in `before`. Otherwise
    raises InvalidInput naming it."""
    preset = platform_preset(
        contract,
        budget_seconds=options.platform_budget_seconds,
        wait_cap_seconds=options.platform_wait_cap_seconds,
        caps=options.platform_wait_caps,
    )
    return InEffect(
        Policy(
            config.max_retries,
            config.retry_wait,
            preset.wait,
            preset.seconds,
            options.losses_max,
        ),
        config.max_event_age_seconds * 1000,
        _owed("on_success", config, config if stored else before),
        _owed("on_failure", config, config if stored else before),
        config.listed,
        config.stop_notifies,
        config.followed,
    )


def _owed(field: str, config: AsyncConfig, stored: AsyncConfig | None) -> OwedTo | None:
    written = getattr(config, field)
    if written is None:
        return None
    if stored is not None and written == getattr(stored, field):
        return owed_to(stored_destination(written))
    return owed_to(parse_destination(written, field))


def owed_to(destination: Destination) -> OwedTo:
    return OwedTo(encode_destination(destination), destination, destination.receiver())
