"""invoke: a synchronous call. No retries, nothing stored: the answer or the error, directly.

It takes a slot of its function before the backlog does, waits a bounded time for one, and is ended
when its caller goes away.
"""

from __future__ import annotations

import asyncio

from ..clock import Clock
from ..errors import Draining, Overloaded, Throttled, Unavailable
from ..lifecycle.ids import IdSource
from ..lifecycle.outcome import Outcome
from ..runtimes.interface import Ended, Run, Runtime
from .checks import check_payload
from .dispatch import Dispatch
from .lanes import Callee, Lane
from .options import Options
from .running import Running
from .why import no_slots

WAITING_MAX = 1000
_LATER = "Try again later, or invoke it asynchronously: then it is queued."


class Invoke:
    def __init__(
        self, dispatch: Dispatch, runtime: Runtime, clock: Clock, ids: IdSource, options: Options
    ) -> None:
        self._dispatch = dispatch
        self._runtime = runtime
        self._clock = clock
        self._ids = ids
        self._options = options
        self.closed = True
        self._calls = Running()  # under way
        self._waiting: set[asyncio.Event] = set()  # for a slot

    def close(self) -> None:
        """The node leaves: no call begins any more. Those that wait for a slot are told so; whoever
        runs has the time of the drain."""
        self.closed = True
        for waiting in self._waiting:
            waiting.set()

    async def invoke(
        self,
        callee: Callee,
        payload: bytes,
        *,
        content_type: str = "",
        traceparent: str = "",
        queue_seconds: float | None = None,
        measure: bool = False,
        payload_bytes_max: int | None = None,
    ) -> tuple[int, Ended]:
        """(id, how it ended). `queue_seconds`: how long it may wait
        for a slot that others hold; None: as configured. (For an instance to start, where no limit
        is reached, it waits as configured in any case.) `measure`: fill Ended.memory_bytes. Raises
        PayloadTooLarge, FunctionDisabled, Draining, Throttled, and Overloaded where the node has no
        instance for it."""
        lane, now = callee.lane, self._clock.now()
        latest = now + round(self._options.sync_queue_seconds * 1000)
        until = latest if queue_seconds is None else now + round(queue_seconds * 1000)
        check_payload(payload, payload_bytes_max or self._options.payload_bytes_max)
        while True:
            self._check(lane)
            await self._slot(lane, until, latest)
            run = self._new(callee, payload, measure)
            run.content_type, run.traceparent = content_type, traceparent
            ended = await self._run(lane, run)
            if ended.outcome is not Outcome.NOT_STARTED:
                ended.function = run.function
                return run.id, ended
            # It was behind a run that took too long or took its instance along: another place.
            if self._clock.now() >= latest:
                raise self._throttled(lane)

    def abort(self, family_id: int) -> None:
        """End the synchronous calls of that family; they are answered as stopped."""
        for run in self._calls.of(family_id):
            self._runtime.stop(run.id)

    def _new(self, callee: Callee, payload: bytes, measure: bool) -> Run:
        lane, now = callee.lane, self._clock.now()
        return Run(
            self._ids.next(now),
            lane.function,
            1,
            payload,
            now,
            now + lane.config(callee.alias).age_ms,
            0,
            False,
            False,
            _nobody,
            qualifier=callee.alias,
            measure=measure,
        )

    async def _run(self, lane: Lane, run: Run) -> Ended:
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

        def done(run: Run, ended: Ended) -> None:
            lane.slots.end(lane)
            self._calls.end(run)
            if lane.family.parked:
                # (After what the runtime itself tells of an end; of one that could not begin it does not.)
                asyncio.get_running_loop().call_soon(self._dispatch.left, lane.family)
            if self.closed:
                ended.cut_off()
            if not future.done():
                future.set_result(ended)

        run.done = done
        lane.slots.begin(lane)
        self._calls.add(run)
        self._runtime.submit(run)
        try:
            return await future
        except asyncio.CancelledError:
            self._runtime.stop(run.id)
            raise

    def _check(self, lane: Lane) -> None:
        if self.closed:
            raise Draining("The service is starting or shutting down.", retry_after_seconds=5)
        if lane.deleted:
            raise lane.family.gone(lane.function.version)
        lane.family.check_enabled()

    async def _slot(self, lane: Lane, until: int, latest: int) -> None:
        """Return when there is room for one; Throttled when there is none until then (ms): until
        `latest` where others do not hold all the slots now."""
        _check_not_paused(lane)
        if not lane.sync_waiters and self._dispatch.free(lane, written=False) > 0:
            return
        if not self._at_limit(lane):
            until = max(until, latest)
        if len(lane.sync_waiters) >= WAITING_MAX or self._clock.now() >= until:
            raise self._full(lane)
        if not await self._given(lane, until):
            self._check(lane)
            raise self._full(lane)

    async def _given(self, lane: Lane, until: int) -> bool:
        """Whether it is given a slot until then (ms); that is room again when this returns, and nobody
        else was promised it."""
        free = asyncio.Event()

        def call() -> None:
            # The slot is held until this task goes on, so that nobody else is promised it.
            lane.slots.take(lane)
            free.set()

        self._dispatch.wait_for_slot(lane, call)
        self._dispatch.pump()
        timer = self._clock.call_at(until, free.set)
        cancelled = True
        self._waiting.add(free)
        try:
            await free.wait()
            cancelled = False
        finally:
            timer.cancel()
            self._waiting.discard(free)
            given = not lane.drop_call(call)
            if given:
                lane.slots.release(lane)
                if cancelled:
                    self._dispatch.freed(lane)  # the slot is free for what waits
        return given

    def _at_limit(self, lane: Lane) -> bool:
        """Runs, and calls before this one, hold every slot that there may be. Below that there may
        be no room all the same: instances come up a few at a time, and room may be promised to
        claims that find nothing."""
        _, allowed = self._runtime.limits(lane.function)
        if lane.under_way + len(lane.sync_waiters) >= allowed:
            return True
        family = lane.family
        if family.limit is None:
            return False
        return family.under_way + family.sync_waiting >= family.limit

    def _full(self, lane: Lane) -> Unavailable:
        """Of its own limit, or of the node's instances: callers are told which (429, 503)."""
        used, allowed = self._runtime.limits(lane.function)
        concurrency = lane.function.spec.concurrency
        # Calls that wait for instances which are coming up have its slots, too.
        coming = len(lane.sync_waiters) if allowed >= concurrency else 0
        if lane.under_way + coming >= concurrency or lane.at_limit(used):
            return self._throttled(lane)
        return Overloaded(
            f"Function {lane.function.name!r} found no instance: all that it may have of the "
            f"node are taken (runtime.instances_max, runtime.kept_free_percent). {_LATER}"
        )

    def _throttled(self, lane: Lane) -> Throttled:
        used, allowed = self._runtime.limits(lane.function)
        family = lane.family
        if family.limit is not None and family.used >= family.limit:
            used, allowed = family.used, family.limit
        what = (
            f"is at its limit ({used}/{allowed} slots)"
            if lane.at_limit(used)
            else f"found no free instance: {used}/{lane.function.spec.concurrency} slots run"
        )
        return Throttled(
            f"Function {lane.function.name!r} {what} and "
            f"{len(lane.sync_waiters)} synchronous calls wait already. {_LATER}",
            retry_after_seconds=1,
            limit=allowed,
        )


def _check_not_paused(lane: Lane) -> None:
    """Raises Throttled where nothing of it may run at all."""
    function = lane.function
    if function.spec.concurrency == 0:
        why = no_slots(function.version)
    elif lane.family.limit == 0:
        why = "the limit of all its versions is 0"
    else:
        return
    raise Throttled(
        f"Function {function.name!r} is paused: {why}.", retry_after_seconds=30, limit=0
    )


def _nobody(run: Run, ended: Ended) -> None:
    """Takes the answers of a run until somebody waits for them: there are none."""
