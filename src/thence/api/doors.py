"""The doors of the service, one line each: the package of a door.

Its module `door` has the `DOOR` (see shared/door.py); its module `section`, where it has settings, the
`SECTION` of that name. They are named and not imported here, so that the command line can know of their
settings without loading them.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

from ..config import Section
from ..errors import StartupError

if TYPE_CHECKING:
    from ..destinations.forms import Form
    from .shared.context import Context
    from .shared.door import Door

AKind = TypeVar("AKind")

DOORS: tuple[str, ...] = (
    "thence.api.native",
    "thence.api.fc",
    "thence.api.functiongraph",
)


def sections(packages: Sequence[str] | None = None) -> dict[str, Section]:
    """The settings of the doors that have some, by the door's name, as they come. Raises StartupError."""
    return {
        package.rpartition(".")[2]: _loaded(package, "section", "SECTION", Section)()
        for package in (DOORS if packages is None else packages)
        if _has_section(package)
    }


def installed(packages: Sequence[str] | None = None) -> list[type[Door]]:
    """Raises StartupError."""
    from .shared.door import Door

    return [
        _loaded(package, "door", "DOOR", Door)
        for package in (DOORS if packages is None else packages)
    ]


def _has_section(package: str) -> bool:
    try:
        return find_spec(f"{package}.section") is not None
    except ImportError as error:
        raise _unusable(package, error) from error


def _loaded(package: str, module: str, name: str, kind: type[AKind]) -> type[AKind]:
    try:
        found = getattr(import_module(f"{package}.{module}"), name, None)
    except ImportError as error:  # any other mistake in it is told with its place
        raise _unusable(package, error) from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise StartupError(
            f"The door {package!r}: its module {module!r} must have a class {name} that derives from "
            f"{kind.__module__}.{kind.__qualname__}."
        )
    return found


def _unusable(package: str, error: ImportError) -> StartupError:
    return StartupError(
        f"The door {package!r} cannot be loaded: {error}. Correct the door, or its line in DOORS in "
        "thence/api/doors.py."
    )


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
