"""invoke: a synchronous call. No retries, nothing stored: the answer or the error, directly.

It takes a slot of its function before the backlog does, waits a bounded time for one, and is ended
when its caller goes away.
"""

from __future__ import annotations

import asyncio

from ..catalog.function import LATEST
from ..clock import Clock
from ..errors import Draining, Throttled
from ..lifecycle.ids import IdSource
from ..lifecycle.outcome import Outcome
from ..runtimes.interface import Ended, Run, Runtime
from .checks import check_payload, check_qualifier
from .dispatch import Dispatch
from .lanes import Lane
from .options import Options

WAITING_MAX = 1000


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

    async def invoke(
        self,
        lane: Lane,
        payload: bytes,
        *,
        qualifier: str = LATEST,
        content_type: str = "",
        traceparent: str = "",
    ) -> tuple[int, Ended]:
        """(id, how it ended). Raises QualifierNotFound, PayloadTooLarge, Draining, Throttled."""
        until = self._clock.now() + round(self._options.sync_queue_seconds * 1000)
        while True:
            self._check(lane, payload, qualifier)
            await self._slot(lane, until)
            id, ended = await self._run(lane, payload, content_type, traceparent)
            if ended.outcome is not Outcome.NOT_STARTED:
                return id, ended
            # It was behind a run that took too long or took its instance along: another place.
            if self._clock.now() >= until:
                raise self._full(lane)

    async def _run(
        self, lane: Lane, payload: bytes, content_type: str, traceparent: str
    ) -> tuple[int, Ended]:
        now = self._clock.now()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Ended] = loop.create_future()

        def done(_run: Run, ended: Ended) -> None:
            if not future.done():
                future.set_result(ended)

        age = lane.function.spec.max_event_age_seconds * 1000
        run = Run(
            self._ids.next(now),
            lane.function,
            1,
            payload,
            now,
            now + age,
            0,
            False,
            False,
            done,
            content_type,
            traceparent,
        )
        self._runtime.submit(run)
        try:
            return run.id, await future
        except asyncio.CancelledError:
            self._runtime.stop(run.id)
            raise

    def _check(self, lane: Lane, payload: bytes, qualifier: str) -> None:
        if self.closed:
            raise Draining("The service is starting or shutting down.", retry_after_seconds=5)
        check_qualifier(lane, qualifier)
        check_payload(payload, self._options.payload_bytes_max)

    async def _slot(self, lane: Lane, until: int) -> None:
        """Return when there is room for one; Throttled when there is none until then (ms)."""
        function = lane.function
        if function.spec.concurrency == 0:
            raise Throttled(
                f"Function {function.name!r} is paused: its concurrency is 0.",
                retry_after_seconds=30,
                limit=0,
            )
        if not lane.sync_waiters and self._dispatch.free(lane) > 0:
            return
        if len(lane.sync_waiters) >= WAITING_MAX:
            raise self._full(lane)
        free = asyncio.Event()

        def call() -> None:
            # The slot is held until this task goes on, so that nobody else is promised it.
            lane.reserve(1)
            free.set()

        self._dispatch.wait_for_slot(lane, call)
        self._dispatch.pump()
        timer = self._clock.call_at(until, free.set)
        cancelled = True
        try:
            await free.wait()
            cancelled = False
        finally:
            timer.cancel()
            if call in lane.sync_waiters:
                lane.sync_waiters.remove(call)
                held = False
            else:
                lane.reserve(-1)
                held = True
                if cancelled:
                    self._dispatch.pump()  # the slot is free for what waits
        if not held:
            raise self._full(lane)

    def _full(self, lane: Lane) -> Throttled:
        used, allowed = self._runtime.limits(lane.function)
        return Throttled(
            f"Function {lane.function.name!r} is at its limit ({used}/{allowed} slots) and "
            f"{len(lane.sync_waiters)} synchronous calls wait already. Try again later, or invoke it "
            "asynchronously: then it is queued.",
            retry_after_seconds=1,
            limit=allowed,
        )
