"""Configuration in effect: what the engine looks up of one qualifier, worked out when it is saved
and not at every invocation."""

from __future__ import annotations

from msgspec import Struct

from ..catalog.async_config import AsyncConfig
from ..catalog.destination import Destination, encode_destination, parse_destination
from ..catalog.function import Contract, Function
from ..catalog.preset import platform_preset
from ..lifecycle.policy import Policy
from .options import Options

Owed = tuple[bytes, Destination]
"""A destination as the store keeps it, and as it is."""


class InEffect(Struct, frozen=True):
    """The asynchronous configuration of one qualifier, or of a function's row."""

    policy: Policy
    age_ms: int  # from due to expired
    on_success: Owed | None = None
    on_failure: Owed | None = None
    listed: bool = False
    stop_notifies: bool = False
    followed: bool = False

    def destinations(self) -> list[Destination]:
        return [one[1] for one in (self.on_success, self.on_failure) if one is not None]


def of_row(function: Function) -> AsyncConfig:
    """What is written in the function's own spec, as a configuration."""
    spec = function.spec
    return AsyncConfig(
        max_retries=spec.max_retries,
        max_event_age_seconds=spec.max_event_age_seconds,
        retry_wait=spec.retry_wait,
        on_success=spec.on_success,
        on_failure=spec.on_failure,
        listed=spec.listed,
        created_at=function.created_at,
        updated_at=function.updated_at,
    )


def in_effect(config: AsyncConfig, options: Options, contract: Contract = "native") -> InEffect:
    """`contract`: of a function's row; a qualifier's configuration says nothing of the platform's
    part of the policy (see Lane.policy). Raises InvalidInput naming the destination that cannot
    be."""
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
        _owed(config.on_success, "on_success"),
        _owed(config.on_failure, "on_failure"),
        config.listed,
        config.stop_notifies,
        config.followed,
    )


def _owed(written: object, field: str) -> Owed | None:
    if written is None:
        return None
    destination = parse_destination(written, field)
    return encode_destination(destination), destination
