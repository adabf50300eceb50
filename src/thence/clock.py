"""The only place that reads a clock.

Instants are **integer milliseconds since 1970-01-01T00:00Z**; waits are seconds. Everything that
needs the time or waits for it is given a `Clock`, so that a test can own time
(`thence.testing.VirtualClock`).

There are two times. *Service time* (`now`) is what everything in the store is measured by: it never
goes back, not over a restart either, and never jumps while the service runs, so that no wait, age or
budget is longer or shorter than it should be because the machine's clock was set. The *wall clock*
(`wall`) is what others see: signatures' dates, dates in headers. Service time goes on with a steady
clock and moves towards the wall clock by a tenth of the time that passes at most.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from msgspec import Struct

LOOK_NS = 100_000_000
WAIT_SECONDS_MAX = 10.0
FOLLOW_NS = 1_000_000_000  # ahead by no more: the wall clock is followed at once
SLEW = 10  # one part in so many is what service time may be faster or slower
JUMP_MS = 600_000  # more is a jump: something was set, or the machine was away
SURE_MS = 86_400_000  # nothing is deleted for its age by a jump that is younger


class Timer(Protocol):
    def cancel(self) -> None: ...


class ClockMark(Struct, frozen=True):
    """What a later start needs of the clock; the store keeps it. Times in ms."""

    now: int  # service time
    steady: int  # the steady clock, comparable only within one `boot` of the machine
    boot: str = ""
    doubt: int = 0  # by so much service time may be ahead, because of jumps over starts
    doubt_until: int = 0  # service time; then they are taken for right
    lag: int = 0  # by so much the wall clock is ahead of service time
    lag_since: int = 0  # the steady clock, since when it is about that


class Clock(Protocol):
    """Time as the service sees it."""

    def now(self) -> int:
        """Service time: milliseconds since the epoch, never decreasing."""
        ...

    def wall(self) -> int:
        """The machine's own clock, whatever it says: for instants that others made or will judge."""
        ...

    def sure(self) -> int:
        """An instant that has certainly come, however wrong a clock was: what is deleted for its
        age is measured by this."""
        ...

    def begin(self, mark: ClockMark | None, floor: int) -> int:
        """Go on where the store left off: not before `floor`, nor before `mark`. Called once, before
        anything is measured. Returns the ms of a jump whose length only the wall clock knows, 0
        without one: what was under way did not age by it."""
        ...

    def mark(self) -> ClockMark:
        """For the store, now."""
        ...

    def call_at(self, when_ms: int, callback: Callable[[], None]) -> Timer:
        """Call `callback` once at or after `when_ms`, on the event loop. A past instant: soon."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class ServiceTime:
    """Service time over two clocks that are read in ns. boot: names this run of the machine; empty
    where it has no name, and then every start may be another."""

    def __init__(self, wall: Callable[[], int], steady: Callable[[], int], boot: str) -> None:
        self._wall = wall
        self._steady = steady
        self._boot = boot
        self._ahead = wall() - steady()  # of the steady clock
        self._looked_at = steady()
        self._last = 0
        self._doubt = self._doubt_until = 0
        self._lag = self._lag_since = 0

    def now(self) -> int:
        steady = self._steady()
        if steady - self._looked_at >= LOOK_NS:
            self._look(steady)
        now = (steady + self._ahead) // 1_000_000
        if now < self._last:
            return self._last
        self._last = now
        return now

    def wall(self) -> int:
        return self._wall() // 1_000_000

    def sure(self) -> int:
        now = self.now()
        return min(now - (self._doubt if now < self._doubt_until else 0), self.wall())

    def wait_seconds(self, when_ms: int) -> float:
        """Until `when_ms`, not below 0."""
        self.now()
        return max(0.0, (when_ms * 1_000_000 - self._steady() - self._ahead) / 1e9)

    def begin(self, mark: ClockMark | None, floor: int) -> int:
        wall, steady = self.wall(), self._steady() // 1_000_000
        gap = 0
        if mark is None:
            start = max(wall, floor)
        elif self._boot and mark.boot == self._boot and mark.steady <= steady:
            # The same run of the machine: how long we were away is known, whatever was set.
            start = max(mark.now + steady - mark.steady, floor)
            lag = wall - start
            kept = steady - mark.lag_since >= JUMP_MS and mark.lag > JUMP_MS
            if kept and abs(lag - mark.lag) < JUMP_MS:
                start, gap = wall, lag  # the clock was set before, and stayed so
        else:
            least = max(mark.now, floor)
            start = max(wall, least)
            gap = start - least
        self._ahead = start * 1_000_000 - self._steady()
        self._looked_at, self._last = self._steady(), start
        self._remember(mark, start, gap)
        return gap if gap > JUMP_MS else 0

    def _remember(self, mark: ClockMark | None, start: int, gap: int) -> None:
        if mark is not None and start - gap < mark.doubt_until:
            self._doubt, self._doubt_until = mark.doubt, mark.doubt_until + gap
        if gap > JUMP_MS:
            self._doubt, self._doubt_until = self._doubt + gap, start + SURE_MS

    def mark(self) -> ClockMark:
        now, steady = self.now(), self._steady() // 1_000_000
        lag = self.wall() - now
        if abs(lag - self._lag) > JUMP_MS // 2:
            self._lag, self._lag_since = lag, steady
        doubt = self._doubt if now < self._doubt_until else 0
        return ClockMark(
            now, steady, self._boot, doubt, self._doubt_until, self._lag, self._lag_since
        )

    def _look(self, steady: int) -> None:
        most = (steady - self._looked_at) // SLEW
        self._looked_at = steady
        gap = self._wall() - steady - self._ahead
        if gap > FOLLOW_NS:
            self._ahead += most
        elif gap > 0:
            self._ahead += gap
        else:
            self._ahead -= min(most, -gap)


class SystemClock(ServiceTime):
    """The machine's clock, without its faults, with the event loop's timers."""

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] | None = None,
        boot: str | None = None,
    ) -> None:
        super().__init__(wall, steady or steady_ns, boot_name() if boot is None else boot)

    def call_at(self, when_ms: int, callback: Callable[[], None]) -> Timer:
        return _LongTimer(self, when_ms, callback)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


# Without a Python frame of its own: it is read several times for each call.
steady_ns: Callable[[], int] = partial(
    time.clock_gettime_ns, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
)
"""A clock that nobody sets. On Linux the one that also counts while the machine sleeps."""


def boot_name() -> str:
    """Names this run of the machine, on Linux; elsewhere empty."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""


class _LongTimer:
    """Looks at the clock again after WAIT_SECONDS_MAX: the event loop's timers know nothing of
    slewing, nor of the time that the machine slept."""

    __slots__ = ("_callback", "_clock", "_handle", "_when")

    def __init__(self, clock: ServiceTime, when_ms: int, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._when = when_ms
        self._callback = callback
        self._wait()

    def _wait(self) -> None:
        seconds = min(self._clock.wait_seconds(self._when), WAIT_SECONDS_MAX)
        self._handle = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        if self._clock.now() < self._when:
            self._wait()
        else:
            self._callback()

    def cancel(self) -> None:
        self._handle.cancel()


def iso(ms: int | None) -> str | None:
    """`2026-01-02T03:04:05.678Z` for an instant, or None."""
    if ms is None:
        return None
    seconds, rest = divmod(ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}Z"
