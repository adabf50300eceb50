"""What instances say themselves, and what launchers say of them: taken into the books and passed on."""

from __future__ import annotations

import logging
import os
import signal
import time

from ...clock import Clock
from ...lifecycle.outcome import Outcome
from ...notices import InstanceEnded, InstanceStarted, Notices
from ..interface import Ended, Run
from ..launcher import Launcher
from ..wire import frames
from . import ended as endings
from .answer import Answer
from .books import Books
from .done import Done
from .instance import Instance
from .lane import Lane
from .memory import measure_base, peak_bytes
from .pre_stop import PreStops
from .stopping import Stopping
from .wait_until import WaitUntil

log = logging.getLogger("thence.runtimes")

_RESIDENT_SLACK_BYTES = 16 << 20  # so that a MemoryError comes before we end the instance
_ENDS_ITSELF = frozenset({frames.OUT_OF_MEMORY, frames.CRASHED, frames.INITIALIZER_FAILED})


class Reports:
    """`instance.Listener` and `launcher.LauncherEvents`."""

    def __init__(
        self,
        books: Books,
        done: Done,
        stopping: Stopping,
        pre_stops: PreStops,
        wait: WaitUntil,
        notices: Notices,
        clock: Clock,
        log_bytes_max: int,
    ) -> None:
        self._books = books
        self._slots = books.slots
        self._done = done
        self._stopping = stopping
        self._pre_stops = pre_stops
        self._wait = wait
        self._notices = notices
        self._clock = clock
        self._log_bytes_max = log_bytes_max

    # ------------------------------------------------------------------ what instances say

    def answered(self, instance: Instance, answers: list[Answer]) -> None:
        lane = instance.lane
        now, ns = self._clock.now(), time.monotonic_ns()
        finished: list[tuple[Run, Ended]] = []
        died = False
        for answer in answers:
            kind = answer.kind
            if kind == frames.HELLO:
                self._came_up(instance, now)
                continue
            if kind == frames.START_FAILED:
                instance.failure = answer.error_message
                continue
            run = answer.run
            if run is not None and not instance.shut:
                lane.load -= 1
            if kind in _ENDS_ITSELF:
                self._ends_itself(instance, kind)
                died = True
            if run is not None:
                finished.append((run, self._ended(instance, answer, run, now, ns)))
        if instance.queue:
            instance.since = now
        elif instance.ready:
            self._became_idle(instance, lane, now)
        self._slots.recount(lane)
        if died:  # so it says: what it started may trace it, and then its end is not told to us
            instance.launcher.kill(instance.number)
        for run, ended in finished:
            self._done.tell(run, ended)
        self._books.room_grew(lane)

    def disconnected(self, instance: Instance, why: str) -> None:
        if why:
            log.warning("%s of %s: %s", instance.name, instance.function.name, why)
        if not instance.ending:
            self._books.remove_idle(instance)
            self._books.shut(instance)
            self._slots.recount(instance.lane)
            self._stopping.kill(instance, "crashed")

    def _ended(
        self, instance: Instance, answer: Answer, run: Run, now: int, monotonic_ns: int
    ) -> Ended:
        """What the engine is told of an answer; the lane learns how fast its runs are."""
        if answer.flags & frames.LOADED_HANDLER:
            instance.initialized = True
            instance.lane.took(answer.duration_us)
        elif answer.kind != frames.SKIPPED:
            instance.lane.measured(answer.duration_us)
        if instance.output_cut:
            answer.flags |= frames.OUTPUT_TRUNCATED
            instance.output_cut = False
        ended = endings.of_answer(answer, instance.name, now, monotonic_ns, self._log_bytes_max)
        if run.measure:
            ended.memory_bytes = peak_bytes(instance)
        return ended

    def _ends_itself(self, instance: Instance, kind: int) -> None:
        self._books.shut(instance)
        instance.ending = True
        instance.end_reason = "out_of_memory" if kind == frames.OUT_OF_MEMORY else "crashed"

    def _came_up(self, instance: Instance, now: int) -> None:
        """It has said that it is ready, and the launcher which process it is: both, in any order, for
        without its process its memory cannot be seen. No function's code has begun in it, and none
        shall where it was given up meanwhile."""
        if instance.ready or instance.ending or not instance.greeted or not instance.pid:
            return
        instance.ready = True
        instance.lane.came_up += 1
        measure_base(instance, _RESIDENT_SLACK_BYTES)
        instance.open()
        start_ms = now - instance.created_at
        self._notices.publish(InstanceStarted(instance.lane.name, instance.name, start_ms))

    def _became_idle(self, instance: Instance, lane: Lane[Instance], now: int) -> None:
        """Its queue is empty: it waits for work, or ends."""
        if instance.ending:
            return
        if instance.retiring:
            self._stopping.retire_shut(instance, "replaced")
            return
        if instance.shut:
            if not self._books.accepting:
                if instance.function.spec.pre_stop:
                    self._stopping.retire_shut(instance, "closing")
                return
            instance.restore()
            instance.shut = False
            lane.shut -= 1
        else:
            lane.busy.pop(instance, None)
        self._books.add_idle(instance, now)

    # ------------------------------------------------------------------ what launchers say

    def instance_started(self, number: int, pid: int) -> None:
        instance = self._books.instances.get(number)
        if instance is None:
            return
        instance.pid = pid
        if instance.greeted and not instance.ready:
            now = self._clock.now()
            self._came_up(instance, now)
            instance.since = now
            if not instance.queue:
                self._became_idle(instance, instance.lane, now)

    def instance_ended(
        self, number: int, status: int | None, error: str = "", peak_bytes: int = 0
    ) -> None:
        instance = self._books.instances.get(number)
        if instance is None:
            return
        instance.peak_bytes = peak_bytes
        if error:
            instance.failure = error
        self.gone(instance, status)

    def launcher_lost(self, launcher: Launcher, sentence: str, all_ended: bool) -> None:
        for instance in list(self._books.instances.values()):
            if instance.launcher is not launcher:
                continue
            if instance.pid and not all_ended:
                _kill_group(instance.pid)
            instance.failure = instance.failure or sentence
            self.gone(instance, None)

    def gone(self, instance: Instance, status: int | None) -> None:
        """Its process is no more: settle what it had."""
        instance.ending = True
        instance.read_all()
        if not instance.ready and instance.end_reason == "crashed" and instance.verdict is None:
            why = endings.why_not_up(instance, status)
            self._stopping.say_not_started(instance.function.name, why)
        lane = instance.lane
        self._books.remove(instance)
        self._pre_stops.ended(instance, status)
        finished = self._unanswered(instance, status)
        instance.close()
        if lane.forgotten:
            self._books.forget_if_unused(lane)
        self._notices.publish(InstanceEnded(lane.name, instance.name, instance.end_reason))
        for run, ended in finished:
            self._done.tell(run, ended)
        self._books.room_grew(lane)
        if self._wait.waiting:
            self._wait.look()

    def _unanswered(self, instance: Instance, status: int | None) -> list[tuple[Run, Ended]]:
        """How the runs in its queue ended: the first may have begun, the others have not."""
        now, ns = self._clock.now(), time.monotonic_ns()
        finished: list[tuple[Run, Ended]] = []
        for position, (run, handed_at) in enumerate(instance.queue):
            if run is None:
                continue
            ended = Ended(Outcome.NOT_STARTED, instance=instance.name)
            if position == 0:
                ended = endings.of_first(instance, status, handed_at, now, ns, self._log_bytes_max)
                if ended.started_at is not None:
                    instance.lane.took(ended.duration_us)
            finished.append((run, ended))
        instance.queue.clear()
        return finished


def _kill_group(pid: int) -> None:
    """With what started it gone nobody else ends them. PR_SET_PDEATHSIG has ended the instance; its own
    children are still in its group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nothing was left of it
