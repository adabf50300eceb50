"""One function's share of the pool: its instances, and how many runs may be handed over now.

A slow or unknown function has one run per instance. Runs of a function that is known to be fast
may wait inside its instances, as many as take about WAITING_US together, so that frames travel
many at a time; and few instances serve it, because processes that fight for the same cores finish
less. An unknown function begins with as many instances as there are cores and gets two more for
each that came up, so a slow one reaches its limit in a few cold starts.
"""

from __future__ import annotations

import os
from collections import deque
from itertools import islice
from typing import Generic, Protocol, TypeVar

from ..interface import SHORT_US, Run

FAST_US = 1_000  # mean duration below which runs may wait inside instances
VERY_FAST_US = 200
WAITING_US = 8_000
WAITING_MAX = 128
FIRST_US = 500  # a busy instance with less than this before it is preferred to an idle one
_SHARE = 0.1  # of the newest duration in the mean
_SURELY_SLOW_US = 50_000  # no preempted fast run takes so long
_LOOKED_AT_MAX = 16
_OVERDUE_MS = 5  # a run of a fast function that takes longer is followed by no others

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_VERY_FAST_INSTANCES = max(1, min(16, CORES))
_FAST_INSTANCES = max(2, min(16, 4 * CORES))


class Serving(Protocol):
    """What a lane sees of an instance."""

    queue: deque[tuple[Run | None, int]]
    since: int
    ready: bool


Member = TypeVar("Member", bound=Serving)


class Holder:
    """One function with all its versions, as slots.py counts it."""

    __slots__ = ("family", "held", "lanes")

    def __init__(self, family: int) -> None:
        self.family = family
        self.held = 0
        self.lanes = 0


class Lane(Generic[Member]):
    """The instances of one function."""

    def __init__(self, function_id: int, name: str, revision: int, holder: Holder) -> None:
        self.function_id = function_id
        self.holder = holder
        self.holds = 0  # slots of the node, as slots.py counts them
        self.promised = 0  # runs that are on their way to it
        self.name = name
        self.revision = revision  # the newest seen
        self.count = 0  # processes, ending ones too
        self.shut = 0  # of them, those that take no more runs
        self.load = 0  # unanswered runs on the others
        self.idle: list[Member] = []  # the most recently used last
        self.busy: dict[Member, None] = {}  # open ones with a run
        self.came_up = 0  # instances that became ready
        self.mean_us = 0.0  # 0: unknown
        self.other_us = 0  # of the last run that the mean does not know; 0: there was none
        self.depth = 1  # runs per instance
        self.forgotten = False  # nobody needs the lane once its last instance is gone

    def start_anew(self) -> None:
        """Other code: nothing is known of its speed, but that it was short or long."""
        self.other_us = max(self.other_us, int(self.mean_us))
        self.came_up, self.mean_us, self.depth = 0, 0.0, 1

    def measured(self, duration_us: int) -> None:
        """Learn from a run that did not import the handler. What a busy machine adds to a short
        run is cut off, so that a preempted fast function does not pass for a slow one."""
        mean = self.mean_us
        if not mean:
            self.mean_us = max(1.0, float(duration_us))
        else:
            taken = float(duration_us)
            if taken < _SURELY_SLOW_US:
                taken = min(taken, max(4 * mean, 300.0))
            self.mean_us = mean + _SHARE * (taken - mean)
        self._set_depth()

    def seen_running_for(self, duration_us: int) -> None:
        """A run that has not ended yet has taken that long already."""
        self.mean_us = max(self.mean_us, float(duration_us))
        self._set_depth()

    def took(self, duration_us: int) -> None:
        """A run that is no measure of the code's speed (it imported it, or was ended from outside) has
        held its instance for so long."""
        self.other_us = max(1, duration_us)

    @property
    def short(self) -> bool:
        """Whether it is known to hold instances for short times only."""
        return 0 < max(self.mean_us, self.other_us) < SHORT_US

    def _set_depth(self) -> None:
        mean = self.mean_us
        self.depth = 1 if mean >= FAST_US else max(1, min(WAITING_MAX, int(WAITING_US / mean)))

    def wanted(self, concurrency: int) -> int:
        """How many instances it may have, as long as there is room for them on the node."""
        mean = self.mean_us
        if not mean:
            return min(concurrency, CORES + 2 * self.came_up)
        if mean >= FAST_US:
            return concurrency
        return min(concurrency, _VERY_FAST_INSTANCES if mean < VERY_FAST_US else _FAST_INSTANCES)

    def choose(self, alone: bool, now: int) -> Member | None:
        """A living instance for the next run, or None where a new one would serve it better."""
        depth = self.depth
        if depth > 1 and not alone:
            mean = self.mean_us
            for instance in islice(self.busy, _LOOKED_AT_MAX):
                waiting = len(instance.queue)
                if (
                    waiting < depth
                    and waiting * mean < FIRST_US
                    and (now - instance.since < _OVERDUE_MS or not instance.ready)
                ):
                    return instance
        return self.idle[-1] if self.idle else None

    def least_loaded(self) -> Member | None:
        """The busy instance with the shortest queue, if that has space."""
        if self.depth == 1 or not self.busy:
            return None
        instance = min(self.busy, key=lambda busy: len(busy.queue))
        return instance if len(instance.queue) < self.depth else None

    def room(self, concurrency: int, spare: int) -> int:
        """Runs that may be handed over now, beyond those that are promised. `spare`: how many more
        of its instances the node lets work."""
        count = self.count
        usable = min(concurrency, max(count, self.wanted(concurrency)))
        usable = min(usable, count - len(self.idle) + spare)
        room = (usable - self.shut) * self.depth - self.load - self.promised
        return room if room > 0 else 0

    def working_max(self, concurrency: int) -> int:
        """How many of its instances may work, as far as only the function is asked."""
        return min(concurrency, max(self.count, self.wanted(concurrency)))

    def room_alone(self, concurrency: int, spare: int) -> int:
        """Runs that may be handed over now and need an instance each to themselves."""
        idle = len(self.idle)
        room = min(concurrency - self.count + idle, spare)
        return max(0, room - self.promised)
