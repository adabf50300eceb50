"""The engine: builds the verbs, starts and stops them in order, and is what the doors talk to."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..catalog.function import LATEST
from ..clock import Clock
from ..errors import StoreDamaged, StoreUnavailable
from ..lifecycle.delivery import DeliveryPolicy
from ..lifecycle.ids import IdSource, id_millis
from ..lifecycle.lineage import Lineage
from ..notices import NodeDraining, NodeStopped, Notices, StoreBack, StoreHit, StoreLost
from ..runtimes.code import CodeCache
from ..runtimes.interface import Ended, Run, Runtime
from ..store.blobs import BlobStore
from ..store.interface import Filter, Store
from ..store.records import Accepted
from ..store.reserve import Reserve
from .accept import Accept
from .answer import Done
from .catalogue import Catalogue
from .deliver import Deliver
from .dispatch import Dispatch
from .events import Events
from .expire import Expire
from .functions import Functions
from .invoke import Invoke
from .lanes import UNKNOWN, Lane, Lanes
from .looking import Looking
from .loop import Loop
from .minutes import Minutes
from .node import Node
from .options import Options
from .place import Office, Place
from .prune import Prune
from .redrive import Redrive, RedriveReport
from .rescue import Rescue
from .retire import Retire
from .room import Room
from .run import RunAttempts
from .settle import SettleAttempts
from .sources import Firing, Inside, Sources
from .stop import Stop, Stopped
from .suspects import Suspects
from .sweep import Sweep
from .tasks import Tasks
from .tend import Tend
from .wait import Wait
from .writer import Writer

T = TypeVar("T")
log = logging.getLogger("thence.engine")
OPEN_SECONDS = 1.0  # between two tries to open the store on a full disk
ROWS_BYTES = 4 * 1024 * 1024
LEAVE_MS = 2000  # after the grace period, for what it cut off to be written; server.py gives 5 s for all that


class Engine(Functions, Looking):
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
        rng: random.Random | None = None,
        reserve: Reserve | None = None,
    ) -> None:
        self.store = store
        self.runtime = runtime
        self.code = code
        self.blobs = blobs
        self.clock = clock
        self.notices = notices
        self.options = options
        self._rng = rng or random.Random()
        self.lanes = Lanes(runtime.promise)
        self.ids = IdSource(self._rng)
        self.room = Room(store, reserve)
        self.writer = Writer(store, clock, notices, self.room)
        self.events_ = Events(store, notices)
        self.draining = False
        self.held_up = asyncio.Event()
        """A start that waits for room on the disk: nothing has begun."""
        self._tasks = Tasks()
        self.waits = Wait(self.show, clock, notices)
        self._build()
        self._connect()

    # ------------------------------------------------------------ building

    def _build(self) -> None:
        o, clock, notices, store = self.options, self.clock, self.notices, self.store
        self._offer(
            Catalogue(store, self.lanes, self.code, self.runtime, clock, notices, o, self._rng)
        )
        self.dispatch = Dispatch(
            self.lanes, self.runtime, self.writer, store, clock, notices, claim_max=o.claim_max
        )
        self.expire = Expire(
            self.lanes,
            store,
            self.writer,
            clock,
            notices,
            slots_used=lambda function: self.runtime.limits(function)[0],
        )
        self.deliver = Deliver(
            store,
            self.writer,
            self.blobs,
            clock,
            notices,
            policy=DeliveryPolicy(o.delivery_first_seconds, o.delivery_budget_seconds),
            concurrency=o.delivery_concurrency,
            tries_max=o.delivery_tries_max,
            timeout_seconds=o.delivery_timeout_seconds,
            function_name=self._function_name,
        )
        self.settle = SettleAttempts(
            self.lanes,
            self.writer,
            self.deliver,
            self.blobs,
            clock,
            notices,
            self.ids,
            self._rng,
            inline_bytes_max=o.inline_bytes_max,
        )
        self.run = RunAttempts(self.runtime, self.settle, self.blobs, clock, notices)
        self.accepting = Accept(self.writer, self.dispatch, self.blobs, clock, notices, o, self.ids)
        self.sources = Sources(self.accepting, self.catalogue)
        self.inside = Inside(self.sources, self.writer, o)
        self.place = self.settle.place = Place(
            self.deliver,
            self.accepting,
            self.catalogue,
            clock,
            record_bytes_max=o.record_bytes_max,
            inline_bytes_max=o.inline_bytes_max,
        )
        self.invoking = Invoke(self.dispatch, self.runtime, clock, self.ids, o)
        self.stopping = Stop(store, self.writer, self.runtime, self.run.running, clock)
        self.redriving = Redrive(
            store,
            self.blobs,
            clock,
            self.catalogue.resolve,
            self.sources,
            self.deliver.note,
            o.history_retention_seconds,
        )
        self.prune = Prune(store, self.blobs, clock, notices, o)
        self.sweep = Sweep(
            store,
            self.blobs,
            self._sweep_code,
            clock,
            notices,
            kept_seconds=o.unused_retention_seconds,
        )
        self.node = Node(store, clock, notices, name=o.node_name, lease_seconds=o.lease_seconds)
        self.rescue = Rescue(
            self.lanes,
            store,
            self.settle,
            clock,
            notices,
            interval_seconds=o.lease_seconds / 2,
            held=lambda: self.node.held,
        )
        self.suspects = Suspects(
            self.lanes,
            self.runtime,
            self.dispatch,
            self.writer,
            store,
            clock,
            notices,
            self.run.running,
            alone_seconds=o.suspect_alone_seconds,
            random=self._rng.random,
        )
        self.retire = Retire(
            self.lanes, store, self.expire.end, clock, notices, forget=self._forget
        )
        self.minutes_ = Minutes(store, clock, notices)
        self.tend = Tend(store, clock, notices)

    def _connect(self) -> None:
        self.settle.running = self.run.running
        self.settle.note_waiting = self.accepting.note_waiting = self._note_waiting
        self.settle.note_suspect = self._note_suspect
        self.settle.suspect_over = self.suspects.over
        self.settle.left = self.dispatch.left
        self.dispatch.begin = self.run.begin
        self.dispatch.held = self.expire.held
        self.expire.owed = self.settle.owed
        self.expire.note_delivery = self.deliver.note
        self.run.freed = self.settle.freed = self.dispatch.freed
        self.stopping.end = self.expire.end
        self.catalogue.retire = self.retire.note
        self.room_grown, self.abort = self._room_grown, self._abort
        self.control_changed = self.dispatch.control_changed
        self.node.on_lease = self._on_lease
        self.notices.on(StoreBack, self._store_back)
        self.store.on_damage(self._damaged)
        self.store.on_unwritten(self.writer.unwritten)
        self.notices.on(StoreLost, self._store_lost)

    def deliver_with(self, office: Office) -> None:
        """How records are made and where they go. Before `start`."""
        self.deliver.send, self.place.make = office, office.place
        self.deliver.key_of, self.deliver.local = office.key_of, office.local

    def _on_lease(self, incarnation: int) -> None:
        self.dispatch.lease = incarnation
        self.run.lease = incarnation
        self.deliver.lease = incarnation

    def _damaged(self, error: StoreDamaged) -> None:
        self.writer.condemn(error)
        tables = tuple(error.fields["tables"])
        self.notices.publish(StoreHit(error.detail, tables))
        if not tables:
            self._tasks.spawn(self._find_damage(error))

    async def _find_damage(self, error: StoreDamaged) -> None:
        """Say which tables are hit, as soon as that is known."""
        try:
            known = await self.store.find_damage(error)
        except StoreUnavailable as unread:
            log.warning("the damaged tables could not be looked for: %s", unread.detail)
            return
        if not known.fields["tables"]:
            return
        self.writer.condemn(known)
        self.notices.publish(StoreHit(known.detail, tuple(known.fields["tables"])))

    def _store_lost(self, _: StoreLost) -> None:
        if self.room.full:
            self.prune.loop.wake()  # what may go makes room

    def _store_back(self, _: StoreBack) -> None:
        # What was refused meanwhile is asked again; the lease first, so that what still runs here
        # is not taken for lost.
        for loop in (self.node.loop, self.rescue.loop, self.expire.loop, self.retire.loop):
            loop.wake()
        self.suspects.loop.wake()
        self.dispatch.pump()

    def _room_grown(self, function_id: int) -> None:
        lane = self.lanes.get(function_id)
        if lane is not None:
            # Another concurrency: whatever waits of it may be due.
            self.dispatch.note(lane, self.clock.now(), self.clock.now(), UNKNOWN)
        self.dispatch.pump()

    async def _abort(self, family_id: int) -> None:
        self.invoking.abort(family_id)
        runs = [run for run in self._runs() if run.function.family == family_id]
        work = (self.stopping.abort(run) for run in runs)
        answers = await asyncio.gather(*work, return_exceptions=True)
        refused = [one for one in answers if one is not None]
        if refused and isinstance(refused[0], StoreUnavailable):
            raise StoreUnavailable(
                f"The function is disabled, and {len(refused)} of what runs of it could not be stopped: "
                f"{refused[0].detail}",
                **refused[0].fields,
            ) from refused[0]
        if refused:
            raise refused[0]

    def _note_suspect(self, lane: Lane, due_at: int, expires_at: int) -> None:
        if lane.deleted:
            self.retire.note(lane)
            return
        self.expire.note(expires_at)
        self.suspects.note(lane, due_at)

    def _note_waiting(self, lane: Lane, due_at: int, expires_at: int) -> None:
        if lane.deleted:
            self.retire.note(lane)
            return
        self.expire.note(expires_at)
        self.dispatch.note(lane, due_at, self.clock.now())
        self.dispatch.pump()

    async def _forget(self, lane: Lane) -> None:
        self.suspects.forget(lane)
        self.dispatch.forget(lane)
        self.runtime.forget(lane.function.id)  # whoever asked of it since had it known again
        await self.catalogue.forget(lane.family)

    def _function_name(self, function_id: int) -> str:
        found = self.lanes.named(function_id)
        return f"#{function_id}" if found is None else found[0]

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Open the store, join it, and begin. Raises StartupError."""
        try:
            await self._start()
        except StoreDamaged as error:
            raise await self.store.refusal(error) from error

    async def _begin_time(self, floor: int) -> None:
        """Service time goes on where it was; what is under way does not age by a jump."""
        jump = self.clock.begin(await self.store.clock_mark(), floor)
        if jump:
            await self._when_there_is_room(lambda: self.store.shift_ages(jump, self.clock.mark()))
            log.warning(
                "the clock is %d s after the last that the store knows, and only the machine's "
                "clock says so: ages and budgets of what is under way do not count that time, and "
                "nothing is pruned by it for a day",
                jump // 1000,
            )

    async def _start(self) -> None:
        await self._open()
        highest = await self.store.highest_id()
        self.ids.above(highest)
        await self._begin_time(id_millis(highest))
        await self.catalogue.load()
        await self.runtime.start()
        lease = await self._when_there_is_room(self.node.join)
        self.writer.start()
        if self.options.waiting_max:
            await self._count_waiting()  # before anything begins, or ends, that is counted then
        await self.dispatch.start(lease)
        await self.suspects.start()
        await self.deliver.start()
        for loop in (self.node.loop, self.minutes_.loop, *self._chores()):
            loop.start()
        for lane in self.lanes.all():
            if lane.deleted:
                self.retire.note(lane)
        self.accepting.closed = self.invoking.closed = False

    async def _open(self) -> None:
        """Open the store. Raises StartupError, StoreUnavailable."""
        # (Before the hold is taken the reserve is left alone: it may be that of a running service.)
        await self._when_there_is_room(self.store.open)
        self.room.opened()

    async def _when_there_is_room(self, write: Callable[[], Awaitable[T]]) -> T:
        """What that answers; on a disk so full that not even this can be done, as soon as it can.
        Raises what it raises for another reason."""
        said = False
        while True:
            try:
                done = await write()
            except StoreUnavailable as error:
                refusal = self.room.lost(error)
                if not self.room.full:
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
        for one in await self.store.counts(self.clock.now()):
            lane = self.lanes.get(one.function_id)
            if lane is not None:
                lane.count_waiting(one.waiting - lane.waiting)

    async def drain(self, seconds: float) -> None:
        """Stop accepting, give back what has not begun, finish what runs within `seconds`, settle
        the rest as cut off, and leave the store. Idempotent."""
        if self.draining:
            return
        self.draining = True
        self.notices.publish(NodeDraining(self.node.name))
        self.accepting.closed = True
        self.invoking.close()
        self.writer.leave()
        # What runs has its time from now on, whatever the store is waiting for.
        self.dispatch.paused = self.settle.draining = True
        loop, ends = asyncio.get_running_loop(), self.clock.now() + round(seconds * 1000)
        running = loop.create_task(self.runtime.drain(seconds))
        sending = loop.create_task(self.deliver.stop(seconds))
        await self.accepting.settled()
        await self.dispatch.stop()
        await self.suspects.loop.stop()
        for chore in self._chores():
            await chore.stop()
        await self.writer.flush()  # claims on their way become runs, which are given back
        await self.run.settled()
        await asyncio.sleep(0)  # they are
        await running
        until = max(ends, self.clock.now()) + LEAVE_MS
        await self.settle.settled(until)
        await self.writer.written(until)
        await sending
        await self.minutes_.close()
        await self.writer.stop()
        await self.runtime.close()
        await self.node.leave()
        await self.store.close()
        self.notices.publish(NodeStopped(self.node.name, self.settle.cut_off))

    def check_body(self) -> None:
        """Raises StoreUnavailable while no body may be written. Who leaves takes nothing new, and
        writes what its runs came to in the reserve's space; the last of it is for rows."""
        if not self.draining or (self.room.free_bytes() or 0) < ROWS_BYTES:
            self.room.check()

    async def _sweep_code(self) -> tuple[int, int]:
        return await self.catalogue.prune_code({run.function.code_digest for run in self._runs()})

    def _runs(self) -> list[Run]:
        return list(self.run.running.values())

    def _chores(self) -> tuple[Loop, ...]:
        return (
            self.rescue.loop,
            self.expire.loop,
            self.retire.loop,
            self.prune.loop,
            self.sweep.loop,
        )

    # ------------------------------------------------------------ accepting

    def accept(
        self, name: str, payload: bytes, done: Done, *, qualifier: str = LATEST, **settings: Any
    ) -> None:
        """See Accept.accept. `qualifier`: `latest`, a version or an alias, which chooses one now for
        all attempts. Raises FunctionNotFound, QualifierNotFound as well."""
        if qualifier == LATEST:
            self.accepting.accept(self.catalogue.lane(name), payload, done, **settings)
            return
        lane, alias = self.catalogue.resolve(name, qualifier)
        self.accepting.accept(lane, payload, done, alias=alias, **settings)

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
        lane, alias = self.catalogue.resolve(name, qualifier)
        return await self.invoking.invoke(lane, payload, alias=alias, **settings)

    # ------------------------------------------------------------ changing

    async def stop(self, id: int, *, deliveries: bool = True) -> Stopped:
        """See Stop.stop."""
        stopped = await self.stopping.stop(id, deliveries=deliveries)
        if stopped.deliveries_stopped:
            self.events_.changed()
        return stopped

    async def redrive(
        self, id: int, *, again: bool = False, qualifier: str | None = None
    ) -> tuple[int, bool]:
        """See Redrive.invocation."""
        return await self.redriving.invocation(id, again=again, qualifier=qualifier)

    async def redrive_dead_letters(
        self,
        filter: Filter,
        *,
        dry_run: bool = False,
        rate_per_second: float | None = None,
        limit: int = 1000,
        cursor: str | None = None,
        qualifier: str | None = None,
    ) -> RedriveReport:
        """See Redrive.dead_letters."""
        return await self.redriving.dead_letters(
            filter,
            dry_run=dry_run,
            rate_per_second=rate_per_second,
            limit=limit,
            cursor=cursor,
            qualifier=qualifier,
        )

    async def redrive_delivery(self, id: int) -> bool:
        """See Redrive.delivery."""
        redriven = await self.redriving.delivery(id)
        self.events_.changed()
        return redriven
