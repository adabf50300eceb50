"""One attempt of a delivery, from what its record is made of to what becomes of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from msgspec import Struct

from ..catalog.destination import Destination, described
from ..catalog.kinds import decode_destination
from ..clock import Clock
from ..errors import StoreUnavailable
from ..lifecycle.delivery import ASKED_TOO_LONG, DeliveryPolicy, GiveUp, next_attempt
from ..lifecycle.ids import format_id
from ..notices import DeliveryAttempted, DeliveryEnded, Notices
from ..store.blobs import BlobStore
from ..store.records import Body, DeliveryResult, DeliverySource, DeliveryView
from .sending import Send, Sent

log = logging.getLogger("thence.deliver")


class _Failed(Struct):
    """An attempt that never got as far as its destination."""

    error: str
    delivered: bool = False
    again: bool = True
    status: int = 0
    retry_after_seconds: float | None = None
    reason: str = ""


class Made(Struct):
    """An attempt that was made. `answered`: whether the receiver did; None says nothing about it."""

    result: DeliveryResult
    function: str
    destination: Destination
    answered: bool | None
    took_ms: int


class DeliveryAttempts:
    def __init__(
        self,
        blobs: BlobStore,
        clock: Clock,
        notices: Notices,
        policy: DeliveryPolicy,
        function_name: Callable[[int], str],
        *,
        send: Send,
    ) -> None:
        """function_name: of a function that is known here, for an attempt that has no record."""
        self._blobs = blobs
        self._clock = clock
        self._notices = notices
        self._policy = policy
        self._function_name = function_name
        self.send = send

    async def make(self, delivery: DeliveryView, source: DeliverySource | None) -> Made:
        """One attempt, and what follows from it. Never raises (but for the cancellation of its task)."""
        attempt = delivery.attempts_made + 1
        started_at = self._clock.now()
        began = time.perf_counter()
        destination = decode_destination(delivery.destination)
        try:
            tried = await self._send(delivery, destination, source, attempt, self._clock.wall())
        except Exception as error:
            # A mistake in a record or a sender must not hold its lane's slot for ever.
            log.exception("an attempt of delivery %s failed", format_id(delivery.id))
            tried = _Failed(
                error=f"The attempt failed inside the service ({type(error).__name__})."
            )
        duration_us = round((time.perf_counter() - began) * 1_000_000)
        result = self._judge(delivery, attempt, tried, started_at, duration_us)
        name = self._function_name(delivery.function_id) if source is None else source.view.function
        self.tell_attempt(delivery.id, delivery.invocation_id, name, destination,
                          attempt, result.status, result.error)  # fmt: skip
        return Made(result, name, destination, _answered(tried), self._clock.now() - started_at)

    async def _send(
        self,
        delivery: DeliveryView,
        destination: Destination,
        source: DeliverySource | None,
        attempt: int,
        now: int,
    ) -> Sent | None:
        if source is None:
            return None
        try:
            payload = await self._bytes(source.payload)
            result = None if source.result is None else await self._bytes(source.result)
        except StoreUnavailable as error:
            # The outbox is there but a large body is not: a failed attempt, so that a body that never
            # comes back ends as a dead letter.
            return _Failed(error=error.detail)
        return await self.send(delivery, destination, source.view, payload, result, attempt, now)

    async def _bytes(self, body: Body) -> bytes | None:
        if body.data is not None or body.ref is None:
            return body.data
        return await self._blobs.get(body.ref, body.digest)

    def _judge(
        self,
        delivery: DeliveryView,
        attempt: int,
        tried: Sent | None,
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
        then = next_attempt(
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
                f" It asked for {tried.retry_after_seconds:,.0f} s without an attempt (Retry-After); "
                f"{then.left_seconds:,.0f} s are left for all attempts (destinations.budget_seconds), "
                "so it is given up."
            )
        return result

    # ------------------------------------------------------------ notices

    def tell_attempt(
        self, id: int, invocation: int, name: str, destination: Destination, attempt: int,
        status: int, error: str,
    ) -> None:  # fmt: skip
        """An attempt was made."""
        if self._notices.wanted(DeliveryAttempted):
            self._notices.publish(
                DeliveryAttempted(
                    id, invocation, name, described(destination), attempt, status, error
                )
            )

    def tell_end(
        self, id: int, invocation: int, name: str, destination: Destination, state: str,
        reason: str,
    ) -> None:  # fmt: skip
        """No further attempt follows; that is on disk."""
        if self._notices.wanted(DeliveryEnded):
            self._notices.publish(
                DeliveryEnded(id, invocation, name, described(destination), state, reason)
            )


def _answered(tried: Sent | None) -> bool | None:
    """None where the receiver was not asked: the record could not be made, or may not be sent."""
    if tried is None or isinstance(tried, _Failed):
        return None
    if tried.delivered or tried.status:
        return True
    return False if tried.again else None
