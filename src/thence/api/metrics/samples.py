"""samples: once a minute, how much waits, runs and is up is counted into that minute.

What is no event but a state has no notice. The look is at the middle of the minute, so that every
minute has one.
"""

from __future__ import annotations

from ...clock import Clock
from ...engine.engine import Engine
from ...engine.loop import Loop
from ...notices import Notices
from .minutes import MINUTE_MS
from .tally import Tally


class Samples:
    def __init__(self, engine: Engine, tally: Tally, clock: Clock, notices: Notices) -> None:
        self._engine = engine
        self._tally = tally
        self._clock = clock
        self.loop = Loop("samples", self.once, clock, notices, interval_seconds=MINUTE_MS / 1000)

    async def once(self) -> float:
        """One look; the seconds until the next."""
        now = self._clock.now()
        count = self._engine.minutes.count
        functions = (await self._engine.stats()).functions
        for counts in functions:
            if counts.waiting:
                count(counts.function, "waiting_max", counts.waiting)
            if counts.running:
                count(counts.function, "running_max", counts.running)
            if counts.oldest_due_at is not None:
                count(counts.function, "oldest_waiting_ms_max", max(0, now - counts.oldest_due_at))
        for function, up in self._tally.instances.items():
            if up:
                count(function, "instances_max", up)
        # Of functions that were deleted nothing is kept, whether or not anybody scrapes.
        deployed = self._engine.functions.names()
        live = (counts.function for counts in functions if counts.waiting or counts.running)
        self._tally.keep({*deployed, *live})
        return (MINUTE_MS + MINUTE_MS // 2 - now % MINUTE_MS) / 1000
