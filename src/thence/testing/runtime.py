"""A runtime whose functions answer by script: no processes, virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct

from ..catalog.function import Function
from ..clock import Clock, Timer
from ..lifecycle.outcome import Outcome
from ..runtimes.interface import SHORT_US, Ended, Occupancy, Run, Trial, kept_short
from .answers import FOREVER, Answer, Script, as_answer, duration, ended

_SHARE = 0.1  # of the newest duration in the mean


class Start(Struct, frozen=True):
    """One attempt that began. at: ms."""

    at: int
    function: str
    id: int
    attempt: int
    payload: bytes
    version: str = "latest"
    previous_may_have_run: bool = False  # what the handler is told of earlier attempts


class Scripts:
    """What each function answers, by name; outlives the incarnations of a service."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}
        self._used: dict[str, int] = {}
        self.starts: list[Start] = []
        self.at_once: dict[str, int] = {}  # the most attempts of a name seen running together

    def set(self, name: str, script: Script) -> None:
        """From the next attempt on, answers are taken from the beginning of `script`."""
        if not callable(script) and not script:
            raise ValueError(f"answers of {name!r}: give at least one answer")
        self._scripts[name] = script
        self._used[name] = 0

    def next(self, run: Run) -> Answer:
        name = run.function.name
        script = self._scripts.get(name, (None,))
        if callable(script):
            return as_answer(script(run))
        number = self._used.get(name, 0)
        self._used[name] = number + 1
        return as_answer(script[min(number, len(script) - 1)])


class _Here:
    """A run that was handed over: waiting (no answer yet) or begun."""

    __slots__ = ("answer", "began", "handle", "run", "timer")

    def __init__(self, run: Run) -> None:
        self.run = run
        self.answer: Answer | None = None
        self.began: int | None = None
        self.timer: Timer | None = None
        self.handle: asyncio.Handle | None = None

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if self.handle is not None:
            self.handle.cancel()


class _Taken:
    """Runs that are here or promised: of each function, of each family, of all."""

    def __init__(self) -> None:
        self.of_function: dict[int, int] = {}
        self.of_family: dict[int, int] = {}
        self.total = 0

    def add(self, function: Function, number: int) -> None:
        for counts, key in (self.of_function, function.id), (self.of_family, function.family):
            counts[key] = counts.get(key, 0) + number
            if not counts[key]:
                del counts[key]
        self.total += number


class ScriptedRuntime:
    """A Runtime (runtimes/interface.py) that keeps concurrency, room, stop and drain as real ones.

    instances_max: runs of all functions together; kept_free of them for functions that hold none.
    ahead: how many more runs than `concurrency` may wait inside, as with fast instances.
    """

    def __init__(
        self,
        clock: Clock,
        scripts: Scripts,
        *,
        instances_max: int = 1000,
        kept_free: int = 0,
        ahead: int = 0,
    ) -> None:
        self._clock = clock
        self._scripts = scripts
        self._instances_max = instances_max
        self._ahead = ahead
        self._kept_free = kept_free
        self._kept_short = kept_short(kept_free)
        self._mean_us: dict[int, float] = {}  # of each function's runs
        self._taken = _Taken()
        self._here: list[_Here] = []
        self._on_room: list[Callable[[int], None]] = []
        self._idle = asyncio.Event()
        self._draining = False
        self._dead = False

    async def start(self) -> None:
        """Nothing to start."""

    # ------------------------------------------------------------ looking

    def room(self, function: Function, alone: bool = False) -> int:
        left = self._left() if alone else self._spare(function)
        return max(0, min(self._own_room(function, alone), left))

    def crowded(self, function: Function) -> bool:
        return self._spare(function) < self._own_room(function)

    def promise(self, function: Function, number: int) -> None:
        self._taken.add(function, number)

    def held(self, function: Function) -> int:
        return self._taken.of_family.get(function.family, 0)

    def occupancy(self) -> Occupancy:
        taken = self._taken
        return Occupancy(
            self._instances_max,
            taken.total,
            len(taken.of_family),
            self._kept_free,
            self._kept_short,
        )

    def short(self, function: Function) -> bool:
        return self._mean_us.get(function.id, SHORT_US) < SHORT_US

    def limits(self, function: Function) -> tuple[int, int]:
        running = self._running(function.id)
        return running, max(0, min(function.spec.concurrency, running + self._spare(function)))

    def _own_room(self, function: Function, alone: bool = False) -> int:
        """As far as only the function is asked."""
        ahead = 0 if alone else self._ahead
        return function.spec.concurrency + ahead - self._taken.of_function.get(function.id, 0)

    def _left(self) -> int:
        return self._instances_max - self._taken.total

    def _spare(self, function: Function) -> int:
        """What the node lets this function have of what is left."""
        left = self._left() + self._ahead
        if left <= 0 or left > self._kept_free:
            return max(0, left - self._kept_free)
        if self.held(function):
            return 0
        return 1 if left > self._kept_short or self.short(function) else 0

    def begun(self, id: int) -> bool:
        return any(item.run.id == id and item.began is not None for item in self._here)

    def _running(self, function_id: int) -> int:
        return sum(
            1
            for item in self._here
            if item.run.function.id == function_id and item.began is not None
        )

    def on_room(self, callback: Callable[[int], None]) -> None:
        self._on_room.append(callback)

    def forget(self, function_id: int) -> None:
        """Nothing is kept of older revisions."""

    async def trial(self, function: Function) -> Trial:
        """There is no code to load."""
        return Trial()

    # ------------------------------------------------------------ running

    def submit(self, run: Run) -> None:
        here = _Here(run)
        self._here.append(here)
        self._taken.add(run.function, 1)
        self._idle.clear()
        if self._draining:
            here.handle = asyncio.get_running_loop().call_soon(
                self._finish, here, Ended(Outcome.NOT_STARTED)
            )
            return
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        """Begin those that wait inside and have a slot now, first come first served."""
        if self._draining:
            return
        for here in list(self._here):
            if here.began is not None:
                continue
            function = here.run.function
            begun = sum(1 for item in self._here if item.began is not None)
            if begun >= self._instances_max:
                return
            if self._running(function.id) < max(1, function.spec.concurrency):
                self._begin(here)

    def _begin(self, here: _Here) -> None:
        run, now = here.run, self._clock.now()
        function = run.function
        here.began = now
        name = function.name
        self._scripts.starts.append(
            Start(
                now,
                name,
                run.id,
                run.attempt,
                run.payload,
                function.version,
                run.previous_may_have_run,
            )
        )
        at_once = self._scripts.at_once
        together = sum(1 for entry in self.running() if entry[0] == name)  # of all versions
        at_once[name] = max(at_once.get(name, 0), together)
        here.answer = answer = self._scripts.next(run)
        seconds = duration(answer, run.function.spec.timeout_seconds)
        if seconds == FOREVER:
            return

        def finish() -> None:
            self._finish(here, ended(answer, run))

        if seconds <= 0:
            here.handle = asyncio.get_running_loop().call_soon(finish)
        else:
            here.timer = self._clock.call_at(now + round(seconds * 1000), finish)

    def _finish(self, here: _Here, ending: Ended) -> None:
        if self._dead or here not in self._here:
            return
        here.cancel()
        self._here.remove(here)
        self._taken.add(here.run.function, -1)
        if here.began is not None and ending.outcome not in (
            Outcome.THROTTLED,
            Outcome.PLATFORM_ERROR,
            Outcome.NO_RESOURCES,
            Outcome.NOT_STARTED,
        ):
            ending.started_at = here.began
            ending.duration_us = (self._clock.now() - here.began) * 1000
            id = here.run.function.id
            mean = self._mean_us.get(id, float(ending.duration_us))
            self._mean_us[id] = mean + _SHARE * (ending.duration_us - mean)
        here.run.done(here.run, ending)
        self._begin_waiting()
        if not self._here:
            self._idle.set()
        for callback in self._on_room:
            callback(here.run.function.id)

    def stop(self, id: int) -> bool:
        for here in self._here:
            if here.run.id == id:
                here.cancel()
                here.handle = asyncio.get_running_loop().call_soon(
                    self._finish, here, Ended(Outcome.STOPPED)
                )
                return True
        return False

    # ------------------------------------------------------------ ending

    async def drain(self, seconds: float) -> None:
        self._draining = True
        for here in list(self._here):
            if here.began is None:
                self._finish(here, Ended(Outcome.NOT_STARTED))
        if self._here:
            timer = self._clock.call_at(self._clock.now() + round(seconds * 1000), self._idle.set)
            await self._idle.wait()
            timer.cancel()
        for here in list(self._here):
            self._finish(here, Ended(Outcome.LOST))

    async def close(self) -> None:
        self.kill()

    def kill(self) -> None:
        """Everything ends without a word, as when the process is killed."""
        self._dead = True
        for here in self._here:
            here.cancel()
        self._here.clear()

    def running(self) -> list[tuple[str, int]]:
        """(function, invocation id) of the attempts under way."""
        return [(h.run.function.name, h.run.id) for h in self._here if h.began is not None]
