"""Which instance gets a run, and when another one is started."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from ...catalog.function import Function
from ...clock import Clock
from ...errors import ThenceError
from ..interface import Run
from ..kind import RuntimeKind
from ..launcher import Launcher
from ..wire import frames
from ..wire.setup import Setup
from .books import Books
from .instance import Instance, Listener
from .lane import Holder, Lane
from .stopping import Stopping

log = logging.getLogger("thence.runtimes")


class CannotStart(Exception):
    """No instance, and why: a sentence."""


class Given(Struct, frozen=True, kw_only=True):
    """What every instance is told."""

    log_bytes_max: int
    result_bytes_max: int
    account_id: str
    region: str


class Placing:
    """`code_path(function)`: the directory with the function's unpacked code."""

    def __init__(
        self,
        books: Books,
        stopping: Stopping,
        listener: Listener,
        runtimes: Mapping[str, tuple[RuntimeKind, Launcher]],
        code_path: Callable[[Function], Path],
        clock: Clock,
        given: Given,
    ) -> None:
        self._books = books
        self._slots = books.slots
        self._stopping = stopping
        self._listener = listener
        self._runtimes = runtimes
        self._code_path = code_path
        self._clock = clock
        self._given = given
        self._answer_bytes_max = (
            given.result_bytes_max + given.log_bytes_max + frames.ANSWER_BYTES_BESIDE
        )
        self._number = 0

    def lane(self, function: Function) -> Lane[Instance]:
        lane = self._books.lanes.get(function.id)
        if lane is None:
            return self._books.enter_lane(function)
        if function.revision > lane.revision:
            lane.revision = function.revision
            self._stopping.replace(lane, function.revision)
        return lane

    def place(self, lane: Lane[Instance], run: Run, now: int) -> Instance | None:
        """An instance for the run, with the books changed for it; None: there is no room. Raises
        CannotStart."""
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
            self._books.take_idle(lane)
        if run.alone or stale:
            instance.retiring = stale
            self._books.shut(instance)
        return instance

    def place_apart(self, function: Function, now: int) -> Instance:
        """A new instance that serves nothing else, in a lane that nobody else knows; it holds no slot.
        Raises CannotStart."""
        lane: Lane[Instance] = Lane(function.id, function.name, function.revision, Holder(0))
        instance = self._start(lane, function, now)
        self._books.uncount(instance)
        instance.retiring = True
        self._books.shut(instance)
        return instance

    def _another(self, lane: Lane[Instance], run: Run, stale: bool, now: int) -> Instance | None:
        """A new instance, or one that is busy where there may be no more."""
        function, spec = run.function, run.function.spec
        if stale and lane.count >= spec.concurrency and lane.idle:
            self._stopping.retire_idle(lane.idle[0], "replaced")
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
        if self._books.total < self._books.instances_max:
            return True
        for instance in self._books.idle:
            if instance.function.id != lane.function_id:
                self._stopping.retire_idle(instance)
                return True
        return False

    # ------------------------------------------------------------------ starting

    def _start(self, lane: Lane[Instance], function: Function, now: int) -> Instance:
        """A new instance, open and busy. CannotStart says why there is none."""
        kind, launcher = self._runtime(function.spec.runtime)
        self._number += 1
        instance: Instance | None = None
        try:
            setup = self._setup(self._number, function, kind)
            instance = Instance(
                self._number, function, lane, launcher, self._listener, now, self._answer_bytes_max
            )
            launcher.start(setup, instance.theirs)
        except Exception as error:
            # The code's directory, descriptors, the launcher: whatever it is, submit must not raise,
            # and the run must be told that the platform failed it.
            if instance is not None:
                instance.abandon()
            if isinstance(error, (ThenceError, OSError)):  # which say all in their sentence
                self._stopping.say_not_started(function.name, str(error))
            else:
                self._stopping.say_cannot_start(function.name)
            sentence = f"An instance could not be started: {type(error).__name__}: {error}"
            raise CannotStart(sentence) from error
        self._books.add(instance)
        return instance

    def _runtime(self, name: str) -> tuple[RuntimeKind, Launcher]:
        if name not in self._runtimes:
            there = ", ".join(self._runtimes)
            raise CannotStart(f"There is no runtime {name!r} here; there are: {there}.")
        return self._runtimes[name]

    def _setup(self, number: int, function: Function, kind: RuntimeKind) -> Setup:
        spec, given = function.spec, self._given
        return Setup(
            number=number,
            function_name=function.name,
            code_path=str(self._code_path(function).resolve()),
            handler=spec.handler,
            event=spec.event,
            environment=spec.environment,
            memory_mb=spec.memory_mb,
            timeout_seconds=spec.timeout_seconds,
            log_bytes_max=given.log_bytes_max,
            result_bytes_max=given.result_bytes_max,
            account_id=given.account_id,
            region=given.region,
            contract=spec.contract,
            version=function.version,
            initializer=spec.initializer,
            initializer_timeout_seconds=spec.initializer_timeout_seconds,
            pre_stop=spec.pre_stop,
            pre_stop_timeout_seconds=spec.pre_stop_timeout_seconds,
            details=kind.details(spec.contract, spec.attributes),
        )
