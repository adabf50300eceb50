"""The doors of the service, one line each: the package of a door.

Its module `door` has the `DOOR` (see shared/door.py); its module `section`, where it has settings, the
`SECTION` of that name. They are named and not imported here, so that the command line can know of their
settings without loading them.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..config import Section

if TYPE_CHECKING:
    from ..destinations.forms import Form
    from .shared.context import Context
    from .shared.door import Door

DOORS: tuple[str, ...] = (
    "thence.api.native",
    "thence.api.fc",
    "thence.api.functiongraph",
)


def sections(packages: Sequence[str] | None = None) -> dict[str, Section]:
    """The settings of the doors that have some, by the door's name, as they come."""
    return {
        package.rpartition(".")[2]: import_module(f"{package}.section").SECTION()
        for package in (DOORS if packages is None else packages)
        if find_spec(f"{package}.section") is not None
    }


def installed(packages: Sequence[str] | None = None) -> list[type[Door]]:
    return [
        import_module(f"{package}.door").DOOR
        for package in (DOORS if packages is None else packages)
    ]


def record_forms(kinds: Sequence[type[Door]]) -> dict[str, Form]:
    """What records may look like: the native form and those of these doors."""
    from ..destinations.forms import NATIVE

    return {**NATIVE, **{name: form for kind in kinds for name, form in kind.forms.items()}}


def opened(context: Context, kinds: Sequence[type[Door]]) -> list[Door]:
    """A door of each kind for this service: `/metrics` tells of them, `/v1` has their routes."""
    doors = [kind(context) for kind in kinds]
    for door in doors:
        context.metrics.more.append(door.series)
        context.metrics.by_function.append(door.function_series)
    context.routes = tuple(route for door in doors for route in door.routes)
    return doors
