"""The doors of the service, one line each: the package of a door, whose module `door` has its `DOOR`.

They are named and not imported here, so that the command line can know of them without loading them.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from .shared.context import Context
from .shared.door import Door

DOORS: tuple[str, ...] = (
    "thence.api.native",
    "thence.api.fc",
    "thence.api.functiongraph",
)


def installed(packages: Sequence[str] = DOORS) -> list[type[Door]]:
    return [import_module(f"{package}.door").DOOR for package in packages]


def opened(context: Context, kinds: Sequence[type[Door]] | None = None) -> list[Door]:
    """A door of each kind for this service: `/metrics` tells of them, `/v1` has their routes."""
    doors = [kind(context) for kind in (installed() if kinds is None else kinds)]
    for door in doors:
        context.metrics.more.append(door.series)
        context.metrics.by_function.append(door.function_series)
    context.routes = tuple(route for door in doors for route in door.routes)
    return doors
