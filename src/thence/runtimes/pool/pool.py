"""The warm pool: `Pool`, the `Runtime` that runs functions in processes of this node.

It takes runs in, and builds what does the rest: `placing.py` says which instance gets a run,
`reports.py` hears of instances and launchers, `stopping.py` ends instances, `books.py` counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from ...catalog.function import Function
from ...clock import Clock
from ...lifecycle.outcome import Outcome
from ...notices import Notices
from ..interface import Ended, Occupancy, Run, Trial
from ..kind import RuntimeKind
from ..launcher import SandboxFolders
from . import ended as endings
from .books import Books
from .done import Done
from .idle import Idle
from .instance import Instance
from .placing import CannotStart, Given, Placing
from .pre_stop import PreStops
from .reports import Reports
from .stopping import Stopping
from .sweep import Sweep
from .trials import Trials
from .wait_until import WaitUntil

log = logging.getLogger("thence.runtimes")

_ENDED_WITHIN_SECONDS = 10.0  # a killed process that is not reported by then never will be


class Pool:
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
        self._clock = clock
        self._start_seconds = start_seconds
        self._wait = WaitUntil()
        self._done = Done(self._wait)
        self._idle = Idle(
            clock, idle_seconds, lambda instance: self._stopping.retire_idle(instance)
        )
        self._books = Books(self._idle, instances_max=instances_max, kept_free=kept_free)
        self._slots, self._lanes = self._books.slots, self._books.lanes
        self._pre_stops = PreStops(clock, instances_max, lambda now: self._sweep.arm(now))
        self._stopping = Stopping(self._books, self._done, self._pre_stops, clock)
        reports = self._reports = Reports(
            self._books, self._done, self._stopping, self._pre_stops, self._wait, notices, clock,
            log_bytes_max,
        )  # fmt: skip
        self._sweep = Sweep(
            clock,
            self._books.instances.values,
            self._stopping,
            start_seconds=start_seconds,
            log_bytes_max=log_bytes_max,
        )
        sandbox = _sandbox(closed, readable)
        self._launchers = {kind.name: kind.launcher(reports, sandbox) for kind in kinds}
        self._placing = Placing(
            self._books,
            self._stopping,
            reports,
            {kind.name: (kind, self._launchers[kind.name]) for kind in kinds},
            code_path,
            clock,
            Given(
                log_bytes_max=log_bytes_max,
                result_bytes_max=result_bytes_max,
                account_id=account_id,
                region=region,
            ),
        )
        self._trials = Trials(self._submit_trial)

    async def start(self) -> None:
        try:
            for launcher in self._launchers.values():
                await launcher.prepare(self._start_seconds)
        except BaseException:
            for launcher in self._launchers.values():
                await launcher.close()
            raise
        self._books.accepting = True

    # ------------------------------------------------------------------ room

    def room(self, function: Function, alone: bool = False) -> int:
        if not self._books.accepting:
            return 0
        lane = self._lanes.get(function.id)
        if lane is None:
            lane = self._placing.lane(function)
        if alone:
            return lane.room_alone(function.spec.concurrency, self._slots.vacant(lane))
        return lane.room(function.spec.concurrency, self._slots.spare(lane))

    def promise(self, function: Function, number: int) -> None:
        lane = self._lanes.get(function.id)
        if lane is None:
            lane = self._placing.lane(function)
        lane.promised += number
        self._slots.recount(lane)
        if lane.forgotten:
            self._books.forget_if_unused(lane)

    def crowded(self, function: Function) -> bool:
        lane = self._placing.lane(function)
        working = lane.count - len(lane.idle)
        return working + self._slots.spare(lane) < lane.working_max(function.spec.concurrency)

    def held(self, function: Function) -> int:
        return self._slots.held(function.family)

    def short(self, function: Function) -> bool:
        return self._placing.lane(function).short

    def occupancy(self) -> Occupancy:
        return self._slots.occupancy()

    def limits(self, function: Function) -> tuple[int, int]:
        lane = self._lanes.get(function.id)
        if lane is None:
            lane = self._placing.lane(function)
        working = lane.count - len(lane.idle)
        return working, min(function.spec.concurrency, working + self._slots.spare(lane))

    def on_room(self, callback: Callable[[int], None]) -> None:
        self._books.on_room(callback)

    # ------------------------------------------------------------------ runs

    def submit(self, run: Run) -> None:
        now = self._clock.now()
        lane = self._placing.lane(run.function)
        try:
            instance = self._placing.place(lane, run, now) if self._books.accepting else None
        except CannotStart as error:
            self._done.tell_soon(run, endings.not_up(str(error)))
            return
        if instance is None:
            self._done.tell_soon(run, Ended(Outcome.NOT_STARTED))
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
        """Raises CannotStart."""
        if not self._books.accepting:
            raise CannotStart("the node starts or shuts down")
        now = self._clock.now()
        self._placing.place_apart(run.function, now).push(run, now)
        self._sweep.arm(now)

    def stop(self, id: int) -> bool:
        for instance in list(self._books.instances.values()):
            for position, (run, _) in enumerate(instance.queue):
                if run is not None and run.id == id:
                    return self._stop_at(instance, position, run)
        return False

    def _stop_at(self, instance: Instance, position: int, run: Run) -> bool:
        sequence = instance.answered + 1 + position
        if instance.begun() < sequence:
            self._books.shut(instance)
            taken = instance.revoke_from(position)
            self._done.give_back([other for other in taken if other is not run])
            if any(other is run for other in taken):
                self._done.tell_soon(run, Ended(Outcome.STOPPED, instance=instance.name))
                return True
        if instance.ending:
            return True  # it ends already, for a reason of its own
        return self._stopping.end_run(instance, sequence, Outcome.STOPPED, "its caller stopped it.")

    def begun(self, id: int) -> bool:
        for instance in self._books.instances.values():
            for position, (run, _) in enumerate(instance.queue):
                if run is not None and run.id == id:
                    return instance.begun() > instance.answered + position
        return False

    def forget(self, function_id: int) -> None:
        lane = self._lanes.get(function_id)
        if lane is None:
            return
        self._stopping.replace(lane, lane.revision + 1)
        lane.forgotten = True
        self._books.forget_if_unused(lane)

    # ------------------------------------------------------------------ the end

    async def drain(self, seconds: float) -> None:
        self._books.accepting = False
        self._stopping.retire_all_with_hooks()
        for instance in list(self._books.instances.values()):
            self._books.shut(instance)
            self._done.give_back(instance.revoke_from(0))
        if not await self._wait.until(self._nothing_runs, self._clock.sleep(seconds)):
            for instance in list(self._books.instances.values()):
                self._stopping.end_lost(instance)
            limit = asyncio.sleep(_ENDED_WITHIN_SECONDS)
            if not await self._wait.until(self._nothing_runs, limit):
                log.error("instances did not end within %g s of SIGKILL", _ENDED_WITHIN_SECONDS)
        await asyncio.sleep(0)  # what is to be told soon is told

    async def close(self) -> None:
        self._books.accepting = False
        self._idle.close()
        self._stopping.retire_all_with_hooks()
        for instance in list(self._books.instances.values()):
            if not instance.pre_stop_until:
                self._stopping.end_lost(instance)
        if self._pre_stops:
            # The sweep ends them by its clock; this is for a clock that stands still.
            limit = asyncio.sleep(self._pre_stops.seconds())
            await self._wait.until(lambda: not self._pre_stops, limit)
        self._sweep.close()
        for launcher in self._launchers.values():
            await launcher.close()
        for instance in list(self._books.instances.values()):
            self._reports.gone(instance, None)
        await asyncio.sleep(0)  # what is to be told soon is told
        self._done.closed = True

    def _nothing_runs(self) -> bool:
        """No run, and no pre-stop hook."""
        return not self._pre_stops and not self._books.anything_runs()


def _sandbox(closed: Path | None, readable: Path | None) -> SandboxFolders | None:
    if closed is None or readable is None:
        return None
    return SandboxFolders(closed.resolve(), readable.resolve())
