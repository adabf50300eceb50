"""The line before the node: lanes that could run more if it had an instance for them.

Whoever holds least of the node comes first, and of those the one that has waited longest; what one
function holds counts for all its versions together. So instances that come free go to where they
make shares equal, and a function that holds none is served before all others. While one of those
waits, functions that hold more than an equal share begin nothing, not even inside instances that
they have: else those would never become free.

The part of the node that is kept free for functions that hold nothing is the runtime's to count.
"""

from __future__ import annotations

from collections import OrderedDict

from ..runtimes.interface import Runtime
from .family import Family
from .lanes import Lane


class Line:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.buckets: dict[int, OrderedDict[Family[Lane], None]] = {}
        """Families by what they hold; empty: nobody waits for the node."""

    def __len__(self) -> int:
        """How many functions wait for the node, each with all its versions."""
        return sum(map(len, self.buckets.values()))

    def enter(self, lane: Lane) -> None:
        """It waits for the node; where it stands already, as much as it holds now."""
        family = lane.family
        if family.in_line is None:
            family.in_line = OrderedDict()
        family.in_line[lane] = None
        self._place(family, self._runtime.held(lane.function))

    def leave(self, lane: Lane) -> None:
        family = lane.family
        if not family.in_line or lane not in family.in_line:
            return
        del family.in_line[lane]
        if not family.in_line:
            self._remove(family)

    def first(self) -> Lane | None:
        """Whose turn it is."""
        while self.buckets:
            # There are few different numbers: their sum is at most the node's instances.
            bucket = min(self.buckets)
            family = next(iter(self.buckets[bucket]))
            assert family.in_line
            lane = next(iter(family.in_line))
            held = self._runtime.held(lane.function)
            if held == bucket:
                return lane
            self._place(family, held)
        return None

    def before(self, lane: Lane) -> bool:
        """Whether it has to let others go first, who hold nothing."""
        starving = self.buckets.get(0)
        if not starving or lane.family in starving:
            return False
        now = self._runtime.occupancy()
        share = now.in_use / (now.holders + len(starving))
        return self._runtime.held(lane.function) > share

    def _place(self, family: Family[Lane], held: int) -> None:
        if family.bucket == held:
            return
        self._remove(family)
        family.bucket = held
        bucket = self.buckets.get(held)
        if bucket is None:
            bucket = self.buckets[held] = OrderedDict()
        bucket[family] = None

    def _remove(self, family: Family[Lane]) -> None:
        if family.bucket is None:
            return
        bucket = self.buckets[family.bucket]
        del bucket[family]
        if not bucket:
            del self.buckets[family.bucket]
        family.bucket = None
