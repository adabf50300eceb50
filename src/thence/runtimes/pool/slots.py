"""The node's slots: who holds how many, and how many more one may have.

A slot is held by an instance that works, and by one that a promised run will take. Idle instances
hold none: they make way for others. `kept_free` slots are for functions that hold nothing, so that
whatever the busy ones do, another's run begins at once; some of them (`kept_short`) only for those
whose runs are short, so that this is true however many functions have long ones. All versions of a
function are one holder.

Every number is kept as things change; nothing here looks at more than one lane.
"""

from __future__ import annotations

from typing import Any

from ..interface import Occupancy, kept_short
from .lane import Holder, Lane


class Slots:
    """`recount(lane)` after every change of what a lane holds."""

    def __init__(self, instances_max: int, kept_free: int) -> None:
        self.instances_max = instances_max
        self.kept_free = kept_free
        self.kept_short = kept_short(kept_free)
        self._in_use = 0
        self._holding = 0  # holders that hold anything
        self._holders: dict[int, Holder] = {}

    def enter(self, family: int) -> Holder:
        """The holder of a new lane."""
        holder = self._holders.get(family)
        if holder is None:
            holder = self._holders[family] = Holder(family)
        holder.lanes += 1
        return holder

    def leave(self, lane: Lane[Any]) -> None:
        """That lane is forgotten; it has no instance and no promise."""
        holder = lane.holder
        holder.lanes -= 1
        if not holder.lanes:
            del self._holders[holder.family]

    def recount(self, lane: Lane[Any]) -> None:
        holds = lane.count - len(lane.idle)
        promised = lane.promised
        if promised:
            # Instances that they will take beyond those that are busy already.
            beyond = promised + lane.load - len(lane.busy) * lane.depth
            if beyond > 0:
                holds -= -beyond // lane.depth
        more = holds - lane.holds
        if not more:
            return
        lane.holds = holds
        self._in_use += more
        holder = lane.holder
        before = holder.held
        holder.held = before + more
        if not before:
            self._holding += 1
        elif not holder.held:
            self._holding -= 1

    def spare(self, lane: Lane[Any]) -> int:
        """How many more instances of the lane may work than do now, what is promised to itself
        included."""
        working = lane.count - len(lane.idle)
        spare = self.instances_max - (self._in_use - lane.holds) - working
        if spare <= 0:
            return 0
        left = spare - self.kept_free
        if left > 0:
            return left
        if working or lane.holder.held > lane.holds:
            return 0
        return 1 if spare > self.kept_short or lane.short else 0

    def vacant(self, lane: Lane[Any]) -> int:
        """The same where nothing is kept free from it."""
        working = lane.count - len(lane.idle)
        return max(0, self.instances_max - (self._in_use - lane.holds) - working)

    def held(self, family: int) -> int:
        holder = self._holders.get(family)
        return 0 if holder is None else holder.held

    def occupancy(self) -> Occupancy:
        return Occupancy(
            self.instances_max, self._in_use, self._holding, self.kept_free, self.kept_short
        )
