"""The pool's books: which instances there are, whose they are, and how much of the node is held.

An instance is *open* (may get runs: in its lane's `idle` or `busy`), *shut* (finishes what it has:
it has a run that wants to be alone, runs were taken back from it, or it is of an older revision),
or *ending* (told to end; its process is reported gone a moment later, and only then are its runs
settled, so that a function's limit holds for processes that are still dying).

Here the counts are kept; when an instance is to be shut or ended is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

from ...catalog.function import Function
from .idle import Idle
from .instance import Instance
from .lane import Lane
from .slots import Slots


class Books:
    """Lanes, instances and the counts of both."""

    def __init__(self, idle: Idle, *, instances_max: int, kept_free: int) -> None:
        self.idle = idle
        self.instances_max = instances_max
        self.slots = Slots(instances_max, kept_free)
        self.lanes: dict[int, Lane[Instance]] = {}
        self.instances: dict[int, Instance] = {}
        self.total = 0  # instances that hold a slot of the node
        self.accepting = False  # runs are taken
        self._on_room: list[Callable[[int], None]] = []

    def on_room(self, callback: Callable[[int], None]) -> None:
        self._on_room.append(callback)

    def room_grew(self, lane: Lane[Instance]) -> None:
        for callback in self._on_room:
            callback(lane.function_id)

    # ------------------------------------------------------------------ lanes

    def enter_lane(self, function: Function) -> Lane[Instance]:
        """A new one, for a function that has none."""
        holder = self.slots.enter(function.family)
        lane: Lane[Instance] = Lane(function.id, function.name, function.revision, holder)
        self.lanes[function.id] = lane
        return lane

    def forget_if_unused(self, lane: Lane[Instance]) -> None:
        if lane.count or lane.promised or self.lanes.get(lane.function_id) is not lane:
            return
        self.slots.leave(lane)
        del self.lanes[lane.function_id]

    # ------------------------------------------------------------------ instances

    def add(self, instance: Instance) -> None:
        """A new one, open and busy."""
        lane = instance.lane
        self.instances[instance.number] = instance
        self.total += 1
        lane.count += 1
        lane.busy[instance] = None

    def add_idle(self, instance: Instance, now: int) -> None:
        instance.lane.idle.append(instance)
        self.idle.add(instance, now)

    def take_idle(self, lane: Lane[Instance]) -> None:
        """The most recently used one of the lane gets a run."""
        instance = lane.idle.pop()
        self.idle.remove(instance)
        lane.busy[instance] = None

    def remove_idle(self, instance: Instance) -> None:
        """If it is idle: nothing may be given to it, and nobody may retire it, while it ends."""
        if instance in instance.lane.idle:
            instance.lane.idle.remove(instance)
            self.idle.remove(instance)

    def shut(self, instance: Instance) -> None:
        """It takes no more runs, at least until its queue is empty."""
        if instance.shut:
            return
        lane = instance.lane
        instance.shut = True
        lane.shut += 1
        lane.load -= sum(run is not None for run, _ in instance.queue)
        lane.busy.pop(instance, None)
        if lane.promised:
            self.slots.recount(lane)

    def uncount(self, instance: Instance) -> None:
        """It holds no slot any more, of its function or of the node."""
        if instance.counted:
            instance.counted = False
            instance.lane.count -= 1
            self.total -= 1
            self.slots.recount(instance.lane)

    def remove(self, instance: Instance) -> None:
        """Its process is gone."""
        del self.instances[instance.number]
        if instance.counted:
            self.remove_idle(instance)
            self.shut(instance)
            instance.lane.shut -= 1
            self.uncount(instance)
        self.slots.recount(instance.lane)

    def anything_runs(self) -> bool:
        return any(
            run is not None for instance in self.instances.values() for run, _ in instance.queue
        )
