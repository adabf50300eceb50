"""The engine: what doors, triggers and destinations use of a node.

The verbs are built in wiring.py, begin and end in life.py; questions have an object for each subject. What
is here is on the way of a call, or has no other place.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from ..catalog.code import check_archive
from ..catalog.function import LATEST
from ..clock import Clock
from ..lifecycle.lineage import Lineage
from ..notices import Notices
from ..runtimes.code import CodeCache
from ..runtimes.interface import Ended, Runtime
from ..space import Space
from ..store.blobs import BlobStore
from ..store.interface import Store
from ..store.records import Accepted
from .answer import Done
from .deliveries import Deliveries
from .functions import Functions
from .health import Health
from .invocations import Invocations
from .life import Life
from .mailbox import Mailbox
from .options import Options
from .room import Room
from .sources import Firing
from .stats import Stats, sum_up
from .store_watch import StoreWatch
from .wiring import CheckArchive, Given, MakeSending, Parts

SUMMED_MAX = 200  # functions (and versions) that are summed up on the event loop


class Engine:
    """One node's engine over one store. `start()` first, `drain()` last."""

    def __init__(
        self,
        *,
        store: Store,
        runtime: Runtime,
        code: CodeCache,
        blobs: BlobStore,
        clock: Clock,
        notices: Notices,
        options: Options,
        make_sending: MakeSending,
        check_archive: CheckArchive = check_archive,
        rng: random.Random | None = None,
        room: Room | None = None,
    ) -> None:
        """make_sending: builds what sends records, see wiring.py. check_archive: by the configured
        limits. room: of the disk, with its reserve; those who write files beside the store have it too."""
        self.clock = clock
        self.notices = notices
        self.options = options
        self.parts = parts = Parts(
            Given(
                store=store,
                runtime=runtime,
                code=code,
                blobs=blobs,
                clock=clock,
                notices=notices,
                options=options,
                make_sending=make_sending,
                check_archive=check_archive,
                rng=rng or random.Random(),
                room=room or Room(store),
            )
        )
        """The verbs; for tests that look inside. Doors ask by subject:"""
        self._life = life = Life(parts, clock, notices, options)
        self._store_watch = StoreWatch(parts, notices)
        self.start, self.drain = life.start, life.drain
        self.end_runs, self.close = life.end_runs, life.close
        self.held_up = life.held_up
        self.functions = Functions(
            parts.catalogue, parts.lanes, code, runtime, abort=parts.stop.abort_all
        )
        self.invocations = Invocations(
            store,
            blobs,
            runtime,
            parts.lanes,
            parts.catalogue,
            parts.dispatch,
            parts.writer,
            clock,
            notices,
            draining=lambda: life.draining,
        )
        self.deliveries = Deliveries(store)
        self.mailbox = Mailbox(store, clock)
        self.events = parts.events
        self.minutes = parts.minutes
        self.tend = parts.tend
        self.health = Health(
            parts.room,
            parts.writer,
            parts.dispatch,
            runtime,
            parts.tend,
            draining=lambda: life.draining,
        )
        self.space: Space = parts.room
        """For whoever writes files beside the store."""
        self.sources = parts.sources
        self.redrive = parts.redrive
        self.stop = parts.stop.stop

    # ------------------------------------------------------------ accepting

    def accept(
        self, name: str, payload: bytes, done: Done, *, qualifier: str = LATEST, **settings: Any
    ) -> None:
        """See Accept.accept. `qualifier`: `latest`, a version or an alias, which chooses one now for
        all attempts. Raises FunctionNotFound, QualifierNotFound as well."""
        if qualifier == LATEST:
            self.parts.accept.accept(
                self.parts.catalogue.lane(name).called, payload, done, **settings
            )
            return
        self.parts.accept.accept(
            self.parts.catalogue.resolve(name, qualifier), payload, done, **settings
        )

    async def accepted(
        self,
        name: str,
        payload: bytes,
        *,
        content_type: str = "",
        idempotency_key: str | None = None,
        lineage: Lineage | None = None,
        traceparent: str = "",
        source: str = "",
        delay_seconds: float = 0.0,
        qualifier: str = LATEST,
        caller_id: str | None = None,
        listed: bool | None = None,
        payload_bytes_max: int | None = None,
    ) -> Accepted:
        """`accept` for callers that wait: returns after the commit. Raises what `done` would get."""
        firing = Firing(
            payload=payload,
            content_type=content_type,
            source=source,
            traceparent=traceparent,
            lineage=lineage,
            idempotency_key=idempotency_key,
            delay_seconds=delay_seconds,
            caller_id=caller_id,
            listed=listed,
            payload_bytes_max=payload_bytes_max,
        )
        return await self.sources.accept(name, firing, qualifier=qualifier)

    async def invoke(
        self, name: str, payload: bytes, *, qualifier: str = LATEST, **settings: Any
    ) -> tuple[int, Ended]:
        """A synchronous call: see Invoke.invoke. Raises FunctionNotFound, QualifierNotFound as
        well."""
        return await self.parts.invoke.invoke(
            self.parts.catalogue.resolve(name, qualifier), payload, **settings
        )

    # ------------------------------------------------------------ asking

    async def stats(self) -> Stats:
        """Sums and counts per function. Raises StoreUnavailable."""
        counts = await self.parts.store.counts(self.clock.now())
        if len(counts) <= SUMMED_MAX:
            return sum_up(counts)
        return await asyncio.to_thread(sum_up, counts)  # of ten thousand: a fifth of a second

    def new_id(self) -> int:
        """An id that no invocation has: for what a door names by one, as a request."""
        return self.parts.ids.next(self.clock.now())

    def also_sweep(self, sweep: Callable[[], Awaitable[None]]) -> None:
        """Call it whenever it is looked for files that nothing uses."""
        self.parts.sweep.also.append(sweep)
