"""accept: check, commit; only then is there an id to give.

Everything is checked before anything is stored (making.py). The caller's `done` is called after the commit that
holds the invocation is on disk (design §2, promise 1), or with the error.
"""

from __future__ import annotations

from typing import Any

from ..clock import Clock
from ..errors import (
    CallerIdTaken,
    Draining,
    IdempotencyMismatch,
    StoreUnavailable,
    ThenceError,
)
from ..lifecycle.decide import Spent
from ..lifecycle.ids import format_id
from ..notices import InvocationAccepted, Notices
from ..store.blobs import BlobStore
from ..store.records import Accepted, Body, Claimed, Meta, NewInvocation
from .answer import Done
from .backlog import Backlog
from .dispatch import Dispatch
from .flow import Flow
from .lanes import Callee, Lane
from .lease import Lease
from .making import Making
from .tasks import Tasks
from .writer import Writer

_NOTHING_SPENT = Spent()


class Accept:
    def __init__(
        self,
        writer: Writer,
        dispatch: Dispatch,
        blobs: BlobStore,
        clock: Clock,
        notices: Notices,
        making: Making,
        backlog: Backlog,
        flow: Flow,
        lease: Lease,
        *,
        inline_bytes_max: int,
    ) -> None:
        self._writer = writer
        self._dispatch = dispatch
        self._blobs = blobs
        self._clock = clock
        self._notices = notices
        self._making = making
        self._inline_bytes_max = inline_bytes_max
        self._backlog = backlog
        self._flow = flow
        self._lease = lease
        self._tasks = Tasks()
        self.closed = True
        """Not accepting: starting up or draining."""

    def accept(
        self,
        callee: Callee,
        payload: bytes,
        done: Done,
        *,
        meta: Meta | None = None,
        delay_seconds: float = 0.0,
        idempotency_key: str | None = None,
        idempotency_seconds: float | None = None,
        fingerprint: bytes | None = None,
        caller_id: str | None = None,
        listed: bool | None = None,
        payload_bytes_max: int | None = None,
    ) -> None:
        """Accept one invocation of the function; `done(Accepted, None)` after the commit.

        Raises InvalidInput, PayloadTooLarge, Throttled, FunctionDisabled, Draining at once,
        with nothing stored. `done` may get StoreUnavailable, IdempotencyMismatch or CallerIdTaken.
        `caller_id`: the id that the caller gives it. `listed`: whether it is kept in the function's
        list, where such an id is taken once; None: as configured. `fingerprint`: what makes two requests
        of one key the same; by default body and settings.
        """
        if self.closed:
            raise _draining()
        new, meta = self._making.made(
            callee,
            payload,
            meta,
            delay_seconds=delay_seconds,
            idempotency_key=idempotency_key,
            idempotency_seconds=idempotency_seconds,
            fingerprint=fingerprint,
            caller_id=caller_id,
            listed=listed,
            payload_bytes_max=payload_bytes_max,
        )
        if len(payload) > self._inline_bytes_max:
            self._tasks.spawn(self._offload(callee.lane, new, meta, done))
        else:
            self._ask(callee.lane, new, meta, done)

    def made(
        self,
        callee: Callee,
        payload: bytes,
        *,
        meta: Meta,
        idempotency_key: str,
        payload_bytes_max: int,
    ) -> NewInvocation:
        """An invocation that a commit of someone else's will hold; it waits like any other, and
        `waits` is told after that commit. Raises what `accept` raises at once."""
        if self.closed:
            raise _draining()
        new, _ = self._making.made(
            callee,
            payload,
            meta,
            idempotency_key=idempotency_key,
            payload_bytes_max=payload_bytes_max,
        )
        return new

    def waits(self, lane: Lane, new: NewInvocation) -> None:
        """It is on disk, without a lease."""
        if self._notices.wanted(InvocationAccepted):
            self._notices.publish(InvocationAccepted(new.id, lane.function.name))
        lane.count_waiting(1)
        self._backlog.waits(lane, new.due_at, new.expires_at)

    async def settled(self) -> None:
        """Return when no body is on its way to the blob store."""
        await self._tasks.settled()

    # ------------------------------------------------------------ doing

    async def _offload(self, lane: Lane, new: NewInvocation, meta: Meta | None, done: Done) -> None:
        data = new.payload.data
        assert data is not None
        ref = f"{new.id:032x}.payload"
        try:
            digest = await self._blobs.put(ref, data)
        except StoreUnavailable as error:
            done(None, error)
            return
        new.payload = Body(None, len(data), ref, digest)

        def cleared(answer: Any, error: ThenceError | None) -> None:
            if error is not None or answer.duplicate or answer.mismatch:
                self._drop(ref)
            done(answer, error)

        self._ask(lane, new, meta, cleared, data)

    def _drop(self, ref: str) -> None:
        """The blob of a refused accept is not needed; losing this deletion only costs space until
        the sweep of unused blobs."""
        self._tasks.spawn(self._blobs.delete([ref]))

    def _ask(
        self,
        lane: Lane,
        new: NewInvocation,
        meta: Meta | None,
        done: Done,
        offloaded: bytes | None = None,
    ) -> None:
        dispatch = self._dispatch
        direct = new.due_at <= new.accepted_at and dispatch.room(lane) > 0
        if direct:
            new.lease = self._lease.number
            lane.slots.take(lane)

        def committed(accepted: Any, error: ThenceError | None) -> None:
            if error is None and accepted.id == new.id:
                try:
                    done(accepted, None)
                finally:
                    # Whatever became of its caller: it is accepted, so it must run. Its slot is
                    # kept until now, should the caller have asked for another in `done`.
                    if direct:
                        lane.slots.release(lane)
                    self._follow(lane, new, direct, offloaded)
                return
            if direct:
                lane.slots.release(lane)
            if error is None and accepted.mismatch:
                error = _mismatch(accepted, new)
            elif error is None and accepted.taken:
                error = _taken(accepted, new)
            done(None if error is not None else accepted, error)
            if direct:
                dispatch.freed(lane)  # the slot that was kept for it is free for what waits

        self._writer.accept(new, committed)

    def _follow(
        self, lane: Lane, new: NewInvocation, direct: bool, offloaded: bytes | None
    ) -> None:
        """It is on disk: run it, or note that it waits."""
        if self._notices.wanted(InvocationAccepted):
            self._notices.publish(InvocationAccepted(new.id, lane.function.name))
        dispatch = self._dispatch
        if direct:
            # (Of a function that was deleted meanwhile too: run.py gives it back, settle ends it.)
            body = new.payload if offloaded is None else Body(offloaded, len(offloaded))
            self._flow.begin(
                lane,
                Claimed(
                    new.id,
                    new.function_id,
                    1,
                    _NOTHING_SPENT,
                    new.accepted_at,
                    new.due_at,
                    new.expires_at,
                    body,
                    new.meta,
                ),
            )
            return
        lane.count_waiting(1)
        if new.due_at <= new.accepted_at:
            dispatch.throttled(lane, new.id)
        self._backlog.waits(lane, new.due_at, new.expires_at)


def _draining() -> Draining:
    return Draining(
        "The service is starting or shutting down and accepts nothing now.", retry_after_seconds=5
    )


def _taken(accepted: Accepted, new: NewInvocation) -> CallerIdTaken:
    return CallerIdTaken(
        f"The id {new.caller_id!r} belongs to invocation {format_id(accepted.id)} already. Ask for "
        "that one, or use another id for a new request.",
        caller_id=new.caller_id,
        invocation=format_id(accepted.id),
    )


def _mismatch(accepted: Accepted, new: NewInvocation) -> IdempotencyMismatch:
    return IdempotencyMismatch(
        f"Idempotency-Key {new.idempotency_key!r} was used for invocation "
        f"{format_id(accepted.id)} with another body or other settings. Use a new key for a new "
        "request.",
        field="Idempotency-Key",
        invocation=format_id(accepted.id),
    )
