"""What doors ask of invocations: one, many, why one waits, its bodies. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import Clock
from ..errors import InvocationNotFound
from ..lifecycle.ids import format_id
from ..notices import Notices
from ..runtimes.interface import Runtime
from ..store.blobs import BlobStore
from ..store.interface import Store
from ..store.records import Body, Filter, InvocationView, ListFilter, Page
from .catalogue import Catalogue
from .dispatch import Dispatch
from .lanes import Lanes
from .wait import Wait
from .why import Why, why
from .writer import Writer


class Invocations:
    """Each question may raise StoreUnavailable."""

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        runtime: Runtime,
        lanes: Lanes,
        catalogue: Catalogue,
        dispatch: Dispatch,
        writer: Writer,
        clock: Clock,
        notices: Notices,
        *,
        draining: Callable[[], bool],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._runtime = runtime
        self._lanes = lanes
        self._catalogue = catalogue
        self._dispatch = dispatch
        self._writer = writer
        self._clock = clock
        self._draining = draining
        self.waits = Wait(self.get, clock, notices)

    # ------------------------------------------------------------ one

    async def find(self, id: int) -> InvocationView | None:
        """Everything about one; None: there is none of that id, or its retention has ended."""
        return await self._store.invocation(id)

    async def get(self, id: int) -> InvocationView:
        """Everything about one. Raises InvocationNotFound."""
        view = await self._store.invocation(id)
        if view is None:
            raise InvocationNotFound(
                f"There is no invocation {format_id(id)}; its id is wrong or its retention has "
                "ended.",
                kind="invocation",
                name=format_id(id),
            )
        return view

    async def wait(self, id: int, seconds: float) -> InvocationView:
        """The invocation as soon as it is final, or as it is after `seconds`. Raises
        InvocationNotFound."""
        return await self.waits.wait(id, seconds)

    def begun(self, id: int) -> bool:
        """Whether the code of its running attempt has begun. False also where none runs here."""
        return self._runtime.begun(id)

    def why(self, view: InvocationView) -> Why | None:
        """Why it waits; None when it does not."""
        lane = self._lanes.get(view.function_id)
        if lane is None:
            return None
        return why(
            view,
            now=self._clock.now(),
            slots_used=self._runtime.limits(lane.function)[0],
            slots_allowed=lane.function.spec.concurrency,
            room=self._dispatch.free(lane),
            held=self._runtime.held(lane.function),
            held_back=self._dispatch.held_back,
            node=self._runtime.occupancy(),
            draining=self._draining(),
            store_down=self._writer.outage.down,
            family=lane.family,
            kept=lane.kept,
            unwritten=lane.unwritten if lane.filled else 0,
        )

    # ------------------------------------------------------------ many

    async def page(self, filter: Filter, limit: int, cursor: str | None) -> Page:
        """InvocationRow items that the filter means, newest first. Raises InvalidInput for a cursor
        that is none."""
        return await self._store.invocations(filter, limit, cursor)

    async def listed(
        self,
        name: str,
        filter: ListFilter,
        limit: int,
        cursor: str | None,
        *,
        ascending: bool = False,
    ) -> Page:
        """InvocationView items of the function's own list, over all its versions: what was accepted
        to be kept in it. Newest first unless `ascending`; a page may be short, even empty, and still
        have a cursor. Raises FunctionNotFound."""
        family = self._catalogue.family(name).id
        return await self._store.listed(family, filter, limit, cursor, ascending=ascending)

    async def by_caller_id(self, name: str, caller_id: str) -> int | None:
        """The invocation in the function's list to which the caller gave that id. Raises
        FunctionNotFound."""
        return await self._store.by_caller_id(self._catalogue.family(name).id, caller_id)

    # ------------------------------------------------------------ bodies

    async def payload(self, id: int) -> tuple[Body, str] | None:
        """Where its payload is, and the content type. None: there is no such invocation."""
        return await self._store.payload(id)

    async def result(self, id: int) -> Body | None:
        """Where what the function answered is; None: there is nothing, or not any more."""
        return await self._store.result(id)

    async def log(self, id: int, attempt: int | None = None) -> bytes | None:
        """What the function printed in that attempt (None: the last that has ended)."""
        return await self._store.log(id, attempt)

    async def body(self, body: Body) -> bytes | None:
        """The bytes of a payload or result wherever they are; None when retention has ended."""
        if body.data is not None or body.ref is None:
            return body.data
        return await self._blobs.get(body.ref, body.digest)
