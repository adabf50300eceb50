"""What is looked at while anything runs: time limits, memory, output, and runs stuck behind others.

One timer for all instances, PERIOD_MS apart, and none while there is no instance. Limits are
therefore enforced up to PERIOD_MS late. A look that comes much too late means that the clock was set, the
machine slept or the node hung: that time is nobody's, and no function is ended for it.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable
from typing import Protocol

from ...clock import Clock, Timer
from ...lifecycle.outcome import Outcome
from .instance import Instance

PERIOD_MS = 50
WAITING_PERIOD_MS = 250  # while every instance waits
STUCK_MS = 100  # runs behind one that takes longer are taken back
OUTPUT_KEPT_FACTOR = 64  # of the log limit: what an instance's output may hold while it runs
NOBODYS_MS = 2_000  # a look is never so late in a node that works
_PAGE = resource.getpagesize()


class Orders(Protocol):
    """What the sweep may ask of the pool."""

    def end_run(
        self, instance: Instance, sequence: int, outcome: Outcome, message: str
    ) -> bool: ...

    def end_start(self, instance: Instance, why: str) -> None: ...

    def release_waiting(self, instance: Instance, running_ms: int) -> None: ...


class Sweep:
    """`arm()` after every hand-over; it stops by itself."""

    def __init__(
        self,
        clock: Clock,
        instances: Callable[[], Iterable[Instance]],
        orders: Orders,
        *,
        start_seconds: float,
        log_bytes_max: int,
    ) -> None:
        self._clock = clock
        self._instances = instances
        self._orders = orders
        self._start_seconds = start_seconds
        self._output_bytes_max = max(1, log_bytes_max) * OUTPUT_KEPT_FACTOR
        self._timer: Timer | None = None
        self._due_at = 0

    def arm(self, now: int, period_ms: int = PERIOD_MS) -> None:
        if self._timer is not None and self._due_at > now + period_ms:
            self.close()
        if self._timer is None:
            self._due_at = now + period_ms
            self._timer = self._clock.call_at(self._due_at, self.once)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def once(self) -> None:
        """One look at every instance: at all of one that runs something or starts, and at the
        output of one that waits, which a thread or a child that its handler left may go on with."""
        self._timer = None
        now = self._clock.now()
        late = now - self._due_at
        if late >= NOBODYS_MS:
            for instance in self._instances():
                instance.since = min(now, instance.since + late)
                instance.created_at = min(now, instance.created_at + late)
        active = waiting = False
        for instance in list(self._instances()):
            if instance.ending:
                continue
            if instance.ready and not instance.queue:
                waiting = True
                self._bound_output(instance)
                continue
            active = True
            if instance.ready:
                self._running(instance, now)
            elif now - instance.created_at >= self._start_seconds * 1000:
                self._orders.end_start(
                    instance, f"it was not ready within {self._start_seconds:g} s."
                )
        if active or waiting:
            self.arm(now, PERIOD_MS if active else WAITING_PERIOD_MS)

    def _running(self, instance: Instance, now: int) -> None:
        spent_ms = now - instance.since
        sequence = instance.answered + 1
        limit = instance.function.spec.timeout_seconds
        if spent_ms >= limit * 1000:
            self._orders.end_run(
                instance,
                sequence,
                Outcome.TIMED_OUT,
                f"the handler ran longer than its {limit:g} s (`timeout_seconds`) and was ended.",
            )
            return
        used = _resident_bytes(instance)
        if used > instance.memory_limit_bytes > 0:
            self._orders.end_run(
                instance,
                sequence,
                Outcome.OUT_OF_MEMORY,
                f"the instance held {used >> 20} MiB; {instance.function.spec.memory_mb} MiB "
                "(`memory_mb`) and what an empty instance needs are allowed.",
            )
            return
        self._bound_output(instance)
        if spent_ms >= STUCK_MS and len(instance.queue) > 1 and not instance.shut:
            self._orders.release_waiting(instance, spent_ms)

    def _bound_output(self, instance: Instance) -> None:
        if os.fstat(instance.output).st_size > self._output_bytes_max:
            # Only its end would be kept anyway; the file must not fill the machine's memory.
            os.ftruncate(instance.output, 0)
            instance.output_cut = True


def measure_base(instance: Instance, slack_bytes: int) -> None:
    """Remember what the empty instance holds: its memory limit is on top of that."""
    try:
        instance.statm = os.open(f"/proc/{instance.pid}/statm", os.O_RDONLY)
    except OSError:
        return  # no /proc, or it has ended already: RLIMIT_DATA alone limits it
    base = _resident_bytes(instance)
    if base:
        limit = instance.function.spec.memory_mb << 20
        instance.memory_limit_bytes = base + limit + slack_bytes


def _resident_bytes(instance: Instance) -> int:
    if instance.statm < 0:
        return 0
    try:
        return int(os.pread(instance.statm, 128, 0).split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0  # it has just ended
