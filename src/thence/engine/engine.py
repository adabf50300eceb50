"""The engine: builds the verbs, starts and stops them in order, and is what the doors talk to."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..catalog.code import check_archive
from ..catalog.function import LATEST
from ..clock import Clock
from ..errors import StoreDamaged, StoreUnavailable
from ..lifecycle.ids import id_millis
from ..lifecycle.lineage import Lineage
from ..notices import NodeDraining, NodeStopped, Notices, StoreBack, StoreHit, StoreLost
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
from .loop import Loop
from .mailbox import Mailbox
from .minutes import Minutes
from .options import Options
from .room import Room
from .sources import Firing
from .stats import Stats, sum_up
from .tasks import Tasks
from .tend import Tend
from .wiring import CheckArchive, Given, MakeSending, Parts

T = TypeVar("T")
log = logging.getLogger("thence.engine")
OPEN_SECONDS = 1.0  # between two tries to open the store on a full disk
SUMMED_MAX = 200  # functions (and versions) that are summed up on the event loop
LEAVE_MS = 2000  # after the grace period, for what it cut off to be written; server.py gives 5 s for all that


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
            draining=lambda: self._draining,
        )
        self.deliveries = Deliveries(store)
        self.mailbox = Mailbox(store, clock)
        self.events = parts.events
        self.minutes = Minutes(store, clock, notices)
        self.tend = Tend(store, clock, notices)
        self.health = Health(
            parts.room,
            parts.writer,
            parts.dispatch,
            runtime,
            self.tend,
            draining=lambda: self._draining,
        )
        self.space: Space = parts.room
        """For whoever writes files beside the store."""
        self.sources = parts.sources
        self.redrive = parts.redrive
        self.stop = parts.stop.stop
        self._draining = False
        self.held_up = asyncio.Event()
        """A start that waits for room on the disk: nothing has begun."""
        self._tasks = Tasks()
        notices.on(StoreBack, self._store_back)
        notices.on(StoreLost, self._store_lost)
        store.on_damage(self._damaged)
        store.on_unwritten(self.parts.writer.unwritten)

    def _damaged(self, error: StoreDamaged) -> None:
        self.parts.writer.condemn(error)
        tables = tuple(error.fields["tables"])
        self.notices.publish(StoreHit(error.detail, tables))
        if not tables:
            self._tasks.spawn(self._find_damage(error))

    async def _find_damage(self, error: StoreDamaged) -> None:
        """Say which tables are hit, as soon as that is known."""
        try:
            known = await self.parts.store.find_damage(error)
        except StoreUnavailable as unread:
            log.warning("the damaged tables could not be looked for: %s", unread.detail)
            return
        if not known.fields["tables"]:
            return
        self.parts.writer.condemn(known)
        self.notices.publish(StoreHit(known.detail, tuple(known.fields["tables"])))

    def _store_lost(self, _: StoreLost) -> None:
        if self.parts.room.full:
            self.parts.prune.loop.wake()  # what may go makes room

    def _store_back(self, _: StoreBack) -> None:
        # What was refused meanwhile is asked again; the lease first, so that what still runs here
        # is not taken for lost.
        for loop in (
            self.parts.node.loop,
            self.parts.rescue.loop,
            self.parts.expire.loop,
            self.parts.retire.loop,
        ):
            loop.wake()
        self.parts.suspects.loop.wake()
        self.parts.dispatch.pump()

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Open the store, join it, and begin. Raises StartupError."""
        try:
            await self._start()
        except StoreDamaged as error:
            raise await self.parts.store.refusal(error) from error

    async def _begin_time(self, floor: int) -> None:
        """Service time goes on where it was; what is under way does not age by a jump."""
        jump = self.clock.begin(await self.parts.store.clock_mark(), floor)
        if jump:
            await self._when_there_is_room(
                lambda: self.parts.store.shift_ages(jump, self.clock.mark())
            )
            log.warning(
                "the clock is %d s after the last that the store knows, and only the machine's "
                "clock says so: ages and budgets of what is under way do not count that time, and "
                "nothing is pruned by it for a day",
                jump // 1000,
            )

    async def _start(self) -> None:
        await self._open()
        highest = await self.parts.store.highest_id()
        self.parts.ids.above(highest)
        await self._begin_time(id_millis(highest))
        await self.parts.catalogue.start()
        await self.parts.runtime.start()
        await self._when_there_is_room(self.parts.node.join)
        self.parts.writer.start()
        if self.options.waiting_max:
            await self._count_waiting()  # before anything begins, or ends, that is counted then
        await self.parts.dispatch.start()
        await self.parts.suspects.start()
        await self.parts.deliver.start()
        for loop in (self.parts.node.loop, self.minutes.loop, *self._chores()):
            loop.start()
        for lane in self.parts.lanes.all():
            if lane.deleted:
                self.parts.retire.note(lane)
        self.parts.accept.closed = self.parts.invoke.closed = False

    async def _open(self) -> None:
        """Open the store. Raises StartupError, StoreUnavailable."""
        # (Before the hold is taken the reserve is left alone: it may be that of a running service.)
        await self._when_there_is_room(self.parts.store.open)
        self.parts.room.opened()

    async def _when_there_is_room(self, write: Callable[[], Awaitable[T]]) -> T:
        """What that answers; on a disk so full that not even this can be done, as soon as it can.
        Raises what it raises for another reason."""
        said = False
        while True:
            try:
                done = await write()
            except StoreUnavailable as error:
                refusal = self.parts.room.lost(error)
                if not self.parts.room.full:
                    raise
                if not said:
                    self.notices.publish(StoreLost(refusal.detail))
                said = True
                self.held_up.set()
                await self.clock.sleep(OPEN_SECONDS)
            else:
                self.held_up.clear()
                return done

    async def _count_waiting(self) -> None:
        """What waits from before counts towards limits.waiting_max."""
        for counted in await self.parts.store.counts(self.clock.now()):
            lane = self.parts.lanes.get(counted.function_id)
            if lane is not None:
                lane.count_waiting(counted.waiting - lane.waiting)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, give back what has not begun, finish what runs within `seconds`, settle
        the rest as cut off, and leave the store. Idempotent."""
        if self._draining:
            return
        self._draining = True
        self.notices.publish(NodeDraining(self.parts.node.name))
        self.parts.accept.closed = True
        self.parts.invoke.close()
        self.parts.writer.leave()
        # What runs has its time from now on, whatever the store is waiting for.
        self.parts.dispatch.paused = self.parts.settle.draining = True
        loop, ends = asyncio.get_running_loop(), self.clock.now() + round(seconds * 1000)
        running = loop.create_task(self.parts.runtime.drain(seconds))
        sending = loop.create_task(self.parts.deliver.stop(seconds))
        await self.parts.accept.settled()
        await self.parts.dispatch.stop()
        await self.parts.suspects.loop.stop()
        for chore in self._chores():
            await chore.stop()
        await self.parts.writer.flush()  # claims on their way become runs, which are given back
        await self.parts.run.settled()
        await asyncio.sleep(0)  # they are
        await running
        until = max(ends, self.clock.now()) + LEAVE_MS
        await self.parts.results.settled(until)
        await self.parts.writer.written(until)
        await sending
        await self.minutes.close()
        await self.parts.writer.stop()
        await self.parts.runtime.close()
        await self.parts.sending.close()
        await self.parts.node.leave()
        await self.parts.store.close()
        self.notices.publish(NodeStopped(self.parts.node.name, self.parts.settle.cut_off))

    async def end_runs(self) -> None:
        """End the processes of functions at once: a drain had no time for that. Idempotent."""
        await self.parts.runtime.close()

    async def close(self) -> None:
        """Let go of the store and of the processes of functions where the start failed. Idempotent."""
        await self.parts.runtime.close()
        await self.parts.store.close()

    def _chores(self) -> tuple[Loop, ...]:
        chores = [
            self.parts.rescue.loop,
            self.parts.expire.loop,
            self.parts.retire.loop,
            self.parts.prune.loop,
            self.parts.sweep.loop,
        ]
        if self.parts.store.shared:
            chores.append(self.parts.elsewhere.loop)
        return tuple(chores)

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
