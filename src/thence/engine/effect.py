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
    config: AsyncConfig, options: Options, contract: Contract = "native", *, stored: bool = False
) -> InEffect:
    """`contract`: of a function's row; a qualifier's configuration says nothing of the platform's
    part of the policy (see Lane.policy). `stored`: it is in the store already, so a destination that no
    installed kind takes is an UnknownDestination; otherwise raises InvalidInput naming it."""
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
        _owed(config.on_success, "on_success", stored),
        _owed(config.on_failure, "on_failure", stored),
        config.listed,
        config.stop_notifies,
        config.followed,
    )


def _owed(written: object, field: str, stored: bool) -> OwedTo | None:
    if written is None:
        return None
    destination = stored_destination(written) if stored else parse_destination(written, field)
    return owed_to(destination)


def owed_to(destination: Destination) -> OwedTo:
    return OwedTo(encode_destination(destination), destination, destination.receiver())
