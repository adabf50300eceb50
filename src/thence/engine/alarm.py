"""One timer for many waits: it rings at the earliest instant that was asked for."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import Clock, Timer


class Alarm:
    """`ring(now)` is called at or after the earliest `arm`ed instant and answers the next one that
    it knows of (ms), or None."""

    def __init__(self, clock: Clock, ring: Callable[[int], int | None]) -> None:
        self._clock = clock
        self._ring = ring
        self._timer: Timer | None = None
        self._at = 0

    def arm(self, when: int) -> None:
        """Ring at `when` (ms) at the latest; later than what is armed already is nothing new."""
        if self._timer is not None:
            if self._at <= when:
                return
            self._timer.cancel()
        self._at = when
        self._timer = self._clock.call_at(when, self._due)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        following = self._ring(self._clock.now())
        if following is not None:
            self.arm(following)
