"""Instances that wait for work, the longest waiting first, and their retirement.

One timer for all: it is set for the oldest and set again when it fires, so that going idle and
busy again costs two dictionary operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...clock import Clock, Timer
from .instance import Instance


class Idle:
    """`retire(instance)` must call `remove`."""

    def __init__(self, clock: Clock, seconds: float, retire: Callable[[Instance], None]) -> None:
        self._clock = clock
        self._wait_ms = int(seconds * 1000)
        self._retire = retire
        self._instances: dict[Instance, None] = {}
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._instances)

    def __iter__(self) -> Iterator[Instance]:
        return iter(self._instances)

    def add(self, instance: Instance, now: int) -> None:
        instance.since = now
        self._instances[instance] = None
        if self._timer is None:
            self._timer = self._clock.call_at(now + self._wait_ms, self._fire)

    def remove(self, instance: Instance) -> None:
        self._instances.pop(instance, None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        now = self._clock.now()
        for instance in list(self._instances):
            due = instance.since + self._wait_ms
            if due > now:
                self._timer = self._clock.call_at(due, self._fire)
                return
            self._retire(instance)
