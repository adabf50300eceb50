"""One delivery from the engine to its sender: builds the record, packs the parcel, makes one attempt, or
says what a commit puts or calls.

This is the `Sending` that the engine is given (engine/sending.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ..catalog.destination import NOT_INSTALLED, Destination
from ..lifecycle.ids import format_id
from ..store.records import Call, DeliveryView, InvocationView, MailboxPut, NewDelivery
from .forms import Form, too_large
from .interface import Parcel, Sent
from .record import record_type
from .senders import Senders
from .source import BodyGone, Source

log = logging.getLogger("thence.destinations")


class Post:
    """forms: what records may look like, by name. preview_bytes_max: bodies of more bytes are given in
    native records as a preview of so many. account_id, region: what the service is called in the ARNs and URNs of vendors' records."""

    def __init__(
        self,
        senders: Senders,
        forms: Mapping[str, Form],
        preview_bytes_max: int,
        *,
        account_id: str = "",
        region: str = "",
    ) -> None:
        self._senders = senders
        self._forms = forms
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
        """One attempt. payload, result: the invocation's bodies, None where there is none.

        A record over the destination's limit is not sent: as the 4xx of seed
        alibaba-fc-result-callback, it is recorded and not tried again.
        """
        parcel = self._parcel(
            delivery.id, delivery.condition, destination, view, payload, result, attempt, now
        )
        return parcel if isinstance(parcel, Sent) else await self._senders.send(parcel)

    def place(
        self,
        delivery: NewDelivery,
        destination: Destination,
        view: InvocationView,
        payload: bytes,
        result: bytes | None,
        now: int,
    ) -> MailboxPut | Call | None:
        """What the commit that owes the delivery puts or calls, the record being
        the one that an attempt would send; None: make an attempt. Never raises."""
        try:
            parcel = self._parcel(
                delivery.id, delivery.condition, destination, view, payload, result, 1, now
            )
        except Exception:  # a mistake in a record: the attempt that follows says it
            log.exception("the record of delivery %s failed", format_id(delivery.id))
            return None
        return None if isinstance(parcel, Sent) else self._senders.place(parcel)

    async def close(self) -> None:
        """No attempt follows. Idempotent."""
        await self._senders.close()

    def local(self, receiver: str) -> bool:
        """See Senders.local."""
        return self._senders.local(receiver)

    def _parcel(
        self,
        id: int,
        condition: str,
        destination: Destination,
        view: InvocationView,
        payload: bytes | None,
        result: bytes | None,
        attempt: int,
        now: int,
    ) -> Parcel | Sent:
        """The delivery ready to be sent, or why it never will be."""
        form = self._forms.get(destination.form)
        if form is None:
            text = f"Not sent: nothing that is installed makes records of the form {destination.form!r}."
            return Sent(False, error=text, reason=NOT_INSTALLED)
        source = Source(
            view=view,
            payload=payload,
            result=result,
            condition=condition,
            delivery_id=format_id(id),
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
        return Parcel(
            delivery_id=id,
            invocation_id=view.id,
            function=view.function,
            attempt=attempt,
            destination=destination,
            record=record,
            content_type=form.content_type,
            record_type=record_type(condition),
            traceparent=view.meta.traceparent,
            lineage=view.meta.lineage,
            now=now,
        )
