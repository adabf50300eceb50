"""How functions are run: instances, leases of attempts, the budget of platform errors."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from .secret import about


def _instances_default() -> int:
    return max(8, 8 * (os.cpu_count() or 1))


class Runtime(Struct, frozen=True):
    """The instances that run functions."""

    instances_max: Annotated[
        int,
        Meta(
            description="Most instances (processes) of all functions together.",
            ge=1,
            le=100_000,
            extra={"default": "8 for each CPU, at least 8"},
        ),
    ] = field(default_factory=_instances_default)
    kept_free_percent: Annotated[
        int,
        about(
            "Part of `instances_max` that is kept free for functions that run nothing at the moment, "
            "at least one instance; 0 keeps none.",
            ge=0,
            le=90,
        ),
    ] = 25
    idle_seconds: Annotated[
        float, about("An instance without work for so long is ended.", gt=0, le=86_400)
    ] = 60.0
    start_seconds: Annotated[
        float, about("An instance not ready after so long is a platform error.", gt=0, le=600)
    ] = 30.0
    sandbox: Annotated[
        Literal["auto", "off"],
        about(
            "`auto`: what the kernel offers keeps functions from the data directory, the node and "
            "each other."
        ),
    ] = "auto"


class Leases(Struct, frozen=True):
    """What a node holds while it runs an attempt."""

    lease_seconds: Annotated[
        float,
        about("An attempt of a node that is silent for so long counts as lost.", ge=1, le=3600),
    ] = 30.0
    losses_max: Annotated[
        int,
        about(
            "An invocation may be lost so often; once more and it is quarantined as suspected poison.",
            ge=0,
            le=100,
        ),
    ] = 3
    suspect_alone_seconds: Annotated[
        float,
        about(
            "An invocation that was lost before has the node to itself for so long; then others begin "
            "beside it. 0: never; it waits then until an instance is free when it is looked, once a second.",
            ge=0,
            le=3600,
        ),
    ] = 5.0


class Platform(Struct, frozen=True):
    """The budget of platform errors (429, 500, 503, unreachable), which is a time."""

    budget_seconds: Annotated[
        float,
        about(
            "Attempts that end in platform errors are repeated for so long, and so long a call may "
            "be held at a limit. (FunctionGraph's functions: as long as the event is valid.)",
            ge=0,
            le=30 * 86_400,
        ),
    ] = 18_000.0
    wait_cap_seconds: Annotated[
        float,
        about(
            "Longest wait between two such attempts; of Function Compute's functions see "
            "`fc.platform_wait_cap_seconds`.",
            ge=0.5,
            le=86_400,
        ),
    ] = 300.0
