"""The list of kinds: one line for each file of this package, and what installed packages bring.

A package of others names its `Kind` as an entry point and is found at the next start:

    [project.entry-points."thence.destinations"]
    nats = "thence_nats:KIND"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..catalog import kinds as catalog
from ..catalog.destination import Destination
from ..errors import StartupError
from ..packages import brought
from . import function, mailbox, webhook
from .interface import Kind

KINDS: tuple[Kind, ...] = (
    function.KIND,
    mailbox.KIND,
    webhook.KIND,
)

GROUP = "thence.destinations"


def install_kinds(
    kinds: Sequence[Kind] | None = None, forms: Sequence[str] = ("native",)
) -> Sequence[Kind]:
    """From now on this process reads destinations of these kinds (None: of all there are), whose
    records may have these forms. Raises StartupError."""
    found = found_kinds() if kinds is None else kinds
    catalog.install(catalog.Kinds(found, forms))
    return found


def found_kinds() -> Sequence[Kind]:
    """The kinds of this package and those that installed packages add, which may replace ours.

    Raises StartupError naming the entry point that cannot be used, or two of ours that are one: a
    destination that silently is not there would be found out by lost deliveries.
    """
    _check_ours(KINDS)
    return [*KINDS, *brought(GROUP, "destination", Kind, _types)]


def _check_ours(kinds: Sequence[Kind]) -> None:
    """No two of the list have a tag, a `type` or a first word of their texts in common."""
    found: dict[tuple[str, str], str] = {}
    for kind in kinds:
        name = f"{kind.destination.__module__}.{kind.destination.__qualname__}"
        types = catalog.types_of(kind)
        named = [("tag", str(kind.destination.__struct_config__.tag))]
        named += [("type", word) for word in types]
        named += [("first word", word) for word in kind.words or types]
        for what, word in named:
            other = found.setdefault((what, word), name)
            if other != name:
                raise StartupError(
                    f"The destinations {other} and {name} both have the {what} {word!r}; give one of "
                    "them another, or take it out of KINDS in thence/destinations/kinds.py."
                )


def _types(kind: Kind, name: str, entry_point: str) -> Iterable[str]:
    """Those of a kind that a package brings. Raises StartupError where its struct is not whole."""
    if not _is_whole(kind.destination):
        raise StartupError(
            f"{name} has the struct {kind.destination!r}; it must derive from Destination, with a tag "
            "of its own and the methods receiver() and describe().",
            entry_point=entry_point,
        )
    return catalog.types_of(kind)


def _is_whole(struct: Any) -> bool:
    if not (isinstance(struct, type) and issubclass(struct, Destination)):
        return False
    return isinstance(struct.__struct_config__.tag, str) and all(
        getattr(struct, method) is not getattr(Destination, method)
        for method in ("receiver", "describe")
    )
