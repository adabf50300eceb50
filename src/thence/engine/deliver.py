"""deliver: send each owed record, by its own retries, until delivered or a dead letter.

Deliveries have lanes of their own, one a destination key, each with a limit of tries under way: one
dead destination slows nobody else. The outbox is the store; memory holds only the keys and what is
being sent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from msgspec import Struct

from ..catalog.destination import Destination, decode_destination, describe
from ..clock import Clock
from ..errors import StoreUnavailable, ThenceError
from ..lifecycle.delivery import ASKED_TOO_LONG, DeliveryPolicy, GiveUp, next_try
from ..lifecycle.ids import format_id
from ..notices import DeliveryAttempted, DeliveryEnded, Notices
from ..store.blobs import BlobStore
from ..store.interface import Store
from ..store.records import Body, DeliveryClaim, DeliveryResult, DeliveryView, InvocationView
from .alarm import Alarm
from .tasks import Tasks
from .writer import Writer

log = logging.getLogger("thence.deliver")


class Tried(Protocol):
    """What a try answered; destinations.interface.Sent has this shape."""

    delivered: bool
    again: bool
    status: int
    error: str
    retry_after_seconds: float | None
    reason: str


class Send(Protocol):
    """Builds the record and makes one try; the service gives one that knows the destinations."""

    def __call__(
        self,
        delivery: DeliveryView,
        destination: Destination,
        view: InvocationView,
        payload: bytes | None,
        result: bytes | None,
        attempt: int,
        now: int,
    ) -> Awaitable[Tried]: ...


class _Failed(Struct):
    """A try that never got as far as its destination."""

    error: str
    delivered: bool = False
    again: bool = True
    status: int = 0
    retry_after_seconds: float | None = None
    reason: str = ""


class _Key:
    __slots__ = ("claiming", "next_due", "ready", "under_way")

    def __init__(self) -> None:
        self.ready = False
        self.next_due: int | None = None
        self.claiming = False
        self.under_way = 0


class Deliver:
    def __init__(
        self,
        store: Store,
        writer: Writer,
        blobs: BlobStore,
        clock: Clock,
        notices: Notices,
        *,
        policy: DeliveryPolicy,
        concurrency: int,
        timeout_seconds: float,
        function_name: Callable[[int], str],
    ) -> None:
        self._store = store
        self._writer = writer
        self._blobs = blobs
        self._clock = clock
        self._notices = notices
        self._policy = policy
        self._concurrency = concurrency
        # A claim outlives the try it is for, also when fetching a blob is slow.
        self._claim_ms = round((timeout_seconds * 2 + 30) * 1000)
        self._function_name = function_name
        self._keys: dict[str, _Key] = {}
        self._alarm = Alarm(clock, self._due)
        self._tasks = Tasks()
        self.paused = True
        self.lease = 0
        self.send: Send
        self.key_of: Callable[[Destination], str]
        """Both are set by whoever knows the destinations."""

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        now = self._clock.now()
        self.paused = False
        for key, due_at in (await self._store.delivery_keys()).items():
            self.note(key, due_at, now)
        self._pump_all()

    async def stop(self, seconds: float) -> None:
        """No further tries. Those under way may finish within `seconds`; the others are given up
        here and are due again as soon as this node has left the store."""
        self.paused = True
        self._alarm.cancel()
        timer = self._clock.call_at(self._clock.now() + round(seconds * 1000), self._tasks.cancel)
        await self._tasks.settled()
        timer.cancel()

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def note(self, key: str, due_at: int, now: int | None = None) -> None:
        """A delivery of that key is owed from then on."""
        lane = self._keys.get(key)
        if lane is None:
            lane = self._keys[key] = _Key()
        if due_at <= (self._clock.now() if now is None else now):
            lane.ready = True
            self._pump(key, lane)
        elif lane.next_due is None or due_at < lane.next_due:
            lane.next_due = due_at
            self._arm(due_at)

    # ------------------------------------------------------------ claiming

    def _pump_all(self) -> None:
        for key, lane in list(self._keys.items()):
            self._pump(key, lane)

    def _pump(self, key: str, lane: _Key) -> None:
        if self.paused or not lane.ready or lane.claiming:
            return
        limit = self._concurrency - lane.under_way
        if limit <= 0:
            return
        lane.claiming = True
        now = self._clock.now()

        def done(claimed: Any, error: ThenceError | None) -> None:
            lane.claiming = False
            if error is not None:
                # The store is away; the key stays ready and is looked at again in a moment.
                lane.next_due = self._clock.now() + 1000
                self._arm(lane.next_due)
                return
            for delivery in claimed:
                lane.under_way += 1
                self._tasks.spawn(self._try(key, lane, delivery))
            if len(claimed) < limit:
                lane.ready = False
                self._tasks.spawn(self._look_ahead(key, lane))
            else:
                self._pump(key, lane)

        self._writer.claim_deliveries(
            DeliveryClaim(key, limit, now, now + self._claim_ms, self.lease), done
        )

    async def _look_ahead(self, key: str, lane: _Key) -> None:
        try:
            due = await self._store.delivery_keys()
        except StoreUnavailable:
            lane.ready = True
            lane.next_due = self._clock.now() + 1000
            self._arm(lane.next_due)
            return
        if key in due:
            self.note(key, due[key])
        elif not lane.under_way and not lane.ready and not lane.claiming and lane.next_due is None:
            self._keys.pop(key, None)

    # ------------------------------------------------------------ one try

    async def _try(self, key: str, lane: _Key, delivery: DeliveryView) -> None:
        attempt = delivery.attempts_made + 1
        started_at = self._clock.now()
        began = time.perf_counter()
        destination = decode_destination(delivery.destination)
        try:
            tried = await self._send(delivery, destination, attempt, started_at)
        except StoreUnavailable:
            # The record could not be read: no try was made, it is due again when its claim ends.
            lane.under_way -= 1
            self.note(key, started_at + self._claim_ms)
            return
        except Exception as error:
            # A mistake in a record or a sender must not hold its lane's slot for ever.
            log.exception("a try of delivery %s failed", format_id(delivery.id))
            tried = _Failed(error=f"The try failed inside the service ({type(error).__name__}).")
        duration_us = round((time.perf_counter() - began) * 1_000_000)
        result = self._judge(delivery, attempt, tried, started_at, duration_us)
        if self._notices.wanted(DeliveryAttempted):
            self._notices.publish(
                DeliveryAttempted(
                    delivery.id,
                    delivery.invocation_id,
                    self._function_name(delivery.function_id),
                    describe(destination),
                    attempt,
                    tried.status if tried else 0,
                    tried.error if tried else "",
                )
            )
        self._record(key, lane, delivery, destination, result)

    async def _send(
        self, delivery: DeliveryView, destination: Destination, attempt: int, now: int
    ) -> Tried | None:
        source = await self._store.delivery_source(delivery.id)
        if source is None:
            return None
        view, payload, result = source
        try:
            bodies = (
                await self._bytes(payload),
                None if result is None else await self._bytes(result),
            )
        except StoreUnavailable as error:
            # The outbox is there but a large body is not: a failed try, so that a body that never
            # comes back ends as a dead letter.
            return _Failed(error=error.detail)
        return await self.send(delivery, destination, view, *bodies, attempt, now)

    async def _bytes(self, body: Body) -> bytes | None:
        if body.data is not None or body.ref is None:
            return body.data
        return await self._blobs.get(body.ref, body.digest)

    def _judge(
        self,
        delivery: DeliveryView,
        attempt: int,
        tried: Tried | None,
        started_at: int,
        duration_us: int,
    ) -> DeliveryResult:
        now = self._clock.now()
        result = DeliveryResult(delivery.id, attempt, "delivered", now, started_at, duration_us)
        if tried is None:
            result.state, result.reason = "dead", "source_gone"
            result.error = "The invocation's record is not in the store any more."
            return result
        result.status, result.error = tried.status, tried.error
        if tried.delivered:
            return result
        if not tried.again:
            result.state, result.reason = "dead", tried.reason or "rejected"
            return result
        then = next_try(
            self._policy,
            attempt=attempt,
            since=started_at if delivery.since is None else delivery.since,
            now=now,
            retry_after_seconds=tried.retry_after_seconds,
        )
        if not isinstance(then, GiveUp):
            result.state, result.due_at = "pending", then.due_at
            return result
        result.state, result.reason = "dead", then.reason
        if then.reason == ASKED_TOO_LONG:
            result.error += (
                f" It asked for {tried.retry_after_seconds:,.0f} s without a try (Retry-After); "
                f"{then.left_seconds:,.0f} s are left for all tries (destinations.budget_seconds), "
                "so it is given up."
            )
        return result

    def _record(
        self,
        key: str,
        lane: _Key,
        delivery: DeliveryView,
        destination: Destination,
        result: DeliveryResult,
    ) -> None:
        def done(applied: Any, error: ThenceError | None) -> None:
            lane.under_way -= 1
            if error is not None:
                self.note(key, self._clock.now() + self._claim_ms)
                return
            if applied and result.state == "pending":
                self.note(key, result.due_at)
            elif applied and self._notices.wanted(DeliveryEnded):
                self._notices.publish(
                    DeliveryEnded(
                        delivery.id,
                        delivery.invocation_id,
                        self._function_name(delivery.function_id),
                        describe(destination),
                        result.state,
                        result.reason,
                    )
                )
            self._pump(key, lane)

        self._writer.delivery_result(result, done)

    # ------------------------------------------------------------ the next instant

    def _arm(self, when: int) -> None:
        if not self.paused:
            self._alarm.arm(when)

    def _due(self, now: int) -> int | None:
        earliest: int | None = None
        for key, lane in list(self._keys.items()):
            if lane.next_due is None:
                continue
            if lane.next_due <= now:
                lane.next_due = None
                lane.ready = True
                self._pump(key, lane)
            elif earliest is None or lane.next_due < earliest:
                earliest = lane.next_due
        return earliest
