"""Time that stands still until a test advances it.

`VirtualClock` is a `Clock` (clock.py). `advance` fires the timers that fall into the given span one
by one, in order, and lets everything that follows from each come to rest before the next, so that
five hours of retries take a moment and happen at exact instants.

At rest means: the event loop has nothing ready to run, and nobody holds the clock. Work that the
event loop cannot see (a thread, a socket) holds the clock while it is under way: see `hold`.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..clock import ClockMark, ServiceTime

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
PASSES = 50  # quiet rounds of a loop that does not show what it has ready
TIMERS_MAX = 1_000_000  # fired in one advance; more means that something never comes to rest


class VirtualTimer:
    """What call_at answers."""

    __slots__ = ("callback", "cancelled", "when")

    def __init__(self, when: int, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """A Clock that a test owns. start_ms: the first instant, ms since the epoch."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self._now = start_ms
        self._timers: list[tuple[int, int, VirtualTimer]] = []
        self._number = 0
        self._holds = 0
        self._advancing = False
        self._released = asyncio.Event()
        self.wall_ahead = 0.0
        """Seconds by which the machine's wall clock is wrong (see Service.set_wall)."""
        self.boot = "1"
        """Names the run of the machine: another is a reboot."""

    # ------------------------------------------------------------ as a Clock

    def now(self) -> int:
        return self._now

    def wall(self) -> int:
        return self._now + round(self.wall_ahead * 1000)

    def sure(self) -> int:
        return self._now

    def begin(self, mark: ClockMark | None, floor: int) -> int:
        return 0

    def mark(self) -> ClockMark:
        return ClockMark(self._now, self._now, self.boot)

    def call_at(self, when_ms: int, callback: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(max(when_ms, self._now), callback)
        self._number += 1
        heapq.heappush(self._timers, (timer.when, self._number, timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        await _sleep(self, seconds)

    # ------------------------------------------------------------ for tests

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass; everything that is due meanwhile happens at its own instant."""
        await self.advance_until(lambda: False, seconds)

    async def advance_until(self, done: Callable[[], bool], seconds: float) -> bool:
        """As `advance`, but stop as soon as `done()`; whether it was."""
        if self._advancing:
            raise RuntimeError("The clock is being advanced by another task; only one may.")
        self._advancing = True
        try:
            return await self._advance(done, self._now + round(seconds * 1000))
        finally:
            self._advancing = False

    def skip(self, seconds: float) -> None:
        """Time has passed, or gone back, and no timer fired at its instant: the machine slept, or was
        too busy. What is late is fired by the next advance."""
        self._now += round(seconds * 1000)

    async def settle(self) -> None:
        """Let everything that is due now happen, without time passing."""
        await self.advance(0)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """The clock waits while this is open: for work in threads or on sockets, which end by
        themselves. Never wait for the clock inside."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self._released.set()

    def branch(self) -> Branch:
        """The same time, with timers that can be dropped together."""
        return Branch(self)

    # ------------------------------------------------------------ inside

    async def _advance(self, done: Callable[[], bool], end: int) -> bool:
        for _ in range(TIMERS_MAX):
            await self._quiet()
            if done():
                return True
            timer = self._next(end)
            if timer is None:
                self._now = max(self._now, end)
                return False
            self._now = max(self._now, timer.when)
            timer.callback()
        raise RuntimeError(
            f"{TIMERS_MAX} timers were fired and more are due: something waits 0 seconds for ever."
        )

    def _next(self, end: int) -> VirtualTimer | None:
        while self._timers and self._timers[0][0] <= end:
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                return timer
        return None

    async def _quiet(self) -> None:
        # Only asyncio's own loop shows whether it has anything ready; with others, count rounds.
        ready = getattr(asyncio.get_running_loop(), "_ready", None)
        passes = 0
        while True:
            await asyncio.sleep(0)
            if self._holds:
                self._released.clear()
                await self._released.wait()
                passes = 0
            elif ready is None:
                passes += 1
                if passes >= PASSES:
                    return
            elif not ready:
                return


class Branch(ServiceTime):
    """The service time of one process, over another's time as the steady clock. Its timers end when
    it is cut: a process that was killed."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(
            lambda: clock.wall() * 1_000_000, lambda: clock.now() * 1_000_000, clock.boot
        )
        self._clock = clock
        self._alive = True

    def call_at(self, when_ms: int, callback: Callable[[], None]) -> BranchTimer:
        return BranchTimer(self, self._clock, when_ms, callback)

    @property
    def alive(self) -> bool:
        return self._alive

    async def sleep(self, seconds: float) -> None:
        await _sleep(self, seconds)

    def cut(self) -> None:
        """From now on no timer of this branch fires."""
        self._alive = False


class BranchTimer:
    """Waits again where service time was slower than the time it waited by."""

    __slots__ = ("_branch", "_callback", "_clock", "_timer", "_when")

    def __init__(
        self, branch: Branch, clock: VirtualClock, when_ms: int, callback: Callable[[], None]
    ) -> None:
        self._branch = branch
        self._clock = clock
        self._when = when_ms
        self._callback = callback
        self._wait()

    def _wait(self) -> None:
        wait = max(0, self._when - self._branch.now())
        self._timer = self._clock.call_at(self._clock.now() + wait, self._look)

    def _look(self) -> None:
        if not self._branch.alive:
            return
        if self._branch.now() < self._when:
            self._wait()
        else:
            self._callback()

    def cancel(self) -> None:
        self._timer.cancel()


async def _sleep(clock: VirtualClock | Branch, seconds: float) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    timer = clock.call_at(clock.now() + round(seconds * 1000), wake)
    try:
        await future
    finally:
        timer.cancel()
