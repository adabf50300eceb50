"""Builds the verbs in the order in which they need each other, and hands each what it needs.

This is the one place where the engine's parts meet: server.py, `thence.testing` and the tests all build
their engine through it (`Engine(...)`). What is built first knows nothing of what comes later; the few
arrows that point back go through flow.py.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from msgspec import Struct

from ..catalog.code import ArchiveInfo
from ..clock import Clock
from ..lifecycle.delivery import DeliveryPolicy
from ..lifecycle.ids import IdSource
from ..notices import Notices
from ..runtimes.code import CodeCache
from ..runtimes.interface import Runtime
from ..store.blobs import BlobStore
from ..store.interface import Store
from .accept import Accept
from .backlog import Backlog
from .catalogue import Catalogue
from .deciding import Deciding
from .deliver import Deliver
from .dispatch import Dispatch
from .elsewhere import Elsewhere
from .end import EndWaiting
from .events import Events
from .expire import Expire
from .flow import Flow
from .invoke import Invoke
from .lanes import Lane, Lanes
from .large_results import LargeResults
from .lease import Lease
from .making import Making
from .minutes import Minutes
from .node import Node
from .options import Options
from .owed import Owed
from .place import Place
from .prune import Prune
from .redrive import Redrive
from .rescue import Rescue
from .retire import Retire
from .room import Room
from .run import RunAttempts
from .running import Running
from .sending import Sending
from .settle import SettleAttempts
from .slots import SlotsHere
from .sources import Inside, Sources
from .stop import Stop
from .suspects import Suspects
from .sweep import Sweep
from .tend import Tend
from .writer import Writer

MakeSending = Callable[[Inside], Sending]
"""Builds what sends records, given what destinations within this process may use."""
CheckArchive = Callable[[bytes], ArchiveInfo]


class Given(Struct):
    """What the engine does not build itself."""

    store: Store
    runtime: Runtime
    code: CodeCache
    blobs: BlobStore
    clock: Clock
    notices: Notices
    options: Options
    make_sending: MakeSending
    check_archive: CheckArchive
    rng: random.Random
    room: Room


class Parts:
    """All verbs of one node, built and connected, not started."""

    def __init__(self, given: Given) -> None:
        self._shared(given)
        self._deliveries(given)
        self._waiting(given)
        self._attempts(given)
        self._asked(given)
        self._chores(given)
        self.flow.complete(
            begin=self.run.begin,
            deleted=self.retire.note,
            grown=self.backlog.may_begin,
            controlled=self.dispatch.control_changed,
            accept=self.sources.accept,
        )

    def _shared(self, given: Given) -> None:
        """What all verbs share: lanes, numbers, the group commit, what is deployed."""
        self.store, self.runtime = given.store, given.runtime
        self.code, self.blobs = given.code, given.blobs
        self.lanes = Lanes(SlotsHere(given.runtime.promise))
        self.ids = IdSource(given.rng)
        self.flow = Flow()
        self.lease = Lease()
        self.running = Running()
        self.events = Events(given.store, given.notices)
        self.room = given.room
        self.writer = Writer(given.store, given.clock, given.notices, self.room)
        self.catalogue = Catalogue(
            given.store,
            self.lanes,
            given.code,
            given.runtime,
            given.clock,
            given.notices,
            given.options,
            given.rng,
            self.flow,
            check_archive=given.check_archive,
        )

    def _deliveries(self, given: Given) -> None:
        options = given.options
        self.inside = Inside(self.flow, self.writer, options)
        self.sending = given.make_sending(self.inside)
        self.owed = Owed(self.ids)
        self.deliver = Deliver(
            given.store,
            self.writer,
            given.blobs,
            given.clock,
            given.notices,
            policy=DeliveryPolicy(options.delivery_first_seconds, options.delivery_budget_seconds),
            concurrency=options.delivery_concurrency,
            attempts_max=options.delivery_attempts_max,
            timeout_seconds=options.delivery_timeout_seconds,
            function_name=self.lanes.shown,
            lease=self.lease,
            sending=self.sending,
        )

    def _waiting(self, given: Given) -> None:
        """Who looks after what waits."""
        store, clock, notices, runtime = given.store, given.clock, given.notices, given.runtime
        self.end = EndWaiting(self.lanes, self.writer, self.owed, self.deliver, clock, notices)
        self.expire = Expire(
            self.lanes,
            store,
            self.end,
            clock,
            notices,
            slots_used=lambda function: runtime.limits(function)[0],
        )
        self.dispatch = Dispatch(
            self.lanes,
            runtime,
            self.writer,
            store,
            clock,
            notices,
            self.flow,
            self.lease,
            held=self.expire.held,
            claim_max=given.options.claim_max,
        )
        self.suspects = Suspects(
            self.lanes,
            runtime,
            self.dispatch,
            self.writer,
            store,
            clock,
            notices,
            self.running,
            self.flow,
            self.lease,
            alone_seconds=given.options.suspect_alone_seconds,
            random=given.rng.random,
        )
        self.retire = Retire(
            self.lanes, store, self.end, clock, notices, forget=self._forgetter(runtime)
        )
        self.backlog = Backlog(self.dispatch, self.suspects, self.expire, self.retire, clock)

    def _forgetter(self, runtime: Runtime) -> Callable[[Lane], Awaitable[None]]:
        """What is done with a lane that is dropped."""

        async def forget(lane: Lane) -> None:
            self.suspects.forget(lane)
            self.dispatch.forget(lane)
            runtime.forget(lane.function.id)  # whoever asked of it since had it known again
            await self.catalogue.forget(lane.family)

        return forget

    def _attempts(self, given: Given) -> None:
        """The way of an attempt: accept, run, settle, place."""
        options, clock, notices = given.options, given.clock, given.notices
        self.accept = Accept(
            self.writer,
            self.dispatch,
            given.blobs,
            clock,
            notices,
            Making(clock, self.ids, options),
            self.backlog,
            self.flow,
            self.lease,
            inline_bytes_max=options.inline_bytes_max,
        )
        self.place = Place(
            self.deliver,
            self.accept,
            self.catalogue,
            self.sending,
            record_bytes_max=options.record_bytes_max,
            inline_bytes_max=options.inline_bytes_max,
        )
        self.results = LargeResults(given.blobs, self.dispatch, clock)
        self.settle = SettleAttempts(
            self.lanes,
            self.running,
            self.writer,
            Deciding(self.owed, clock, given.rng),
            self.owed,
            self.place,
            self.deliver,
            self.dispatch,
            self.suspects,
            self.backlog,
            self.results,
            notices,
            inline_bytes_max=options.inline_bytes_max,
        )
        self.run = RunAttempts(
            given.runtime,
            self.settle,
            self.dispatch,
            self.running,
            self.lease,
            given.blobs,
            clock,
            notices,
        )

    def _asked(self, given: Given) -> None:
        """What somebody asks for: calls, stops, redrives, firings."""
        store, clock, options = given.store, given.clock, given.options
        self.sources = Sources(self.accept, self.catalogue)
        self.invoke = Invoke(self.dispatch, given.runtime, clock, self.ids, options)
        self.stop = Stop(
            store,
            self.writer,
            given.runtime,
            self.running,
            self.invoke,
            self.end,
            self.events,
            clock,
        )
        self.redrive = Redrive(
            store,
            given.blobs,
            clock,
            self.catalogue.resolve,
            self.sources,
            self.deliver,
            self.events,
            options.history_retention_seconds,
        )

    def _chores(self, given: Given) -> None:
        """What goes on by itself."""
        store, clock, notices, options = given.store, given.clock, given.notices, given.options
        self.node = Node(
            store,
            self.lease,
            clock,
            notices,
            name=options.node_name,
            lease_seconds=options.lease_seconds,
        )
        self.rescue = Rescue(
            self.lanes,
            store,
            self.settle,
            clock,
            notices,
            interval_seconds=options.lease_seconds / 2,
            held=lambda: self.node.held,
        )
        self.elsewhere = Elsewhere(
            store, self.catalogue, self.lanes, self.backlog, self.deliver, clock, notices
        )
        self.minutes = Minutes(store, clock, notices)
        self.tend = Tend(store, clock, notices)
        self.prune = Prune(store, given.blobs, clock, notices, options)
        self.sweep = Sweep(
            store,
            given.blobs,
            lambda: self.catalogue.code.prune(self.running.code_digests()),
            clock,
            notices,
            kept_seconds=options.unused_retention_seconds,
        )
