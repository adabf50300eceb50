"""Counts a minute: gathered in memory, added to the store once a minute and at a drain.

What the store cannot take now is kept for the next time; a crash loses the last minute.
"""

from __future__ import annotations

import asyncio
import logging

from ..clock import Clock
from ..errors import StoreUnavailable
from ..notices import Notices
from ..store.interface import Store
from ..store.records import MinuteCount, merged
from .loop import Loop

log = logging.getLogger("thence.minutes")

MINUTE_MS = 60_000
KEPT_MAX = 100_000  # counts not yet stored; then the oldest minutes are dropped
STEP = 2000  # counts in one write

_Key = tuple[int, str, str]


class Minutes:
    def __init__(self, store: Store, clock: Clock, notices: Notices) -> None:
        self._store = store
        self._clock = clock
        self._counts: dict[_Key, float] = {}
        # Nobody reads while counts are on their way, or they would be seen twice or not at all.
        self._lock = asyncio.Lock()
        self._dropped = False
        self.loop = Loop("minutes", self.once, clock, notices, interval_seconds=60.0)

    def count(self, function: str, metric: str, value: float = 1.0) -> None:
        """One more (or a value) of that metric in the present minute."""
        now = self._clock.now()
        key = (now - now % MINUTE_MS, function, metric)
        before = self._counts.get(key)
        self._counts[key] = value if before is None else merged(metric, before, value)

    async def once(self) -> float | None:
        await self.flush()
        return None

    async def flush(self) -> None:
        """Store what was counted. Raises StoreUnavailable; what is not stored yet is kept."""
        self._bound()
        async with self._lock:
            keys = sorted(self._counts)
            for start in range(0, len(keys), STEP):
                await self._store_some(keys[start : start + STEP])

    async def close(self) -> None:
        """The last flush. (It waits for one under way: cancelled, that would be half known.)"""
        try:
            await self.flush()
        except StoreUnavailable as error:
            # The node ends all the same; counts are not worth keeping it.
            log.warning("the counts of the last minutes could not be stored: %s", error.detail)
        await self.loop.stop()

    async def read(
        self,
        since: int,
        until: int,
        *,
        function: str | None = None,
        metric: str | None = None,
    ) -> list[MinuteCount]:
        """The minutes in [since, until), stored or not yet, by minute, function and metric."""
        async with self._lock:
            stored = await self._store.minutes(since, until, function=function, metric=metric)
        counts = {(count.minute, count.function, count.metric): count.value for count in stored}
        for key, value in self._counts.items():
            minute, of, name = key
            wanted = function in (None, of) and metric in (None, name)
            if wanted and since <= minute < until:
                counts[key] = merged(name, counts[key], value) if key in counts else value
        return [MinuteCount(*key, counts[key]) for key in sorted(counts)]

    # ------------------------------------------------------------ inside

    async def _store_some(self, keys: list[_Key]) -> None:
        sent = {key: self._counts.pop(key) for key in keys}
        try:
            await self._store.add_minutes([MinuteCount(*key, sent[key]) for key in sent])
        except Exception:
            # Not stored, whatever it was: back to what was counted since.
            for key, value in sent.items():
                since = self._counts.get(key)
                self._counts[key] = value if since is None else merged(key[2], value, since)
            raise

    def _bound(self) -> None:
        over = len(self._counts) - KEPT_MAX
        if over <= 0:
            self._dropped = False
            return
        for key in sorted(self._counts)[:over]:
            del self._counts[key]
        if not self._dropped:
            self._dropped = True
            log.warning("counts of minutes are dropped: more than %d are not stored", KEPT_MAX)
