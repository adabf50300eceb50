"""The shape of every loop: an interval, one `once()`, a wake, a clean stop.

`once()` does one bounded round and answers how many seconds to wait before the next: 0 to go on at
once, None for the loop's own interval. A round that fails is said once, and the loop goes on: after
a second where the store was away, else after its interval. What the world outside did (a disk, another
service) is said as a sentence, a mistake of ours with its traceback.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..clock import Clock, Timer
from ..errors import StoreDamaged, StoreUnavailable, ThenceError
from ..notices import LoopFailed, Notices

log = logging.getLogger("thence.loop")

AGAIN_SECONDS = 1.0  # after a round that found no store


class Loop:
    def __init__(
        self,
        name: str,
        once: Callable[[], Awaitable[float | None]],
        clock: Clock,
        notices: Notices,
        *,
        interval_seconds: float,
    ) -> None:
        self.name = name
        self.once = once
        self._clock = clock
        self._notices = notices
        self.interval_seconds = interval_seconds
        """May be changed while it runs: the next wait is as long as it says then."""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failed = False
        self._timer: Timer | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._drive(), name=self.name)

    def wake(self) -> None:
        """Run a round now (or once more after the present one)."""
        self._wake.set()

    async def stop(self) -> None:
        """End the loop; a round under way is cancelled at its next wait. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _drive(self) -> None:
        while True:
            self._wake.clear()
            wait = await self._round()
            if wait == 0:
                await asyncio.sleep(0)
                continue
            await self._until(self.interval_seconds if wait is None else wait)

    async def _round(self) -> float | None:
        try:
            wait = await self.once()
        except StoreDamaged as error:
            self._say(error)
            return None  # it does not come back
        except StoreUnavailable as error:
            self._say(error)
            return min(self.interval_seconds, AGAIN_SECONDS)
        except (OSError, ThenceError) as error:
            log.debug("a round of %s failed", self.name, exc_info=True)
            self._say(error)
            return None
        except Exception as error:
            # A loop that dies would leave its work undone for ever: say it, go on.
            if not self._failed:
                log.exception("a round of %s failed", self.name)
            self._say(error)
            return None
        self._failed = False
        return wait

    def _say(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            self._notices.publish(LoopFailed(self.name, _sentence(error)))

    async def _until(self, seconds: float) -> None:
        timer = self._clock.call_at(self._clock.now() + round(seconds * 1000), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()


def _sentence(error: Exception) -> str:
    if isinstance(error, ThenceError) or (isinstance(error, OSError) and error.errno is None):
        return str(error)  # it is one
    return f"{type(error).__name__}: {error}"
