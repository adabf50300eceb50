"""One delivery from the engine to its sender: builds the record, packs the parcel, makes one try.

This is the `Send` that `engine/deliver.py` is given.
"""

from __future__ import annotations

from ..catalog.destination import Destination
from ..lifecycle.ids import format_id
from ..store.records import DeliveryView, InvocationView
from .interface import Parcel, Sent
from .record import CONTENT_TYPE, build_record, record_type
from .senders import Senders


class Post:
    """preview_bytes_max: bodies of more bytes are given in records as a preview of so many."""

    def __init__(self, senders: Senders, preview_bytes_max: int) -> None:
        self._senders = senders
        self._preview_bytes_max = preview_bytes_max

    async def __call__(
        self,
        delivery: DeliveryView,
        destination: Destination,
        view: InvocationView,
        payload: bytes | None,
        result: bytes | None,
        attempt: int,
        now: int,
    ) -> Sent:
        """One try. payload, result: the invocation's bodies, None where there is none."""
        record = build_record(
            view,
            payload,
            result,
            condition=delivery.condition,
            delivery_id=format_id(delivery.id),
            preview_bytes_max=self._preview_bytes_max,
        )
        return await self._senders.send(
            Parcel(
                delivery_id=delivery.id,
                invocation_id=view.id,
                function=view.function,
                attempt=attempt,
                destination=destination,
                record=record,
                content_type=CONTENT_TYPE,
                record_type=record_type(delivery.condition),
                traceparent=view.meta.traceparent,
                lineage=view.meta.lineage,
                now=now,
            )
        )
