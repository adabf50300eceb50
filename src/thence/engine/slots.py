"""Slots: how many runs of a function may be under way together, and how many there are.

Whoever promises, begins or ends a run counts it here, and whoever wants to begin one asks here, so that
there is one place to put another count: with SQLite one process has the store and counts for itself, in
memory. Where nodes share a store, a function's `concurrency` holds for all of them together, and what a
node may use of it is lent to it; then its `Slots` gives no more than it has on loan, and learns by
`take` and `release` what it lacks and what it can give back.

The counts stand in the lane and its family, where those that look at many of them find them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..catalog.function import Function
from .family import Family

Promise = Callable[[Function, int], None]


class Counted(Protocol):
    """What is counted of a lane: see Lane (lanes.py)."""

    function: Function
    family: Family[Any]
    keeps: bool
    large: bool
    reserved: int
    under_way: int
    unwritten: int
    kept_of_node: int

    def beside(self) -> int: ...

    def strict_room(self) -> int: ...


class Slots(Protocol):
    """A slot is taken for a run that is on its way; when it comes it is released and the run begins, in
    one step of the loop, so that nobody else gets it. Each run that has begun ends once."""

    def free(self, lane: Counted, room: int, *, written: bool = True) -> int:
        """Of so much room at the runtime, what the limits of the function leave; 0 or less: none.
        `written`: what the run comes to is, as that of a synchronous call is not."""
        ...

    def take(self, lane: Counted, number: int = 1) -> None:
        """So many of it are on their way."""
        ...

    def release(self, lane: Counted, number: int = 1) -> None:
        """So many of these have come, or never will."""
        ...

    def begin(self, lane: Counted) -> None:
        """The runtime gets one more."""
        ...

    def end(self, lane: Counted) -> None:
        """The runtime has answered one."""
        ...

    def keep(self, lane: Counted, number: int, of_node: int = 0) -> None:
        """So many that have ended keep their slots until their results are on disk; below 0: they are,
        or never will be. Slots of the function: they have left their instances, and others may need
        these. `of_node`: so many keep room of the node too."""
        ...


class SlotsHere:
    """All slots are this node's own. promise: the runtime's, told of all room that is promised."""

    def __init__(self, promise: Promise) -> None:
        self._promise = promise

    def free(self, lane: Counted, room: int, *, written: bool = True) -> int:
        if lane.keeps:
            room = min(room, lane.beside())
        if written and (lane.large or lane.unwritten):
            room = min(room, lane.strict_room())
        family = lane.family
        if family.limit is None:
            return room
        return min(room, family.limit - family.used - family.keeps)

    def take(self, lane: Counted, number: int = 1) -> None:
        lane.reserved += number
        lane.family.used += number
        self._promise(lane.function, number)

    def release(self, lane: Counted, number: int = 1) -> None:
        self.take(lane, -number)

    def begin(self, lane: Counted) -> None:
        lane.under_way += 1
        lane.family.used += 1
        lane.family.under_way += 1

    def end(self, lane: Counted) -> None:
        lane.under_way -= 1
        lane.family.used -= 1
        lane.family.under_way -= 1

    def keep(self, lane: Counted, number: int, of_node: int = 0) -> None:
        lane.unwritten += number
        lane.family.used += number
        if of_node:
            lane.kept_of_node += of_node
            self._promise(lane.function, of_node)
