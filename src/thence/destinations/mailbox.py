"""Puts a record into the built-in mailbox: a queue, topic, stream or bucket in our own store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from ..catalog.destination import MailboxDestination
from ..errors import Unavailable
from ..lifecycle.ids import format_id
from ..store.records import MailboxPut
from .interface import Parcel, Sent

DAY_MS = 86_400_000

Put = Callable[[MailboxPut], Awaitable[None]]


class MailboxSender:
    """`put` commits one message and returns when it is on disk, or raises StoreUnavailable.

    A delivery that is sent again after an answer was lost is one message still: `once` is the
    delivery's id.
    """

    def __init__(self, put: Put) -> None:
        self._put = put

    async def send(self, parcel: Parcel) -> Sent:
        destination = parcel.destination
        if not isinstance(destination, MailboxDestination):
            return Sent(False, error="This is not a mailbox.", reason="rejected")
        try:
            await self._put(_message(destination, parcel))
        except Unavailable as error:
            return Sent(
                False,
                again=True,
                status=503,
                error=error.detail,
                retry_after_seconds=float(error.retry_after_seconds),
            )
        return Sent(True, status=200)

    def place(self, parcel: Parcel) -> MailboxPut | None:
        """The same message. It is put with the commit that owes it or not at all, so nothing need
        be remembered against a repetition."""
        if not isinstance(parcel.destination, MailboxDestination):
            return None
        message = _message(parcel.destination, parcel)
        message.once = ""
        return message

    async def close(self) -> None:
        """Nothing is held: the store belongs to the engine."""


def object_key(prefix: str, now: int, invocation_id: str, delivery_id: str) -> str:
    """`PREFIX` + `YYYYMMDD/INVOCATION-DELIVERY.json`, the day in UTC. now: ms."""
    day = time.strftime("%Y%m%d", time.gmtime(now // 1000))
    return f"{prefix}{day}/{invocation_id}-{delivery_id}.json"


def _message(destination: MailboxDestination, parcel: Parcel) -> MailboxPut:
    delivery, invocation = format_id(parcel.delivery_id), format_id(parcel.invocation_id)
    bucket = destination.kind == "bucket"
    headers = {
        "thence-delivery-id": delivery,
        "thence-invocation-id": invocation,
        "thence-record-type": parcel.record_type,
        "thence-function": parcel.function,
    }
    if parcel.traceparent:
        headers["traceparent"] = parcel.traceparent
    days = destination.expires_days if bucket else 0
    return MailboxPut(
        kind=destination.kind,
        name=destination.name,
        key=object_key(destination.prefix, parcel.now, invocation, delivery) if bucket else "",
        body=parcel.record,
        content_type=parcel.content_type,
        headers=headers,
        now=parcel.now,
        expires_at=parcel.now + days * DAY_MS if days else None,
        once=delivery,
    )
