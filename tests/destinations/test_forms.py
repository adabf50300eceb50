"""Which builder a destination's records come from, and records that are too large to send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thence.api.doors import installed, record_forms
from thence.catalog.destination import Destination, encode_destination
from thence.catalog.kinds import parse_destination
from thence.destinations.forms import Form
from thence.destinations.interface import Parcel, Resources, Sent
from thence.destinations.kinds import KINDS
from thence.destinations.post import Post
from thence.destinations.senders import Senders
from thence.lifecycle.outcome import Outcome
from thence.store.records import DeliveryView, MailboxPut

from .conftest import NOW
from .finished import DELIVERY, ID, attempt, source

FORMS = record_forms(installed())


class Doorstep:
    """The mailbox and the engine's door, as far as senders use them."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def put(self, message: MailboxPut) -> None:
        self.taken.append(message.body)

    async def accept(self, name: str, payload: bytes, **settings: Any) -> int:
        self.taken.append(payload)
        return 1


class Seen:
    def __init__(self) -> None:
        self.parcels: list[Parcel] = []

    async def send(self, parcel: Parcel) -> Sent:
        self.parcels.append(parcel)
        return Sent(True, status=200)


async def post(
    senders: Any,
    destination: Destination,
    payload: bytes = b'{"n":1}',
    gone: bool = False,
    forms: dict[str, Form] = FORMS,
) -> Sent:
    one = source(payload, b'{"ok":1}', attempts=[attempt(Outcome.OK)])
    delivery = DeliveryView(
        DELIVERY, "lane", ID, 1, encode_destination(destination), "success", "pending", "",
        NOW, NOW, None, 0,
    )  # fmt: skip
    deliver = Post(senders, forms, 1000, account_id="42", region="here")
    given = None if gone else payload
    return await deliver(delivery, destination, one.view, given, one.result, 1, NOW)


def written(kind: str, form: str, limit: int = 0) -> Destination:
    return parse_destination({"type": kind, "name": "d", "form": form, "record_bytes_max": limit})


async def test_a_form_that_no_door_brings_any_more_is_a_dead_letter_that_says_so():
    seen = Seen()
    sent = await post(seen, written("queue", "fc"), forms={"native": FORMS["native"]})
    assert not seen.parcels
    assert (sent.delivered, sent.again, sent.reason) == (False, False, "not_installed")
    assert "'fc'" in sent.error


@pytest.mark.parametrize("kind", ["function", "queue", "topic", "stream", "bucket"])
@pytest.mark.parametrize(
    ("form", "field", "content_type"),
    [
        ("native", "delivery_id", "application/json"),
        ("fc", "requestContext", "application/json"),
        ("fc-eventbridge", "aliyuneventbusname", "application/cloudevents+json"),
        ("functiongraph", "request_context", "application/json"),
    ],
)
async def test_a_destination_gets_the_form_it_asks_for(kind, form, field, content_type):
    seen = Seen()
    assert (await post(seen, written(kind, form))).delivered
    [parcel] = seen.parcels
    assert field in json.loads(parcel.record)
    assert parcel.content_type == content_type


async def test_a_webhook_gets_the_native_form():
    seen = Seen()
    assert (await post(seen, parse_destination("https://example.com/hook"))).delivered
    assert "delivery_id" in json.loads(seen.parcels[0].record)


async def test_records_of_vendors_say_what_the_service_is_called():
    seen = Seen()
    await post(seen, written("queue", "fc"))
    await post(seen, written("queue", "functiongraph"))
    fc, fg = (json.loads(parcel.record) for parcel in seen.parcels)
    assert fc["requestContext"]["functionArn"] == "acs:fc:here:42:functions/unzip"
    assert fg["request_context"]["function_urn"].startswith("urn:fss:here:42:function:")


@pytest.mark.parametrize("kind", ["function", "queue", "topic", "stream", "bucket"])
@pytest.mark.parametrize("form", FORMS)
async def test_a_record_over_the_limit_is_not_sent_and_never_tried_again(kind, form):
    step = Doorstep()
    senders = Senders(Resources(put=step.put, accept=step.accept), KINDS)  # type: ignore[arg-type]
    assert (await post(senders, written(kind, form))).delivered
    size = len(step.taken.pop())
    assert (await post(senders, written(kind, form, size))).delivered
    step.taken.clear()
    sent = await post(senders, written(kind, form, size - 1))
    assert not step.taken
    assert (sent.delivered, sent.again, sent.status, sent.reason) == (False, False, 413, "rejected")
    assert f"{size} bytes" in sent.error and f"at most {size - 1}" in sent.error
    assert f"{kind}:d" in sent.error


async def test_a_record_whose_payload_is_gone_is_not_sent_without_it():
    seen = Seen()
    sent = await post(seen, written("queue", "fc"), gone=True)
    assert not seen.parcels
    assert (sent.delivered, sent.again, sent.status, sent.reason) == (
        False, False, 410, "source_gone",
    )  # fmt: skip
    assert "retention of the payload" in sent.error
    assert (await post(seen, written("queue", "native"), gone=True)).delivered
