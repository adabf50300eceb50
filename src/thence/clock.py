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
    """The machine's clock; steps backwards are hidden from callers by repeating the last instant."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        now = time.time_ns() // 1_000_000
        if now < self._last:
            return self._last
        self._last = now
        return now

    def call_at(self, when_ms: int, callback: Callable[[], None]) -> Timer:
        delay = max(0.0, (when_ms - time.time_ns() / 1_000_000) / 1000)
        return asyncio.get_running_loop().call_later(delay, callback)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def iso(ms: int | None) -> str | None:
    """`2026-01-02T03:04:05.678Z` for an instant, or None."""
    if ms is None:
        return None
    seconds, rest = divmod(ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}Z"
