"""Functions as destinations: what is checked of them before a configuration is saved.

A cycle is looked for over the names of functions: whatever qualifier led into one, one of its
configurations leads on. A target that does not exist is allowed, it may be deployed later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..catalog.destination import Destination, FunctionDestination
from ..catalog.graph import find_cycle
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
    that its function does not have, DestinationCycle with the cycle. (What it replaces may be looked
    at as well: it was in no cycle. So the first step of a cycle is one of `new`.)"""
    owing = (("on_success", new.on_success), ("on_failure", new.on_failure))
    for field, owed in owing:
        if owed is not None:
            _check_qualifier(owed[1], field, family_of)

    def targets(of: str) -> Iterable[str]:
        family = family_of(of)
        effects = [] if family is None else list(family.effects())
        if of == name:
            effects.append(new)
        found = (one for effect in effects for one in effect.destinations())
        return [one.name for one in found if isinstance(one, FunctionDestination)]

    cycle = find_cycle(name, targets)
    if cycle is not None:
        spelled = " → ".join(cycle)
        first = [field for field, owed in owing if owed is not None and _is(owed[1], cycle[1])]
        raise DestinationCycle(
            f"{' and '.join(first)}: these destinations form a cycle: {spelled}. An invocation "
            "would never end; send one of them elsewhere.",
            field=first[0],
            endings=first,
            cycle=cycle,
        )


def _is(destination: Destination, name: str) -> bool:
    return isinstance(destination, FunctionDestination) and destination.name == name


def _check_qualifier(
    destination: Destination, field: str, family_of: Callable[[str], Family[Lane] | None]
) -> None:
    if not isinstance(destination, FunctionDestination):
        return
    family = family_of(destination.name)
    if family is None:
        return
    try:
        family.row(destination.qualifier)
    except QualifierNotFound as error:
        raise InvalidInput(
            f"{field}: {error.detail}", field=field, value=destination.qualifier
        ) from None
