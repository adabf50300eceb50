"""What doors ask of invocations: one, many, why it waits, its bodies, sums and counts, the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ..clock import Clock
from ..errors import InvocationNotFound
from ..lifecycle.ids import format_id
from ..runtimes.interface import Runtime
from ..store.blobs import BlobStore
from ..store.interface import ListFilter, Store
from ..store.records import Body, InvocationView, MinuteCount, Page
from .catalogue import Catalogue
from .dispatch import Dispatch
from .events import Event, Events
from .lanes import Lanes
from .minutes import Minutes
from .stats import Stats, sum_up
from .wait import Wait
from .why import Why, why
from .writer import Writer

SUMMED_MAX = 200  # functions (and versions) that are summed up on the event loop


class Looking:
    """The engine's part that answers; nothing of an invocation is changed here."""

    store: Store
    runtime: Runtime
    blobs: BlobStore
    clock: Clock
    lanes: Lanes
    writer: Writer
    dispatch: Dispatch
    catalogue: Catalogue
    events_: Events
    minutes_: Minutes
    waits: Wait
    draining: bool

    async def show(self, id: int) -> InvocationView:
        """Everything about one invocation. Raises InvocationNotFound."""
        view = await self.store.invocation(id)
        if view is None:
            raise InvocationNotFound(
                f"There is no invocation {format_id(id)}; its id is wrong or its retention has "
                "ended.",
                kind="invocation",
                name=format_id(id),
            )
        return view

    def begun(self, id: int) -> bool:
        """Whether the code of its running attempt has begun. False also where none runs."""
        return self.runtime.begun(id)

    async def listed(
        self,
        name: str,
        filter: ListFilter,
        limit: int,
        cursor: str | None,
        *,
        ascending: bool = False,
    ) -> Page:
        """See Store.listed: of the function's list, over all its versions. Raises
        FunctionNotFound."""
        family = self.catalogue.family(name).id
        return await self.store.listed(family, filter, limit, cursor, ascending=ascending)

    async def by_caller_id(self, name: str, caller_id: str) -> int | None:
        """The invocation in the function's list to which the caller gave that id. Raises
        FunctionNotFound."""
        return await self.store.by_caller_id(self.catalogue.family(name).id, caller_id)

    def why(self, view: InvocationView) -> Why | None:
        """Why it waits; None when it does not."""
        lane = self.lanes.get(view.function_id)
        if lane is None:
            return None
        return why(
            view,
            now=self.clock.now(),
            slots_used=self.runtime.limits(lane.function)[0],
            slots_allowed=lane.function.spec.concurrency,
            room=self.dispatch.free(lane),
            held=self.runtime.held(lane.function),
            held_back=self.dispatch.held_back,
            node=self.runtime.occupancy(),
            draining=self.draining,
            store_down=self.writer.down,
            family=lane.family,
            kept=lane.kept,
            unwritten=lane.unwritten if lane.filled else 0,
        )

    async def wait(self, id: int, seconds: float) -> InvocationView:
        """See Wait.wait."""
        return await self.waits.wait(id, seconds)

    async def body(self, body: Body) -> bytes | None:
        """The bytes of a payload or result wherever they are; None when retention has ended.
        Raises StoreUnavailable."""
        if body.data is not None or body.ref is None:
            return body.data
        return await self.blobs.get(body.ref, body.digest)

    async def stats(self) -> Stats:
        """Sums and counts per function. Raises StoreUnavailable."""
        counts = await self.store.counts(self.clock.now())
        if len(counts) <= SUMMED_MAX:
            return sum_up(counts)
        return await asyncio.to_thread(sum_up, counts)  # of ten thousand: a fifth of a second

    def count_minute(self, function: str, metric: str, value: float = 1.0) -> None:
        """See Minutes.count."""
        self.minutes_.count(function, metric, value)

    async def minutes(
        self, since: int, until: int, *, function: str | None = None, metric: str | None = None
    ) -> list[MinuteCount]:
        """See Minutes.read. Raises StoreUnavailable."""
        return await self.minutes_.read(since, until, function, metric)

    def events(self, after: str | None) -> AsyncIterator[Event]:
        """See Events.read."""
        return self.events_.read(after)
