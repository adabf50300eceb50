"""What a configuration says that is allowed and yet will hardly work: warned of when it is saved.

A destination that is not there yet may be deployed later; a private address may be opened by a
setting later. Names of hosts are not resolved for this: what they lead to is looked at when a record
is sent.
"""

from __future__ import annotations

from ...catalog.async_config import AsyncConfig
from ...catalog.destination import Destination
from ...catalog.function import FunctionSpec
from ...catalog.kinds import stored_destination
from ...destinations.http.addresses import SETTING, AddressGuard, ForbiddenAddress
from ...engine.engine import Engine

_LOOPBACK = "127.0.0.1"


_SHORTEST = {"none": 1.0, "equal": 0.5, "full": 0.0}  # of a wait, by its jitter


def of_configuration(
    engine: Engine, guard: AddressGuard, config: FunctionSpec | AsyncConfig
) -> list[str]:
    """A sentence for each destination, as it is written, that will not take a record, and for
    retries that can never take place."""
    found: list[str] = []
    wait, age = config.retry_wait, config.max_event_age_seconds
    if config.max_retries and wait.first_seconds * _SHORTEST[wait.jitter] >= age:
        found.append(
            f"retry_wait.first_seconds: {wait.first_seconds:g} leaves no retry within "
            f"max_event_age_seconds, {age}: what fails expires at once."
        )
    for field, written in (("on_success", config.on_success), ("on_failure", config.on_failure)):
        if written is None:
            continue
        why = _why_not(engine, guard, stored_destination(written))
        if why:
            found.append(f"{field}: {why}")
    return found


def _why_not(engine: Engine, guard: AddressGuard, destination: Destination) -> str:
    target = destination.calls()
    if target is not None and not engine.functions.has(target.name):
        return (
            f"there is no function {target.name!r} yet. Until it is deployed, its records "
            "become dead letters."
        )
    host = destination.host()
    return _unreachable(guard, host) if host else ""


def _unreachable(guard: AddressGuard, host: str) -> str:
    name = host.rstrip(".").lower()
    local = name == "localhost" or name.endswith(".localhost")
    try:
        guard.check_literal(_LOOPBACK if local else host)
    except ForbiddenAddress:
        return (
            f"{host!r} is this machine, or a private or special address. No record is sent there "
            f"unless {SETTING} names its network; until then each becomes a dead letter."
        )
    return ""
