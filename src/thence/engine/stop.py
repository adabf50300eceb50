"""stop: in every state. Waiting or backing off: ended now. Running: the stop is made durable, then
the instance is ended and its answer fenced off. Delivering: the deliveries still owed are stopped;
a final state never changes.

A stop that cannot be made durable is refused, and what runs goes on: were it ended first, a kill would
let the next start run it again. On a full disk a stop is written in the reserve's space."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from ..clock import Clock
from ..errors import InvocationNotFound, StoreUnavailable, ThenceError, Unavailable
from ..lifecycle.ids import format_id
from ..lifecycle.states import FINAL, WAITING, Reason, State
from ..runtimes.interface import Run, Runtime
from ..store.interface import Store
from ..store.records import InvocationView, StopMark, Waiting
from .end import EndWaiting
from .events import Events
from .invoke import Invoke
from .running import Running
from .writer import Writer

TRIES = 10


class Stopped(Struct):
    """What a stop did. `state` is the invocation's state after it."""

    state: State
    deliveries_stopped: int = 0
    changed: bool = True


class Stop:
    def __init__(
        self,
        store: Store,
        writer: Writer,
        runtime: Runtime,
        running: Running,
        invoking: Invoke,
        ending: EndWaiting,
        events: Events,
        clock: Clock,
    ) -> None:
        self._store = store
        self._writer = writer
        self._runtime = runtime
        self._running = running
        self._invoking = invoking
        self._ending = ending
        self._events = events
        self._clock = clock

    async def stop(self, id: int, *, deliveries: bool = True) -> Stopped:
        """`deliveries`: of one that has ended, stop those still owed. Raises InvocationNotFound;
        Unavailable when the state changed under each of ten tries; StoreUnavailable when it cannot
        be written: then nothing is stopped, now or later."""
        asked = False  # by this stop, while it ran: then it is what has stopped it
        for _ in range(TRIES):
            run = self._running.get(id)
            if run is not None:
                asked = True
                if await self._running_one(run):
                    return Stopped(State.STOPPING)
                continue
            view = await self._store.invocation(id)
            if view is None:
                raise InvocationNotFound(
                    f"There is no invocation {format_id(id)}.",
                    kind="invocation",
                    name=format_id(id),
                )
            if view.state is State.STOPPED and asked:
                return Stopped(State.STOPPED)
            if view.state in FINAL:
                if not deliveries:
                    return Stopped(view.state, changed=False)
                count = await self._store.stop_deliveries(id, self._clock.now())
                if count:
                    self._events.changed()
                return Stopped(view.state, count, changed=count > 0)
            if view.state in WAITING and await self._waiting_one(view):
                return Stopped(State.STOPPED)
            if view.state is State.STOPPING:
                return Stopped(State.STOPPING, changed=False)
            # It has just been claimed, or another node runs it: mark it there, or look again. (Never
            # ahead of what is kept: that may be how it was lost.)
            asked = True
            await self._writer.wait(
                self._writer.mark_stopping,
                StopMark(id, view.function_id, view.attempt, self._clock.now()),
            )
        raise Unavailable("The invocation changed its state at every try to stop it; try again.")

    async def abort_all(self, family_id: int) -> None:
        """Stop all that runs of a function, because it is disabled; what waits is left. Raises
        StoreUnavailable, saying how many attempts could not be stopped."""
        self._invoking.abort(family_id)
        runs = self._running.of(family_id)
        answers = await asyncio.gather(*map(self._abort, runs), return_exceptions=True)
        refused = [answer for answer in answers if answer is not None]
        if refused and isinstance(refused[0], StoreUnavailable):
            raise StoreUnavailable(
                f"The function is disabled, and {len(refused)} of what runs of it could not be stopped: "
                f"{refused[0].detail}",
                **refused[0].fields,
            ) from refused[0]
        if refused:
            raise refused[0]

    async def _abort(self, run: Run) -> None:
        """Stop that attempt if it still runs; what its invocation has come to since is left."""
        if self._running.has(run) and not run.ended:
            # Whoever asked first has stopped it.
            await self._running_one(run, aborted=not run.stops)

    async def _waiting_one(self, view: InvocationView) -> bool:
        waiting = Waiting(
            view.id,
            view.function_id,
            view.state,
            view.due_at,
            view.expires_at,
            view.meta.qualifier,
            view.attempt,
        )
        return await self._ending.end(
            waiting, State.STOPPED, Reason.STOPPED_BY_CALLER, at_once=True
        )

    async def _running_one(self, run: Run, *, aborted: bool = False) -> bool:
        run.aborted = run.aborted or aborted
        run.stops += 1
        try:
            await self._mark(run)
        except ThenceError:
            run.stops -= 1
            run.aborted = run.aborted and not aborted
            raise
        if not self._running.has(run):
            return False  # it ended before the mark; look at what it is now
        # False from the runtime: its payload is still being fetched, and run.py sees the mark
        # before it hands the run over. Not applied: it was marked before.
        self._runtime.stop(run.id)
        return True

    async def _mark(self, run: Run) -> None:
        mark = StopMark(run.id, run.function.id, run.attempt, self._clock.now(), run.aborted)
        if run.ended:  # behind what it came to, which may be kept
            await self._writer.wait(self._writer.mark_stopping, mark)
        else:
            await self._writer.at_once("stops", mark)
