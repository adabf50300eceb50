"""The kinds of triggers: those of this package, and those that installed packages add.

A package of others names its `Kind` as an entry point of the group `thence.triggers`:

    [project.entry-points."thence.triggers"]
    tide = "thence_tide:KIND"
"""

from __future__ import annotations

from ..errors import StartupError
from ..packages import brought
from .interface import Kind

GROUP = "thence.triggers"

KINDS: tuple[Kind, ...] = ()
"""Of this package."""


def installed_kinds() -> dict[str, Kind]:
    """All kinds by type; those that packages bring may replace ours. Raises StartupError naming the
    entry point that cannot be used: a trigger that silently never fires would be found out by calls that
    are missing."""
    kinds = {kind.type: kind for kind in KINDS}
    if len(kinds) < len(KINDS):
        raise StartupError(
            "Two kinds in KINDS of thence/triggers/kinds.py have one type: "
            f"{', '.join(kind.type for kind in KINDS)}. Give one of them another."
        )
    kinds |= {kind.type: kind for kind in brought(GROUP, "trigger kind", Kind, _types)}
    return kinds


def _types(kind: Kind, name: str, entry_point: str) -> tuple[str]:
    return (kind.type,)
