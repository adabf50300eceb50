"""The instances of the pool and its books: what they say, and how each of them ends.

An instance is *open* (may get runs: in its lane's `idle` or `busy`), *shut* (finishes what it has:
it has a run that wants to be alone, runs were taken back from it, or it is of an older revision),
or *ending* (told to end; its process is reported gone a moment later, and only then are its runs
settled, so that a function's limit holds for processes that are still dying).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence

from ...clock import Clock
from ...lifecycle.outcome import Outcome
from ...notices import InstanceEnded, InstanceStarted, Notices
from ...seldom import Seldom
from ..interface import Ended, Run
from ..kind import RuntimeKind
from ..launcher import Launcher, SandboxFolders
from ..wire import frames
from . import ending
from .idle import Idle
from .instance import Answer, Instance
from .lane import Lane
from .memory import measure_base, peak_bytes
from .pre_stop import Leaving
from .slots import Slots
from .sweep import Sweep
from .wait_until import Until

log = logging.getLogger("thence.runtimes")

_RESIDENT_SLACK_BYTES = 16 << 20  # so that a MemoryError comes before we end the instance

_ENDS_ITSELF = frozenset({frames.OUT_OF_MEMORY, frames.CRASHED, frames.INITIALIZER_FAILED})


class Crew:
    """Lanes, instances and the counts of both. `pool.Pool` puts runs into it."""

    def __init__(
        self,
        notices: Notices,
        clock: Clock,
        *,
        instances_max: int,
        kept_free: int,
        idle_seconds: float,
        log_bytes_max: int,
        start_seconds: float,
        kinds: Sequence[RuntimeKind],
        sandbox: SandboxFolders | None,
    ) -> None:
        self._notices = notices
        self._clock = clock
        self._instances_max = instances_max
        self._slots = Slots(instances_max, kept_free)
        self._log_bytes_max = log_bytes_max
        self._lanes: dict[int, Lane[Instance]] = {}
        self._instances: dict[int, Instance] = {}
        self._total = 0  # instances that hold a slot of the node
        self._on_room: list[Callable[[int], None]] = []
        self._accepting = False
        self._closed = False
        self._until = Until()
        self._seldom = Seldom()
        self._kinds = {kind.name: kind for kind in kinds}
        self._launchers: dict[str, Launcher] = {
            kind.name: kind.launcher(self, sandbox) for kind in kinds
        }
        self._idle = Idle(clock, idle_seconds, self._retire_idle)
        self._leaving = Leaving(clock, instances_max)
        self._sweep = Sweep(
            clock,
            self._instances.values,
            self,
            start_seconds=start_seconds,
            log_bytes_max=log_bytes_max,
        )

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
                self._shut(instance)
                instance.ending = True
                memory = kind == frames.OUT_OF_MEMORY
                instance.end_reason = "out_of_memory" if memory else "crashed"
                died = True
            if run is None:
                continue
            if answer.flags & frames.LOADED_HANDLER:
                instance.initialized = True
                lane.took(answer.duration_us)
            elif kind != frames.SKIPPED:
                lane.measured(answer.duration_us)
            if instance.output_cut:
                answer.flags |= frames.OUTPUT_TRUNCATED
                instance.output_cut = False
            ended = ending.of_answer(answer, instance.name, now, ns, self._log_bytes_max)
            if run.measure:
                ended.memory_bytes = peak_bytes(instance)
            finished.append((run, ended))
        if instance.queue:
            instance.since = now
        elif instance.ready:
            self._rest(instance, lane, now)
        self._slots.recount(lane)
        if died:  # so it says: what it started may trace it, and then its end is not told to us
            instance.launcher.kill(instance.number)
        for run, ended in finished:
            self._finish(run, ended)
        self._room_grew(lane)

    def went_silent(self, instance: Instance, why: str) -> None:
        if why:
            log.warning("%s of %s: %s", instance.name, instance.function.name, why)
        if not instance.ending:
            self._no_longer_idle(instance)
            self._shut(instance)
            self._slots.recount(instance.lane)
            self._kill(instance, "crashed")

    def _came_up(self, instance: Instance, now: int) -> None:
        """It has said that it is ready, and the fork server which process it is: both, in any order, for
        without its process its memory cannot be seen. No function's code has begun in it."""
        if instance.ready or not instance.greeted or not instance.pid:
            return
        instance.ready = True
        instance.lane.came_up += 1
        measure_base(instance, _RESIDENT_SLACK_BYTES)
        instance.open()
        start_ms = now - instance.created_at
        self._notices.publish(InstanceStarted(instance.lane.name, instance.name, start_ms))

    def _rest(self, instance: Instance, lane: Lane[Instance], now: int) -> None:
        """Its queue is empty: it waits for work, or ends."""
        if instance.ending:
            return
        if instance.retiring:
            self._let_go(instance, "replaced")
            return
        if instance.shut:
            if not self._accepting:
                if instance.function.spec.pre_stop:
                    self._let_go(instance, "closing")
                return
            instance.restore()
            instance.shut = False
            lane.shut -= 1
        else:
            lane.busy.pop(instance, None)
        lane.idle.append(instance)
        self._idle.add(instance, now)

    # ------------------------------------------------------------------ what the fork server says

    def instance_started(self, number: int, pid: int) -> None:
        instance = self._instances.get(number)
        if instance is None:
            return
        instance.pid = pid
        if instance.greeted and not instance.ready:
            now = self._clock.now()
            self._came_up(instance, now)
            instance.since = now
            if not instance.queue:
                self._rest(instance, instance.lane, now)

    def instance_ended(
        self, number: int, status: int | None, error: str = "", peak_bytes: int = 0
    ) -> None:
        instance = self._instances.get(number)
        if instance is None:
            return
        instance.peak_bytes = peak_bytes
        if error:
            instance.failure = error
        self._gone(instance, status)

    def launcher_lost(self, launcher: Launcher, sentence: str, all_ended: bool) -> None:
        for instance in list(self._instances.values()):
            if instance.launcher is not launcher:
                continue
            if instance.pid and not all_ended:
                self._kill_group(instance.pid)
            instance.failure = instance.failure or sentence
            self._gone(instance, None)

    def _say_not_started(self, name: str, why: str) -> None:
        """Once a minute and function: every attempt of it meets the same."""
        if self._seldom.may_say(name):
            log.error("an instance of %s could not be started: %s", name, why)

    def _kill_group(self, pid: int) -> None:
        """With fork server and guardian gone nobody else ends them. PR_SET_PDEATHSIG has ended the instance; its own
        children are still in its group."""
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # nothing was left of it

    def _gone(self, instance: Instance, status: int | None) -> None:
        """Its process is no more: settle what it had."""
        instance.ending = True
        instance.hear_all()
        if not instance.ready and instance.end_reason == "crashed" and instance.verdict is None:
            self._say_not_started(instance.function.name, ending.why_not_up(instance, status))
        lane = instance.lane
        del self._instances[instance.number]
        if instance.counted:
            self._no_longer_idle(instance)
            self._shut(instance)
            lane.shut -= 1
            self._uncount(instance)
        self._slots.recount(lane)
        now, ns = self._clock.now(), time.monotonic_ns()
        self._leaving.gone(instance, status)
        finished: list[tuple[Run, Ended]] = []
        for position, (run, handed_at) in enumerate(instance.queue):
            if run is None:
                continue
            ended = Ended(Outcome.NOT_STARTED, instance=instance.name)
            if position == 0:
                ended = ending.of_first(instance, status, handed_at, now, ns, self._log_bytes_max)
                if ended.started_at is not None:
                    lane.took(ended.duration_us)
            finished.append((run, ended))
        instance.queue.clear()
        instance.close()
        if lane.forgotten:
            self._forget_if_unused(lane)
        self._notices.publish(InstanceEnded(lane.name, instance.name, instance.end_reason))
        for run, ended in finished:
            self._finish(run, ended)
        self._room_grew(lane)
        if self._until.waiting:
            self._until.look()

    def _forget_if_unused(self, lane: Lane[Instance]) -> None:
        if lane.count or lane.promised or self._lanes.get(lane.function_id) is not lane:
            return
        self._slots.leave(lane)
        del self._lanes[lane.function_id]

    # ------------------------------------------------------------------ ending instances

    def _shut(self, instance: Instance) -> None:
        if instance.shut:
            return
        lane = instance.lane
        instance.shut = True
        lane.shut += 1
        lane.load -= sum(run is not None for run, _ in instance.queue)
        lane.busy.pop(instance, None)
        if lane.promised:
            self._slots.recount(lane)

    def _no_longer_idle(self, instance: Instance) -> None:
        """If it is: nothing may be given to it, and nobody may retire it, while it ends."""
        if instance in instance.lane.idle:
            instance.lane.idle.remove(instance)
            self._idle.remove(instance)

    def _kill(self, instance: Instance, reason: str) -> None:
        instance.ending = True
        instance.end_reason = reason
        instance.launcher.kill(instance.number)

    def _uncount(self, instance: Instance) -> None:
        if instance.counted:
            instance.counted = False
            instance.lane.count -= 1
            self._total -= 1
            self._slots.recount(instance.lane)

    def _retire_idle(self, instance: Instance, reason: str = "idle") -> None:
        """Its slot is free at once: the fork server ends it before it starts another."""
        instance.lane.idle.remove(instance)
        self._idle.remove(instance)
        instance.shut = True
        self._uncount(instance)
        if not self._begin_leaving(instance, reason):
            self._kill(instance, reason)

    def _let_go(self, instance: Instance, reason: str) -> None:
        """It is shut and has nothing to do."""
        if self._begin_leaving(instance, reason):
            instance.lane.shut -= 1
            self._uncount(instance)
        else:
            self._kill(instance, reason)

    def _begin_leaving(self, instance: Instance, reason: str) -> bool:
        """Whether it runs its pre-stop hook now and ends then."""
        if not self._leaving.begin(instance, reason):
            return False
        self._sweep.arm(self._clock.now())
        return True

    def _dismiss_idle(self) -> None:
        """The node leaves: those that wait for work run their pre-stop hooks, if they have one."""
        for instance in list(self._idle):
            if instance.function.spec.pre_stop:
                self._retire_idle(instance, "closing")

    def _replace(self, lane: Lane[Instance], revision: int) -> None:
        """Instances of older revisions end, now or when they are done."""
        for instance in list(self._instances.values()):
            if instance.lane is not lane or instance.function.revision >= revision:
                continue
            if instance in lane.idle:
                self._retire_idle(instance, "replaced")
            elif not instance.ending:
                instance.retiring = True
                self._shut(instance)
        lane.start_anew()

    def end_run(
        self,
        instance: Instance,
        sequence: int,
        outcome: Outcome,
        message: str,
        error_type: str = "",
    ) -> bool:
        """End the process for the run of that sequence number, which ends with `outcome`. False:
        that run has just ended by itself. Nothing behind it is begun."""
        self._shut(instance)
        self._give_back(instance.revoke_from(sequence - instance.answered))
        if instance.surely_over(sequence, self._clock.now()):
            return False
        instance.verdict, instance.verdict_on = outcome, sequence
        instance.verdict_message, instance.verdict_type = message, error_type
        self._kill(instance, ending.END_REASON[outcome])
        return True

    def end_start(self, instance: Instance, why: str) -> None:
        """It takes too long to come up. Said now: where the fork server hangs its end is told late, or never."""
        self._say_not_started(instance.function.name, why)
        instance.failure, instance.given_up = why, True
        self._shut(instance)
        self._kill(instance, "crashed")

    def end_leaving(self, instance: Instance, why: str) -> None:
        """Its pre-stop hook may not go on."""
        instance.leave_by = 0
        instance.failure = instance.failure or why
        instance.launcher.kill(instance.number)

    def release_waiting(self, instance: Instance, running_ms: int) -> None:
        """Its run takes unusually long: those behind it are given back, others can begin them."""
        self._shut(instance)
        self._give_back(instance.revoke_from(1))
        instance.lane.seen_running_for(running_ms * 1000)
        self._slots.recount(instance.lane)

    def _end_lost(self, instance: Instance) -> None:
        """The node leaves: what has begun is lost, the rest is given back."""
        if instance.leave_by:
            self.end_leaving(instance, "the node shut down")
        if instance.ending:
            return
        if not instance.shut and instance.queue:
            self._shut(instance)
        self._give_back(instance.revoke_from(0))
        instance.verdict, instance.verdict_on = Outcome.LOST, instance.begun()
        instance.verdict_message = "the node shut down before the handler returned."
        self._kill(instance, "closing")

    # ------------------------------------------------------------------ telling the engine

    def _finish(self, run: Run, ended: Ended) -> None:
        try:
            run.done(run, ended)
        except Exception:
            # The engine's mistake with one run must not keep the others from being told.
            log.exception("the end of a run could not be taken in")
        if self._until.waiting:
            self._until.look()

    def _finish_soon(self, run: Run, ended: Ended) -> None:
        """Not from inside the engine's own call."""
        asyncio.get_running_loop().call_soon(self._finish_unless_closed, run, ended)

    def _finish_unless_closed(self, run: Run, ended: Ended) -> None:
        if not self._closed:
            self._finish(run, ended)

    def _give_back(self, taken: list[Run]) -> None:
        for run in taken:
            self._finish_soon(run, Ended(Outcome.NOT_STARTED))

    def _room_grew(self, lane: Lane[Instance]) -> None:
        for callback in self._on_room:
            callback(lane.function_id)

    def _anything_runs(self) -> bool:
        """A run, or a pre-stop hook."""
        return bool(self._leaving) or any(
            run is not None for instance in self._instances.values() for run, _ in instance.queue
        )

    def _anyone_leaves(self) -> bool:
        return bool(self._leaving)
