"""One delivery from the engine to its sender: builds the record, packs the parcel, makes one try.

This is the `Send` that `engine/deliver.py` is given.
"""

from __future__ import annotations

from ..catalog.destination import Destination
from ..lifecycle.ids import format_id
from ..store.records import DeliveryView, InvocationView
from .forms import form_of, too_large
from .interface import Parcel, Sent
from .record import record_type
from .senders import Senders
from .source import BodyGone, Source


class Post:
    """preview_bytes_max: bodies of more bytes are given in native records as a preview of so many.
    account_id, region: what the service is called in the ARNs and URNs of vendors' records."""

    def __init__(
        self, senders: Senders, preview_bytes_max: int, *, account_id: str = "", region: str = ""
    ) -> None:
        self._senders = senders
        self._preview_bytes_max = preview_bytes_max
        self._account_id = account_id
        self._region = region

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
        """One try. payload, result: the invocation's bodies, None where there is none.

        A record over the destination's limit is not sent: as the 4xx of seed
        alibaba-fc-result-callback, it is recorded and not tried again.
        """
        form = form_of(destination)
        source = Source(
            view=view,
            payload=payload,
            result=result,
            condition=delivery.condition,
            delivery_id=format_id(delivery.id),
            destination=destination,
            preview_bytes_max=self._preview_bytes_max,
            account_id=self._account_id,
            region=self._region,
        )
        try:
            record = form.build(source)
        except BodyGone as error:
            return Sent(False, status=410, error=str(error), reason="source_gone")
        sentence = too_large(destination, len(record))
        if sentence:
            return Sent(False, status=413, error=sentence, reason="rejected")
        return await self._senders.send(
            Parcel(
                delivery_id=delivery.id,
                invocation_id=view.id,
                function=view.function,
                attempt=attempt,
                destination=destination,
                record=record,
                content_type=form.content_type,
                record_type=record_type(delivery.condition),
                traceparent=view.meta.traceparent,
                lineage=view.meta.lineage,
                now=now,
            )
        )
