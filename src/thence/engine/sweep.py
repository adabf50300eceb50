"""sweep: blobs that no row names are removed, and the code of revisions that nobody runs.

What else is to go after a time joins in with `also`.

A process that is killed between the writing of a large body and the commit that names it leaves a
blob behind. One 256th of the blob store is looked at in each round, so a whole sweep takes a day
and costs nothing that anybody would notice.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from ..clock import Clock
from ..lifecycle.ids import id_millis
from ..lifecycle.states import FINAL
from ..notices import Notices
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
        prune_code: Callable[[], Awaitable[None]],
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._prune_code = prune_code
        self._clock = clock
        self._part = 0
        self.also: list[Callable[[], Awaitable[None]]] = []
        """Called in every round."""
        self.loop = Loop("sweep", self.once, clock, notices, interval_seconds=86_400 / PARTS)

    async def once(self) -> float | None:
        part, self._part = self._part, (self._part + 1) % PARTS
        if part == 0:
            await self._prune_code()
        unused = [ref for ref in await self._blobs.part(part) if await self._unused(ref)]
        if unused:
            await self._blobs.delete(unused)
        for sweep in self.also:
            await sweep()
        return None

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
