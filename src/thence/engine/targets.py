"""Functions as destinations: what is checked of them before a configuration is saved.

A cycle is looked for over the names of functions: whatever qualifier led into one, one of its
configurations leads on. A target that does not exist is allowed, it may be deployed later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..catalog.destination import Destination
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
            _check_qualifier(owed.destination, field, family_of)

    def targets(of: str) -> Iterable[str]:
        family = family_of(of)
        effects = [] if family is None else list(family.effects())
        if of == name:
            effects.append(new)
        called = (one.calls() for effect in effects for one in effect.destinations())
        return [target.name for target in called if target is not None]

    cycle = find_cycle(name, targets)
    if cycle is not None:
        spelled = " → ".join(cycle)
        first = [
            field
            for field, owed in owing
            if owed is not None and _calls(owed.destination, cycle[1])
        ]
        raise DestinationCycle(
            f"{' and '.join(first)}: these destinations form a cycle: {spelled}. An invocation "
            "would never end; send one of them elsewhere.",
            field=first[0],
            endings=first,
            cycle=cycle,
        )


def _calls(destination: Destination, name: str) -> bool:
    target = destination.calls()
    return target is not None and target.name == name


def _check_qualifier(
    destination: Destination, field: str, family_of: Callable[[str], Family[Lane] | None]
) -> None:
    target = destination.calls()
    family = None if target is None else family_of(target.name)
    if target is None or family is None:
        return
    try:
        family.row(target.qualifier)
    except QualifierNotFound as error:
        raise InvalidInput(
            f"{field}: {error.detail}", field=field, value=target.qualifier
        ) from None
