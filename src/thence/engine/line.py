"""The line before the node: lanes that could run more if it had an instance for them.

Whoever holds least of the node comes first, and of those the one that has waited longest; what one
function holds counts for all its versions together. So instances that come free go to where they
make shares equal, and a function that holds none is served before all others. While one of those
waits, functions that hold more than an equal share begin nothing, not even inside instances that
they have: else those would never become free.

The part of the node that is kept free for functions that hold nothing is the runtime's to count. The
last of it is for short runs alone: those of functions that hold nothing stand in a bucket of their own,
which comes first where nothing but that is left, and else by who has waited longest.
"""

from __future__ import annotations

from collections import OrderedDict

from ..runtimes.interface import Runtime
from .family import Family
from .lanes import Lane

NONE = 0  # holds nothing
NONE_SHORT = -1  # and its runs are short


class Line:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._number = 0
        self.buckets: dict[int, OrderedDict[Family[Lane], int]] = {}
        """Families by what they hold, each with the number of its coming there; empty: nobody waits
        for the node."""

    def __len__(self) -> int:
        """How many functions wait for the node, each with all its versions."""
        return sum(map(len, self.buckets.values()))

    def enter(self, lane: Lane) -> None:
        """It waits for the node; where it stands already, as much as it holds now."""
        family = lane.family
        if family.in_line is None:
            family.in_line = OrderedDict()
        family.in_line[lane] = None
        self._place(family, self._bucket(lane))

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
            bucket = self._next()
            family = next(iter(self.buckets[bucket]))
            assert family.in_line
            lane = next(iter(family.in_line))
            now = self._bucket(lane)
            if now == bucket:
                return lane
            self._place(family, now)
        return None

    def _next(self) -> int:
        # There are few different numbers: their sum is at most the node's instances.
        bucket = min(self.buckets)
        long = self.buckets.get(NONE) if bucket == NONE_SHORT else None
        if long is None:
            return bucket
        node = self._runtime.occupancy()
        if node.instances_max - node.in_use <= node.kept_short:
            return NONE_SHORT
        came = next(iter(self.buckets[NONE_SHORT].values()))
        return NONE_SHORT if came < next(iter(long.values())) else NONE

    def _bucket(self, lane: Lane) -> int:
        held = self._runtime.held(lane.function)
        return held if held or not self._runtime.short(lane.function) else NONE_SHORT

    def before(self, lane: Lane) -> bool:
        """Whether it has to let others go first, who hold nothing."""
        starving = 0
        for bucket in (NONE_SHORT, NONE):
            families = self.buckets.get(bucket)
            if families:
                if lane.family in families:
                    return False
                starving += len(families)
        if not starving:
            return False
        now = self._runtime.occupancy()
        share = now.in_use / (now.holders + starving)
        return self._runtime.held(lane.function) > share

    def _place(self, family: Family[Lane], number: int) -> None:
        if family.bucket == number:
            return
        self._remove(family)
        family.bucket = number
        bucket = self.buckets.get(number)
        if bucket is None:
            bucket = self.buckets[number] = OrderedDict()
        self._number += 1
        bucket[family] = self._number

    def _remove(self, family: Family[Lane]) -> None:
        if family.bucket is None:
            return
        bucket = self.buckets[family.bucket]
        del bucket[family]
        if not bucket:
            del self.buckets[family.bucket]
        family.bucket = None
