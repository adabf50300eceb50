"""Functions as destinations: what is checked of them before a configuration is saved.

A cycle is looked for over the names of functions: whatever qualifier led into one, one of its
configurations leads on. A target that does not exist is allowed, it may be deployed later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..catalog.destination import Target
from ..catalog.graph import cycle_with
from ..errors import DestinationCycle, InvalidInput, QualifierNotFound
from .effect import InEffect
from .family import Family
from .lanes import Lane


def check_targets(
    name: str,
    new: InEffect,
    family_of: Callable[[str], Family[Lane] | None],
) -> None:
    """`new` is to be a configuration of the function `name`. Raises InvalidInput for a qualifier
    that its function does not have, DestinationCycle with the cycle."""
    said: list[tuple[str, str]] = []
    for field, owed in (("on_success", new.on_success), ("on_failure", new.on_failure)):
        target = None if owed is None else owed.destination.calls()
        if target is not None:
            _check_qualifier(target, field, family_of)
            said.append((field, target.name))

    def targets(of: str) -> Iterable[str]:
        family = family_of(of)
        effects = () if family is None else family.effects()
        called = (
            destination.calls() for effect in effects for destination in effect.destinations()
        )
        return [target.name for target in called if target is not None]

    cycle = cycle_with(name, said, targets)
    if cycle is not None:
        raise DestinationCycle(
            f"{' and '.join(cycle.fields)}: these destinations form a cycle: "
            f"{' → '.join(cycle.names)}. An invocation would never end; send one of them elsewhere.",
            field=cycle.fields[0],
            endings=cycle.fields,
            cycle=cycle.names,
        )


def _check_qualifier(
    target: Target, field: str, family_of: Callable[[str], Family[Lane] | None]
) -> None:
    family = family_of(target.name)
    if family is None:
        return
    try:
        family.row(target.qualifier)
    except QualifierNotFound as error:
        raise InvalidInput(
            f"{field}: {error.detail}", field=field, value=target.qualifier
        ) from None
