"""sweep: blobs that no row names are removed, and the code of revisions that nobody runs.

What else is to go after a time joins in with `also`.

A process that is killed between the writing of a large body and the commit that names it leaves a
blob behind. One 256th of the blob store is looked at in each round, so a whole sweep takes a day
and costs nothing that anybody would notice.

What nothing uses is marked, and goes only after `retention.unused_days` of being so: a store from an
older backup does not know the files that are newer. A store that knows of nothing at all is no reason
to remove anything.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from ..clock import Clock
from ..lifecycle.ids import id_millis
from ..lifecycle.states import FINAL
from ..notices import FilesUnused, Notices
from ..store.blobs import PARTS, BlobStore
from ..store.interface import Store
from .loop import Loop

AGE_SECONDS = 3600.0  # a younger body may be on its way to its commit
_REF = re.compile(r"([0-9a-f]{32})\.(payload|[0-9]+\.result)")


class Sweep:
    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        prune_code: Callable[[], Awaitable[tuple[int, int]]],
        clock: Clock,
        notices: Notices,
        *,
        kept_seconds: float,
    ) -> None:
        """prune_code: answers how many archives nothing uses, and how many of them it removed."""
        self._store = store
        self._blobs = blobs
        self._prune_code = prune_code
        self._clock = clock
        self._notices = notices
        self._kept_ms = round(kept_seconds * 1000)
        self._part = 0
        self.also: list[Callable[[], Awaitable[None]]] = []
        """Called in every round."""
        self.loop = Loop("sweep", self.once, clock, notices, interval_seconds=86_400 / PARTS)

    async def once(self) -> float | None:
        part, self._part = self._part, (self._part + 1) % PARTS
        if part == 0:
            self._say("code", *await self._prune_code())
        await self._sweep_blobs(part)
        for sweep in self.also:
            await sweep()
        return None

    async def _sweep_blobs(self, part: int) -> None:
        refs = await self._blobs.part(part)
        if refs and not await self._store.highest_id():
            refs = []  # a store without invocations knows nothing of what it does not name
        unused = [ref for ref in refs if await self._unused(ref)]
        gone = await self._blobs.overdue(part, unused, self._clock.sure(), self._kept_ms)
        # (With none: what a backup kept from going goes now.)
        await self._blobs.delete(gone)
        self._say("blobs", len(unused), len(gone))

    def _say(self, what: str, unused: int, removed: int) -> None:
        if unused:
            self._notices.publish(FilesUnused(what, unused, removed, self._kept_ms // 86_400_000))

    async def _unused(self, ref: str) -> bool:
        match = _REF.fullmatch(ref)
        if match is None:
            return False  # not one of the engine's: whoever wrote it knows
        id = int(match.group(1), 16)
        if id_millis(id) > self._clock.now() - AGE_SECONDS * 1000:
            return False
        found = await self._store.payload(id)
        if found is None:
            return True  # never committed, or pruned
        if match.group(2) == "payload":
            return found[0].ref != ref
        view = await self._store.invocation(id)
        if view is None or view.state not in FINAL:
            return False  # its settle may be on its way
        result = await self._store.result(id)
        return result is None or result.ref != ref
