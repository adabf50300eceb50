"""Large results on their way to the blob store, before the settle that names them.

Where they come faster than they can be written, or cannot be written, those that have ended keep their
slots until they are: else there would be more and more of them in memory, and a kill would run them all
again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec import Struct

from ..clock import Clock
from ..errors import StoreUnavailable
from ..runtimes.interface import Run
from ..store.blobs import BlobStore
from ..store.records import Body, Settle
from .dispatch import Dispatch
from .lanes import BESIDE_MAX, Lane
from .tasks import Tasks

log = logging.getLogger("thence.settle")

AGAIN_SECONDS = 0.5
KEPT_BYTES_MAX = 256 * 1024 * 1024
"""Results and payloads of all functions that keep slots until they are on disk; beyond these each keeps
room of the node too, so that many functions together do not fill the memory."""


class _Kept(Struct, frozen=True):
    """What one that has ended keeps until its result is on disk, beside its slot."""

    bytes: int
    of_node: bool


class LargeResults:
    def __init__(self, blobs: BlobStore, dispatch: Dispatch, clock: Clock) -> None:
        self._blobs = blobs
        self._dispatch = dispatch
        self._clock = clock
        self._tasks = Tasks()
        self._kept_bytes = 0  # see KEPT_BYTES_MAX

    def offload(self, lane: Lane, settle: Settle, run: Run, then: Callable[[], None]) -> None:
        """Write the result beside the store, then go on, having its place in the settle."""
        late = len(self._tasks) >= BESIDE_MAX
        kept = self._keep(lane, settle, run) if late else None
        self._tasks.spawn(self._offload(lane, settle, run, then, kept))

    async def settled(self, until: int) -> None:
        """Return when none is on its way; those that are at `until` (ms) are given up."""
        timer = self._clock.call_at(until, self._give_up)
        try:
            await self._tasks.settled()
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        count = len(self._tasks)
        log.warning(
            "the service leaves, and %d %s not written; the next start finds the attempts as lost, and "
            "makes them again where their budgets allow it",
            count,
            "large result was" if count == 1 else "large results were",
        )
        self._tasks.cancel()

    async def _offload(
        self,
        lane: Lane,
        settle: Settle,
        run: Run,
        then: Callable[[], None],
        kept: _Kept | None,
    ) -> None:
        """`kept`: it keeps its slot already, for many are on their way."""
        body = settle.result
        assert body is not None and body.data is not None
        ref = f"{settle.id:032x}.{settle.attempt}.result"
        try:
            while True:
                try:
                    digest = await self._blobs.put(ref, body.data)
                    break
                except StoreUnavailable:
                    # The answer must not be lost: as with settles, try until there is space again.
                    kept = kept or self._keep(lane, settle, run)
                    await self._clock.sleep(AGAIN_SECONDS)
            settle.result = Body(None, body.bytes, ref, digest)
            then()
        finally:
            if kept is not None:
                self._kept_bytes -= kept.bytes
                lane.slots.keep(lane, -1, -kept.of_node)
                self._dispatch.freed(lane)

    def _keep(self, lane: Lane, settle: Settle, run: Run) -> _Kept:
        """It has ended and keeps its slot."""
        assert settle.result is not None
        size = settle.result.bytes + len(run.payload)
        self._kept_bytes += size
        kept = _Kept(size, self._kept_bytes > KEPT_BYTES_MAX)
        lane.slots.keep(lane, 1, kept.of_node)
        return kept
