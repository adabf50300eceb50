"""A plan: what a change of the catalogue writes, and what is told of it once it is written.

Plans are made of what is in memory and change nothing; engine/catalogue.py makes them happen. Two
plans of one change are added.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from msgspec import Struct

from ..catalog.step import DeleteEntry, PutEntry, Step
from .entries import OWN


class Told(Struct, frozen=True):
    """Of one function, for notices. `fields`: as catalog/changes.py writes them for a log."""

    name: str
    fields: tuple[str, ...] = ()
    change: str = "updated"  # or created, deleted
    revision: int | None = None  # None: as it is afterwards


class Plan(Struct, frozen=True):
    steps: tuple[Step, ...] = ()
    told: tuple[Told, ...] = ()

    def __add__(self, other: Plan) -> Plan:
        return Plan(self.steps + other.steps, self.told + other.told)


Decide = Callable[[], Awaitable[Plan]]
"""Looks at what is there and says what shall be. Called again where others came first."""

NOTHING = Plan()


def plan(*steps: Step, told: Told | None = None) -> Plan:
    return Plan(steps, () if told is None else (told,))


def told(name: str, fields: Iterable[str], change: str = "updated") -> Told:
    return Told(name, tuple(fields), change)


def put_entry(kind: str, owner: str, name: str, data: bytes, *, function: str = "") -> Plan:
    """See catalog.step.PutEntry. ValueError for a kind that the engine itself keeps."""
    _check_foreign(kind)
    return plan(PutEntry(kind, owner, name, data, function))


def delete_entry(kind: str, owner: str, name: str) -> Plan:
    """ValueError for a kind that the engine itself keeps."""
    _check_foreign(kind)
    return plan(DeleteEntry(kind, owner, name))


def _check_foreign(kind: str) -> None:
    if kind in OWN:
        raise ValueError(f"entries of the kind {kind!r} are changed by plans of their own")


def together(plans: Iterable[Plan]) -> Plan:
    """All of them as one."""
    return sum(plans, NOTHING)
