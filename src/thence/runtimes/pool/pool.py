"""The warm pool: `Pool`, the `Runtime` that runs functions in processes of this node.

It takes runs in and decides which instance gets one and when another is started; `crew.py` keeps
the books and ends instances, `lane.py` counts and chooses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from ...catalog.function import Function
from ...clock import Clock
from ...errors import ThenceError
from ...lifecycle.outcome import Outcome
from ...notices import Notices
from ..interface import Ended, Occupancy, Run, Trial
from ..kind import RuntimeKind
from ..launcher import SandboxFolders
from ..wire import frames
from ..wire.setup import Setup
from . import ending
from .crew import Crew
from .instance import Instance
from .lane import Holder, Lane
from .trials import Trials

log = logging.getLogger("thence.runtimes")

_ENDED_WITHIN_SECONDS = 10.0  # a killed process that is not reported by then never will be


class CannotStart(Exception):
    """No instance, and why: a sentence."""


class Pool(Crew):
    """The contract is `runtimes.interface.Runtime`. `kinds`: the runtimes that it starts instances of.

    `code_path(function)` is the directory with the function's unpacked code. `instances_max`
    bounds processes on this node, of all functions together; `kept_free` of them are for functions
    that hold none. `closed` is a directory that functions
    shall not see but for `readable` in it; with it, they are also separated as confine.py says.
    """

    def __init__(
        self,
        kinds: Sequence[RuntimeKind],
        code_path: Callable[[Function], Path],
        notices: Notices,
        clock: Clock,
        *,
        instances_max: int,
        kept_free: int = 0,
        idle_seconds: float = 60,
        log_bytes_max: int = 64 * 1024,
        result_bytes_max: int = 6 * 1024 * 1024,
        start_seconds: float = 30,
        account_id: str = "",
        region: str = "",
        closed: Path | None = None,
        readable: Path | None = None,
    ) -> None:
        super().__init__(
            notices,
            clock,
            instances_max=instances_max,
            kept_free=kept_free,
            idle_seconds=idle_seconds,
            log_bytes_max=log_bytes_max,
            start_seconds=start_seconds,
            kinds=kinds,
            sandbox=_sandbox(closed, readable),
        )
        self._code_path = code_path
        self._result_bytes_max = result_bytes_max
        self._answer_bytes_max = result_bytes_max + log_bytes_max + frames.ANSWER_BYTES_BESIDE
        self._start_seconds = start_seconds
        self._account_id = account_id
        self._region = region
        self._number = 0
        self._trials = Trials(self._submit_trial)

    # ------------------------------------------------------------------ the contract

    async def start(self) -> None:
        try:
            for launcher in self._launchers.values():
                await launcher.prepare(self._start_seconds)
        except BaseException:
            for launcher in self._launchers.values():
                await launcher.close()
            raise
        self._accepting = True

    def room(self, function: Function, alone: bool = False) -> int:
        if not self._accepting:
            return 0
        lane = self._lanes.get(function.id)
        if lane is None:
            lane = self._lane(function)
        if alone:
            return lane.room_alone(function.spec.concurrency, self._slots.vacant(lane))
        return lane.room(function.spec.concurrency, self._slots.spare(lane))

    def promise(self, function: Function, number: int) -> None:
        lane = self._lanes.get(function.id)
        if lane is None:
            lane = self._lane(function)
        lane.promised += number
        self._slots.recount(lane)
        if lane.forgotten:
            self._forget_if_unused(lane)

    def crowded(self, function: Function) -> bool:
        lane = self._lane(function)
        working = lane.count - len(lane.idle)
        return working + self._slots.spare(lane) < lane.working_max(function.spec.concurrency)

    def held(self, function: Function) -> int:
        return self._slots.held(function.family)

    def short(self, function: Function) -> bool:
        return self._lane(function).short

    def occupancy(self) -> Occupancy:
        return self._slots.occupancy()

    def submit(self, run: Run) -> None:
        now = self._clock.now()
        lane = self._lane(run.function)
        try:
            instance = self._place(lane, run, now) if self._accepting else None
        except CannotStart as error:
            self._finish_soon(run, ending.not_up(str(error)))
            return
        if instance is None:
            self._finish_soon(run, Ended(Outcome.NOT_STARTED))
            return
        if not instance.queue:
            instance.since = now
        instance.push(run, now)
        if not instance.shut:
            lane.load += 1
        self._slots.recount(lane)
        self._sweep.arm(now)

    async def trial(self, function: Function) -> Trial:
        return await self._trials.load(function, self._clock.now())

    def _submit_trial(self, run: Run) -> None:
        """Into an instance of its own, in a lane that nobody else knows. Raises CannotStart."""
        if not self._accepting:
            raise CannotStart("the node starts or shuts down")
        function, now = run.function, self._clock.now()
        instance = self._start(
            Lane(function.id, function.name, function.revision, Holder(0)), function, now
        )
        self._uncount(instance)
        instance.retiring = True
        self._shut(instance)
        instance.push(run, now)
        self._sweep.arm(now)

    def stop(self, id: int) -> bool:
        for instance in list(self._instances.values()):
            for position, (run, _) in enumerate(instance.queue):
                if run is not None and run.id == id:
                    return self._stop_at(instance, position, run)
        return False

    def begun(self, id: int) -> bool:
        for instance in self._instances.values():
            for position, (run, _) in enumerate(instance.queue):
                if run is not None and run.id == id:
                    return instance.begun() > instance.answered + position
        return False

    def limits(self, function: Function) -> tuple[int, int]:
        lane = self._lanes.get(function.id)
        if lane is None:
            lane = self._lane(function)
        working = lane.count - len(lane.idle)
        return working, min(function.spec.concurrency, working + self._slots.spare(lane))

    def on_room(self, callback: Callable[[int], None]) -> None:
        self._on_room.append(callback)

    def forget(self, function_id: int) -> None:
        lane = self._lanes.get(function_id)
        if lane is None:
            return
        self._replace(lane, lane.revision + 1)
        lane.forgotten = True
        self._forget_if_unused(lane)

    async def drain(self, seconds: float) -> None:
        self._accepting = False
        self._dismiss_idle()
        for instance in list(self._instances.values()):
            self._shut(instance)
            self._give_back(instance.revoke_from(0))
        if not await self._until.no_longer(self._anything_runs, self._clock.sleep(seconds)):
            for instance in list(self._instances.values()):
                self._end_lost(instance)
            limit = asyncio.sleep(_ENDED_WITHIN_SECONDS)
            if not await self._until.no_longer(self._anything_runs, limit):
                log.error("instances did not end within %g s of SIGKILL", _ENDED_WITHIN_SECONDS)
        await asyncio.sleep(0)  # what is to be finished soon is finished

    async def close(self) -> None:
        self._accepting = False
        self._idle.close()
        self._dismiss_idle()
        for instance in list(self._instances.values()):
            if not instance.leave_by:
                self._end_lost(instance)
        if self._leaving:
            # The sweep ends them by its clock; this is for a clock that stands still.
            limit = asyncio.sleep(self._leaving.seconds())
            await self._until.no_longer(self._anyone_leaves, limit)
        self._sweep.close()
        for launcher in self._launchers.values():
            await launcher.close()
        for instance in list(self._instances.values()):
            self._gone(instance, None)
        await asyncio.sleep(0)  # what is to be finished soon is finished
        self._closed = True

    def _stop_at(self, instance: Instance, position: int, run: Run) -> bool:
        sequence = instance.answered + 1 + position
        if instance.begun() < sequence:
            self._shut(instance)
            taken = instance.revoke_from(position)
            self._give_back([other for other in taken if other is not run])
            if any(other is run for other in taken):
                self._finish_soon(run, Ended(Outcome.STOPPED, instance=instance.name))
                return True
        if instance.ending:
            return True  # it ends already, for a reason of its own
        return self.end_run(instance, sequence, Outcome.STOPPED, "its caller stopped it.")

    # ------------------------------------------------------------------ placing

    def _lane(self, function: Function) -> Lane[Instance]:
        lane = self._lanes.get(function.id)
        if lane is None:
            holder = self._slots.enter(function.family)
            lane = Lane(function.id, function.name, function.revision, holder)
            self._lanes[function.id] = lane
        elif function.revision > lane.revision:
            lane.revision = function.revision
            self._replace(lane, function.revision)
        return lane

    def _place(self, lane: Lane[Instance], run: Run, now: int) -> Instance | None:
        """An instance for the run, with the books changed for it; None: there is no room."""
        function = run.function
        stale = function.revision < lane.revision
        instance = None if stale else lane.choose(run.alone, now)
        if instance is not None and not instance.queue and not run.alone:
            instance = self._behind(lane) or instance
        if instance is None:
            instance = self._another(lane, run, stale, now)
            if instance is None:
                return None
        elif not instance.queue:
            lane.idle.pop()
            self._idle.remove(instance)
            lane.busy[instance] = None
        if run.alone or stale:
            instance.retiring = stale
            self._shut(instance)
        return instance

    def _another(self, lane: Lane[Instance], run: Run, stale: bool, now: int) -> Instance | None:
        """A new instance, or one that is busy where there may be no more."""
        function, spec = run.function, run.function.spec
        if stale and lane.count >= spec.concurrency and lane.idle:
            self._retire_idle(lane.idle[0], "replaced")
        may_queue = not stale and not run.alone
        instance = self._behind(lane) if may_queue else None
        if instance is None and lane.count < lane.wanted(spec.concurrency):
            instance = self._started(lane, function, now)
        if instance is None and may_queue:
            instance = lane.least_loaded()
        if instance is None and lane.count < spec.concurrency:
            instance = self._started(lane, function, now)
        if instance is None and run.alone and not stale:
            # Last in a queue: what stands before it is answered before it begins, nothing
            # comes behind it, and a busy function cannot keep it out for ever.
            instance = lane.least_loaded()
        return instance

    def _behind(self, lane: Lane[Instance]) -> Instance | None:
        """A busy one, where the node lets no more of the lane's work. (Where there is none, room was
        given for something that has changed since: the run is placed all the same.)"""
        return None if self._slots.spare(lane) else lane.least_loaded()

    def _started(self, lane: Lane[Instance], function: Function, now: int) -> Instance | None:
        return self._start(lane, function, now) if self._make_space(lane) else None

    def _make_space(self, lane: Lane[Instance]) -> bool:
        """Whether one more fits on the node; another function's idle instance may have to go."""
        if self._total < self._instances_max:
            return True
        for instance in self._idle:
            if instance.function.id != lane.function_id:
                self._retire_idle(instance)
                return True
        return False

    def _start(self, lane: Lane[Instance], function: Function, now: int) -> Instance:
        """A new instance, open and busy. CannotStart says why there is none."""
        spec = function.spec
        kind, launcher = self._kinds.get(spec.runtime), self._launchers.get(spec.runtime)
        if kind is None or launcher is None:
            there = ", ".join(self._kinds)
            raise CannotStart(f"There is no runtime {spec.runtime!r} here; there are: {there}.")
        self._number += 1
        instance: Instance | None = None
        try:
            setup = Setup(
                number=self._number,
                function_name=function.name,
                code_path=str(self._code_path(function).resolve()),
                handler=spec.handler,
                event=spec.event,
                environment=spec.environment,
                memory_mb=spec.memory_mb,
                timeout_seconds=spec.timeout_seconds,
                log_bytes_max=self._log_bytes_max,
                result_bytes_max=self._result_bytes_max,
                account_id=self._account_id,
                region=self._region,
                contract=spec.contract,
                version=function.version,
                initializer=spec.initializer,
                initializer_timeout_seconds=spec.initializer_timeout_seconds,
                pre_stop=spec.pre_stop,
                pre_stop_timeout_seconds=spec.pre_stop_timeout_seconds,
                details=kind.details(spec.contract, spec.attributes),
            )
            instance = Instance(
                self._number, function, lane, launcher, self, now, self._answer_bytes_max
            )
            launcher.start(setup, instance.theirs)
        except Exception as error:
            # The code's directory, descriptors, the fork server: whatever it is, submit must not raise,
            # and the run must be told that the platform failed it.
            if instance is not None:
                instance.abandon()
            if isinstance(error, (ThenceError, OSError)):  # which say all in their sentence
                self._say_not_started(function.name, str(error))
            elif self._seldom.may_say(function.name):
                log.exception("an instance of %s could not be started", function.name)
            sentence = f"An instance could not be started: {type(error).__name__}: {error}"
            raise CannotStart(sentence) from error
        self._instances[instance.number] = instance
        self._total += 1
        lane.count += 1
        lane.busy[instance] = None
        return instance


def _sandbox(closed: Path | None, readable: Path | None) -> SandboxFolders | None:
    if closed is None or readable is None:
        return None
    return SandboxFolders(closed.resolve(), readable.resolve())
