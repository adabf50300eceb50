"""The only place that reads a clock.

Instants are **integer milliseconds since 1970-01-01T00:00Z**; waits are seconds. Everything that
needs the time or waits for it is given a `Clock`, so that a test can own time
(`thence.testing.VirtualClock`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

LOOK_NS = 100_000_000
WAIT_SECONDS_MAX = 10.0


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time as the service sees it."""

    def now(self) -> int:
        """Milliseconds since the epoch, never decreasing within one process."""
        ...

    def call_at(self, when_ms: int, callback: Callable[[], None]) -> Timer:
        """Call `callback` once at or after `when_ms`, on the event loop. A past instant: soon."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """The machine's clock, without its faults. wall, steady: where it reads, in ns.

    Time goes on with the steady clock and is compared with the wall clock every LOOK_NS. A step
    forward (the machine slept, its clock was set) is followed at once. After a step back, time
    never stands still, or every timer would: it goes on a tenth slower until the wall clock is
    there.
    """

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead = wall() - steady()  # of the steady clock
        self._looked_at = steady()
        self._last = 0

    def now(self) -> int:
        steady = self._steady()
        if steady - self._looked_at >= LOOK_NS:
            self._look(steady)
        now = (steady + self._ahead) // 1_000_000
        if now < self._last:
            return self._last
        self._last = now
        return now

    def _look(self, steady: int) -> None:
        self._looked_at = steady
        ahead = self._wall() - steady
        # At most a tenth of the shortest time since the last look.
        self._ahead = max(ahead, self._ahead - LOOK_NS // 10)

    def call_at(self, when_ms: int, callback: Callable[[], None]) -> Timer:
        return _LongTimer(self, when_ms, callback)

    def wait_seconds(self, when_ms: int) -> float:
        """Until `when_ms`, not below 0."""
        self.now()
        return max(0.0, (when_ms * 1_000_000 - self._steady() - self._ahead) / 1e9)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _LongTimer:
    """Looks at the clock again after WAIT_SECONDS_MAX: the event loop's timers know nothing of
    steps of the clock, nor of the time that the machine slept."""

    __slots__ = ("_callback", "_clock", "_handle", "_when")

    def __init__(self, clock: SystemClock, when_ms: int, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._when = when_ms
        self._callback = callback
        self._wait()

    def _wait(self) -> None:
        seconds = self._clock.wait_seconds(self._when)
        call = self._wait if seconds > WAIT_SECONDS_MAX else self._callback
        self._handle = asyncio.get_running_loop().call_later(min(seconds, WAIT_SECONDS_MAX), call)

    def cancel(self) -> None:
        self._handle.cancel()


def iso(ms: int | None) -> str | None:
    """`2026-01-02T03:04:05.678Z` for an instant, or None."""
    if ms is None:
        return None
    seconds, rest = divmod(ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}Z"
