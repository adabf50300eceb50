"""What is looked at while anything runs: time limits, memory, output, and runs stuck behind others.
What an instance does that runs its pre-stop hook (pre_stop.py) is looked at, too.

One timer for all instances, PERIOD_MS apart, and none while there is no instance. Limits are
therefore enforced up to PERIOD_MS late. A look that comes much too late means that the clock was set, the
machine slept or the node hung: that time is nobody's, and no function is ended for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Protocol

from ...clock import Clock, Timer
from ...lifecycle.outcome import Outcome
from .deadline import overdue
from .instance import Instance
from .memory import resident_bytes

PERIOD_MS = 50
WAITING_PERIOD_MS = 250  # while every instance waits
STUCK_MS = 100  # runs behind one that takes longer are taken back
OUTPUT_KEPT_FACTOR = 64  # of the log limit: what an instance's output may hold while it runs
NOBODYS_MS = 2_000  # a look is never so late in a node that works


class Orders(Protocol):
    """What the sweep may ask for (stopping.py)."""

    def end_run(
        self,
        instance: Instance,
        sequence: int,
        outcome: Outcome,
        message: str,
        error_type: str = "",
    ) -> bool: ...

    def end_pre_stop(self, instance: Instance, why: str) -> None: ...

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
                _put_off(instance, now, late)
        active = waiting = False
        for instance in list(self._instances()):
            if instance.pre_stop_until:
                active = True
                self._pre_stopping(instance, now)
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
        sequence = instance.answered + 1
        late = overdue(instance, now)
        if late is not None:
            self._orders.end_run(
                instance, sequence, Outcome.TIMED_OUT, late.message, late.error_type
            )
            return
        over = _over_memory(instance)
        if over:
            self._orders.end_run(instance, sequence, Outcome.OUT_OF_MEMORY, over)
            return
        spent_ms = now - instance.since
        self._bound_output(instance)
        if spent_ms >= STUCK_MS and len(instance.queue) > 1 and not instance.shut:
            self._orders.release_waiting(instance, spent_ms)

    def _pre_stopping(self, instance: Instance, now: int) -> None:
        if now >= instance.pre_stop_until:
            limit = instance.function.spec.pre_stop_timeout_seconds
            why = f"it ran longer than its {limit:g} s (`pre_stop_timeout_seconds`) and was ended"
        else:
            why = _over_memory(instance)
        if why:
            self._orders.end_pre_stop(instance, why)
        else:
            self._bound_output(instance)

    def _bound_output(self, instance: Instance) -> None:
        if os.fstat(instance.output).st_size > self._output_bytes_max:
            # Only its end would be kept anyway; the file must not fill the machine's memory.
            os.ftruncate(instance.output, 0)
            instance.output_cut = True


def _put_off(instance: Instance, now: int, late_ms: int) -> None:
    """Nothing of that time counts."""
    instance.since = min(now, instance.since + late_ms)
    instance.created_at = min(now, instance.created_at + late_ms)
    if instance.pre_stop_until:
        instance.pre_stop_until += late_ms
    if instance.initializing_since:
        instance.initializing_since = min(now, instance.initializing_since + late_ms)


def _over_memory(instance: Instance) -> str:
    """What is wrong with what it holds; empty: nothing."""
    used = resident_bytes(instance)
    if not used > instance.memory_limit_bytes > 0:
        return ""
    return (
        f"the instance held {used >> 20} MiB; {instance.function.spec.memory_mb} MiB "
        "(`memory_mb`) and what an empty instance needs are allowed."
    )
