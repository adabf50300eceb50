"""prune: what has outlived its retention goes, in small steps, oldest first."""

from __future__ import annotations

from ..clock import Clock
from ..notices import Notices
from ..store.blobs import BlobStore
from ..store.interface import Store
from .loop import Loop
from .options import Options

STEP = 500


class Prune:
    """Payloads, results and history have retentions of their own; what still runs, waits or owes a
    delivery is never touched."""

    def __init__(
        self, store: Store, blobs: BlobStore, clock: Clock, notices: Notices, options: Options
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._options = options
        self.loop = Loop(
            "prune", self.once, clock, notices, interval_seconds=options.prune_interval_seconds
        )

    async def once(self) -> float | None:
        now = self._clock.sure()
        options = self._options

        def before(seconds: float) -> int:
            return now - round(seconds * 1000)

        changed, refs = await self._store.prune(
            history_before=before(options.history_retention_seconds),
            payload_before=before(options.payload_retention_seconds),
            result_before=before(options.result_retention_seconds),
            journal_before=before(options.events_retention_seconds),
            minutes_before=before(options.minutes_retention_seconds),
            now=now,
            limit=STEP,
        )
        if refs:
            await self._blobs.delete(refs)
        # A short rest between steps leaves the writer to the callers.
        return 0.02 if changed else None
