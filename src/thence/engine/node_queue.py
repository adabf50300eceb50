"""The line before the node: lanes that could run more if it had an instance for them.

Whoever holds least of the node comes first, and of those the one that has waited longest; what one
function holds counts for all its versions together, and of these too the one that has waited longest
comes first. So instances that come free go to where they make shares equal, and a function that holds
none is served before all others. While one of those waits, functions that hold more than an equal
share begin nothing, not even inside instances that they have: else those would never become free.

The part of the node that is kept free for functions that hold nothing is the runtime's to count. The
last of it is for short runs alone: functions that hold nothing and have some stand in a bucket of their
own, which comes first where nothing but that is left, and else by who has waited longest.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice

from ..runtimes.interface import Runtime
from .family import Family
from .lanes import Lane

NONE = 0  # holds nothing
NONE_SHORT = -1  # and runs of it that wait are short
LOOKED_AT_MAX = 16  # lanes of one function, for the one whose turn it is


class NodeQueue:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._number = 0
        self.buckets: dict[int, OrderedDict[Family[Lane], int]] = {}
        """Families by what they hold, each with the number of its first lane; empty: nobody waits
        for the node."""

    def __len__(self) -> int:
        """How many functions wait for the node, each with all its versions."""
        return sum(map(len, self.buckets.values()))

    def enter(self, lane: Lane) -> None:
        """It waits for the node; where it stands already, as much as it holds now."""
        family = lane.family
        if family.in_line is None:
            family.in_line = OrderedDict()
        if lane not in family.in_line:
            self._number += 1
            family.in_line[lane] = self._number
        self.look(family)

    def leave(self, lane: Lane) -> None:
        family = lane.family
        if not family.in_line or lane not in family.in_line:
            return
        del family.in_line[lane]
        self.look(family)

    def served(self, lane: Lane) -> None:
        """A run of it has ended: it had its turn, and stands behind who has come meanwhile."""
        family = lane.family
        if family.in_line and lane in family.in_line:
            self._number += 1
            family.in_line[lane] = self._number
            family.in_line.move_to_end(lane)
        self.look(family)

    def look(self, family: Family[Lane]) -> None:
        """What it holds, or which of its lanes wait, may be another than before."""
        if family.in_line:
            self._place(family, self._bucket(family))
        else:
            self._remove(family)

    def first(self) -> Lane | None:
        """Whose turn it is."""
        while self.buckets:
            bucket = self._next()
            family = next(iter(self.buckets[bucket]))
            assert family.in_line
            now = self._bucket(family)
            if now != bucket:
                self._place(family, now)
            elif bucket == NONE_SHORT and self._only_short_left():
                return self._short(family)
            else:
                return next(iter(family.in_line))
        return None

    def _next(self) -> int:
        # There are few different numbers: their sum is at most the node's instances.
        bucket = min(self.buckets)
        long = self.buckets.get(NONE) if bucket == NONE_SHORT else None
        if long is None:
            return bucket
        if self._only_short_left():
            return NONE_SHORT
        came = next(iter(self.buckets[NONE_SHORT].values()))
        return NONE_SHORT if came < next(iter(long.values())) else NONE

    def _only_short_left(self) -> bool:
        node = self._runtime.occupancy()
        return 0 < node.instances_max - node.in_use <= node.kept_short

    def _bucket(self, family: Family[Lane]) -> int:
        lanes = family.in_line
        assert lanes
        first = next(iter(lanes)).function
        held = self._runtime.held(first)
        if held:
            return held
        if self._runtime.short(first):
            return NONE_SHORT
        return NONE if len(lanes) == 1 or self._short(family) is None else NONE_SHORT

    def _short(self, family: Family[Lane]) -> Lane | None:
        """The first of its lanes whose runs are short."""
        for lane in islice(family.in_line or (), LOOKED_AT_MAX):
            if self._runtime.short(lane.function):
                return lane
        return None

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
        assert family.in_line
        came = next(iter(family.in_line.values()))
        longest = bool(bucket) and came < next(iter(bucket.values()))
        bucket[family] = came
        if longest:  # it comes back: what one version got is not taken from the turn of another
            bucket.move_to_end(family, last=False)

    def _remove(self, family: Family[Lane]) -> None:
        if family.bucket is None:
            return
        bucket = self.buckets[family.bucket]
        del bucket[family]
        if not bucket:
            del self.buckets[family.bucket]
        family.bucket = None
