"""Instances that run their function's pre-stop hook before they end.

They hold no slot any more, of their function or of the node, so nobody waits for them; therefore
there are never more of them than the node may have instances, and what comes on top ends at once,
without its hook. Their time, memory and output have limits (sweep.py), like those of others.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from ...clock import Clock
from .instance import Instance

log = logging.getLogger("thence.runtimes")

_SAID_BYTES_MAX = 2000


class PreStops:
    """Which instances run theirs. `began(now)` is called when another one does."""

    def __init__(self, clock: Clock, instances_max: int, began: Callable[[int], None]) -> None:
        self._began = began
        self._clock = clock
        self._instances_max = instances_max
        self._instances: set[Instance] = set()

    def __len__(self) -> int:
        return len(self._instances)

    def seconds(self) -> float:
        """What they have left at the most, for all their hooks."""
        limits = (instance.function.spec.pre_stop_timeout_seconds for instance in self._instances)
        return max(limits, default=0)

    def begin(self, instance: Instance, reason: str) -> bool:
        """Let an idle instance run its hook. False: it has none, or too many do; end it."""
        spec = instance.function.spec
        if not spec.pre_stop or not instance.answered:
            return False
        if len(self._instances) >= self._instances_max:
            log.warning(
                "the pre-stop hook of %s (%s) is not run: %d instances run theirs",
                instance.function.name,
                instance.name,
                len(self._instances),
            )
            return False
        instance.ending = True
        instance.end_reason = reason
        now = self._clock.now()
        instance.pre_stop_until = now + spec.pre_stop_timeout_seconds * 1000
        self._instances.add(instance)
        instance.ask_to_stop()
        self._began(now)
        return True

    def ended(self, instance: Instance, status: int | None) -> None:
        """Its process is no more; where the hook failed, the log says so. `status` as waitpid
        gives it."""
        if instance not in self._instances:
            return
        self._instances.remove(instance)
        why = instance.failure
        if not why and status is not None and status != 0:
            why = _why(instance, status)
        if why:
            log.warning(
                "the pre-stop hook of %s (%s) failed: %s",
                instance.function.name,
                instance.name,
                why,
            )


def _why(instance: Instance, status: int) -> str:
    if not os.WIFEXITED(status):
        return f"signal {os.WTERMSIG(status)} ended it"
    output = instance.take_output(_SAID_BYTES_MAX)[0].decode("utf-8", "replace").strip()
    last = output.rpartition("\n")[2]
    return last or f"exit status {os.WEXITSTATUS(status)}"
