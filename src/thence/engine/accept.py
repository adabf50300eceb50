"""accept: check, resolve, commit; only then is there an id to give.

Everything is checked before anything is stored. The caller's `done` is called after the commit that
holds the invocation is on disk (design §2, promise 1), or with the error.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec.structs import replace

from ..catalog.function import LATEST
from ..clock import Clock
from ..errors import (
    CallerIdTaken,
    Draining,
    IdempotencyMismatch,
    InvalidInput,
    StoreUnavailable,
    ThenceError,
    Throttled,
)
from ..lifecycle.decide import Spent
from ..lifecycle.ids import IdSource, format_id
from ..lifecycle.policy import DELAY_SECONDS_MAX
from ..notices import InvocationAccepted, Notices
from ..store.blobs import BlobStore
from ..store.records import Accepted, Body, Claimed, Meta, NewInvocation
from .answer import Done
from .backlog import Backlog
from .checks import check_payload
from .dispatch import Dispatch
from .flow import Flow
from .lanes import Lane
from .lease import Lease
from .options import Options
from .tasks import Tasks
from .writer import Writer

IDEMPOTENCY_KEY_MAX = 255
CALLER_ID_MAX = 255
_NOTHING_SPENT = Spent()
_encode = msgspec.json.Encoder().encode


class Accept:
    def __init__(
        self,
        writer: Writer,
        dispatch: Dispatch,
        blobs: BlobStore,
        clock: Clock,
        notices: Notices,
        options: Options,
        ids: IdSource,
        backlog: Backlog,
        flow: Flow,
        lease: Lease,
    ) -> None:
        self._writer = writer
        self._dispatch = dispatch
        self._blobs = blobs
        self._clock = clock
        self._notices = notices
        self._options = options
        self._ids = ids
        self._backlog = backlog
        self._flow = flow
        self._lease = lease
        self._tasks = Tasks()
        self.closed = True
        """Not accepting: starting up or draining."""

    def accept(
        self,
        lane: Lane,
        payload: bytes,
        done: Done,
        *,
        meta: Meta | None = None,
        alias: str = "",
        delay_seconds: float = 0.0,
        idempotency_key: str | None = None,
        idempotency_seconds: float | None = None,
        fingerprint: bytes | None = None,
        caller_id: str | None = None,
        listed: bool | None = None,
        payload_bytes_max: int | None = None,
    ) -> None:
        """Accept one invocation of the lane's function; `done(Accepted, None)` after the commit.

        Raises InvalidInput, PayloadTooLarge, Throttled, FunctionDisabled, Draining at once,
        with nothing stored. `done` may get StoreUnavailable, IdempotencyMismatch or CallerIdTaken.
        `alias`: by which the call came. `caller_id`: the id that the caller gives it. `listed`:
        whether it is kept in the function's list, where such an id is taken once; None: as
        configured. `fingerprint`: what makes two requests of one key the same; by default body and
        settings.
        """
        new, meta = self._made(
            lane,
            payload,
            meta,
            alias=alias,
            delay_seconds=delay_seconds,
            idempotency_key=idempotency_key,
            idempotency_seconds=idempotency_seconds,
            fingerprint=fingerprint,
            caller_id=caller_id,
            listed=listed,
            payload_bytes_max=payload_bytes_max,
        )
        if len(payload) > self._options.inline_bytes_max:
            self._tasks.spawn(self._offload(lane, new, meta, done))
        else:
            self._ask(lane, new, meta, done)

    def made(
        self,
        lane: Lane,
        payload: bytes,
        *,
        meta: Meta,
        alias: str,
        idempotency_key: str,
        payload_bytes_max: int,
    ) -> NewInvocation:
        """An invocation that a commit of someone else's will hold; it waits like any other, and
        `waits` is told after that commit. Raises what `accept` raises at once."""
        new, _ = self._made(
            lane,
            payload,
            meta,
            alias=alias,
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

    def _made(
        self,
        lane: Lane,
        payload: bytes,
        meta: Meta | None,
        *,
        alias: str,
        idempotency_key: str | None,
        payload_bytes_max: int | None,
        delay_seconds: float = 0.0,
        idempotency_seconds: float | None = None,
        fingerprint: bytes | None = None,
        caller_id: str | None = None,
        listed: bool | None = None,
    ) -> tuple[NewInvocation, Meta | None]:
        """The checked invocation, with its meta as it was encoded."""
        if self.closed:
            raise Draining(
                "The service is starting or shutting down and accepts nothing now.",
                retry_after_seconds=5,
            )
        family = lane.family
        if family.disabled is not None:
            family.check_enabled()
        self._check(lane, payload, delay_seconds, idempotency_key, payload_bytes_max)
        config = lane.config(alias)
        if alias or caller_id:
            meta = _named(meta, alias, caller_id)
        now = self._clock.now()
        due_at = now + round(delay_seconds * 1000) if delay_seconds else now
        new = NewInvocation(
            self._ids.next(now),
            lane.function.id,
            now,
            due_at,
            due_at + config.age_ms,
            Body(payload, len(payload)),
            0,
            _encode(meta) if meta is not None else None,
        )
        if config.followed:
            new.meta = _encode(replace(meta or Meta(), followed=True))
        if idempotency_key:
            new.idempotency_key = idempotency_key
            new.key_scope = family.id  # the alias may choose another version the next time
            called = alias or lane.function.version
            new.fingerprint = fingerprint or _fingerprint(payload, meta, delay_seconds, called)
            seconds = idempotency_seconds or self._options.idempotency_seconds
            new.idempotency_expires_at = now + round(seconds * 1000)
        if config.listed if listed is None else listed:
            new.listed_in = family.id
            new.caller_id = caller_id
            new.qualifier = alias or lane.function.version
        return new, meta

    async def settled(self) -> None:
        """Return when no body is on its way to the blob store."""
        await self._tasks.settled()

    # ------------------------------------------------------------ checks

    def _check(
        self,
        lane: Lane,
        payload: bytes,
        delay_seconds: float,
        key: str | None,
        bytes_max: int | None,
    ) -> None:
        check_payload(payload, bytes_max or self._options.payload_bytes_max)
        if delay_seconds and not 0 <= delay_seconds <= DELAY_SECONDS_MAX:
            raise InvalidInput(
                f"delay_seconds: {delay_seconds:g} is out of range; 0 to {DELAY_SECONDS_MAX} "
                "(30 days).",
                field="delay_seconds",
                value=delay_seconds,
                limit=DELAY_SECONDS_MAX,
            )
        if key is not None and (not 0 < len(key) <= IDEMPOTENCY_KEY_MAX or not key.isprintable()):
            raise InvalidInput(
                f"Idempotency-Key: 1 to {IDEMPOTENCY_KEY_MAX} printable characters are taken.",
                field="Idempotency-Key",
                limit=IDEMPOTENCY_KEY_MAX,
            )
        cap = self._options.waiting_max
        if cap and lane.family.waiting >= cap:
            raise Throttled(
                f"Function {lane.function.name!r} has {lane.family.waiting} invocations waiting; "
                f"the setting limits.waiting_max allows {cap}. Try again later.",
                retry_after_seconds=5,
                limit=cap,
            )

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
            lane.reserve(1)

        def committed(accepted: Any, error: ThenceError | None) -> None:
            if error is None and accepted.id == new.id:
                try:
                    done(accepted, None)
                finally:
                    # Whatever became of its caller: it is accepted, so it must run. Its slot is
                    # kept until now, should the caller have asked for another in `done`.
                    if direct:
                        lane.reserve(-1)
                    self._follow(lane, new, direct, offloaded)
                return
            if direct:
                lane.reserve(-1)
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


def _named(meta: Meta | None, alias: str, caller_id: str | None) -> Meta:
    """`meta` with what the call was named by. Raises InvalidInput."""
    if caller_id and (len(caller_id) > CALLER_ID_MAX or not caller_id.isprintable()):
        raise InvalidInput(
            f"caller_id: 1 to {CALLER_ID_MAX} printable characters are taken.",
            field="caller_id",
            limit=CALLER_ID_MAX,
        )
    return replace(meta or Meta(), qualifier=alias, caller_id=caller_id or "")


def _fingerprint(payload: bytes, meta: Meta | None, delay_seconds: float, qualifier: str) -> bytes:
    digest = hashlib.blake2b(payload, digest_size=16)
    digest.update(b"\x00%d\x00" % round(delay_seconds * 1000))
    digest.update((meta.content_type if meta else "").encode())
    if qualifier != LATEST:
        digest.update(b"\x00" + qualifier.encode())
    return digest.digest()


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
