"""The kinds of triggers: those of this package, and those that installed packages add.

A package of others names its `Kind` as an entry point of the group `thence.triggers`:

    [project.entry-points."thence.triggers"]
    tide = "thence_tide:KIND"
"""

from __future__ import annotations

from importlib.metadata import entry_points

from ..errors import StartupError
from .interface import Kind

GROUP = "thence.triggers"

KINDS: tuple[Kind, ...] = ()
"""Of this package."""


def installed_kinds() -> dict[str, Kind]:
    """All kinds by type; those that packages bring may replace ours. Raises StartupError naming the
    entry point that cannot be used: a trigger that silently never fires would be found out by calls that
    are missing."""
    brought: dict[str, str] = {}  # by type: the entry point that has it
    kinds = {kind.type: kind for kind in KINDS}
    for entry in entry_points(group=GROUP):
        try:
            kind = entry.load()
        except Exception as error:  # whatever a foreign package does when it is imported
            raise StartupError(
                f"The trigger kind {entry.name!r} ({entry.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}. Repair or remove the package that brings it.",
                entry_point=entry.name,
            ) from error
        if not isinstance(kind, Kind):
            raise StartupError(
                f"The trigger kind {entry.name!r} ({entry.value}) is a {type(kind).__name__}; it must "
                "be a thence.triggers.interface.Kind.",
                entry_point=entry.name,
            )
        other = brought.setdefault(kind.type, entry.value)
        if other != entry.value:
            raise StartupError(
                f"The trigger kind {entry.name!r} ({entry.value}) and another package ({other}) both "
                f"bring the type {kind.type!r}. Remove one of them.",
                entry_point=entry.name,
            )
        kinds[kind.type] = kind
    return kinds
