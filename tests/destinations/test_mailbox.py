"""The mailbox sender with a small double of the engine's writer."""

from __future__ import annotations

from thence.destinations.mailbox import MailboxSender
from thence.errors import StoreUnavailable
from thence.lifecycle.ids import format_id

from .conftest import NOW

DAY = 86_400_000


class Box:
    """Keeps what is put, once for each `once`; fails while `error` is set."""

    def __init__(self) -> None:
        self.puts, self.error = {}, None

    async def __call__(self, put) -> None:
        if self.error is not None:
            raise self.error
        self.puts.setdefault(put.once, put)


async def test_a_queue_gets_the_record_with_its_headers(parcel):
    box, sent = Box(), parcel("queue:done", now=NOW)
    answer = await MailboxSender(box).send(sent)
    assert (answer.delivered, answer.status) == (True, 200)
    [put] = box.puts.values()
    assert (put.kind, put.name, put.key) == ("queue", "done", "")
    assert (put.body, put.content_type) == (sent.record, "application/json")
    assert (put.now, put.expires_at) == (NOW, None)
    assert put.once == format_id(sent.delivery_id)
    assert put.headers == {
        "thence-delivery-id": format_id(sent.delivery_id),
        "thence-invocation-id": format_id(sent.invocation_id),
        "thence-record-type": "thence.invocation.succeeded",
        "thence-function": "unzip",
        "traceparent": sent.traceparent,
    }


async def test_topics_and_streams_have_no_key(parcel):
    for kind in ("topic", "stream"):
        box = Box()
        await MailboxSender(box).send(parcel(f"{kind}:news", now=NOW, traceparent=""))
        [put] = box.puts.values()
        assert (put.kind, put.name, put.key) == (kind, "news", "")
        assert "traceparent" not in put.headers


async def test_a_bucket_gets_an_object_by_day_that_expires(parcel):
    box = Box()
    written = {"type": "bucket", "name": "b", "prefix": "out/", "expires_days": 7}
    sent = parcel(written, now=NOW)
    await MailboxSender(box).send(sent)
    [put] = box.puts.values()
    ids = f"{format_id(sent.invocation_id)}-{format_id(sent.delivery_id)}"
    assert put.key == f"out/20260102/{ids}.json"
    assert put.expires_at == NOW + 7 * DAY


async def test_a_bucket_without_days_keeps_its_objects(parcel):
    box = Box()
    await MailboxSender(box).send(parcel("bucket:b", now=NOW))
    [put] = box.puts.values()
    assert put.expires_at is None
    assert put.key.startswith("20260102/")


async def test_a_delivery_sent_twice_is_one_message(parcel):
    box, sent = Box(), parcel("queue:done")
    sender = MailboxSender(box)
    assert (await sender.send(sent)).delivered
    sent.attempt = 2
    assert (await sender.send(sent)).delivered
    assert len(box.puts) == 1


async def test_a_store_that_cannot_write_is_tried_again(parcel):
    box = Box()
    box.error = StoreUnavailable("The disk is full.", retry_after_seconds=3)
    answer = await MailboxSender(box).send(parcel("queue:done"))
    assert (answer.delivered, answer.again, answer.status) == (False, True, 503)
    assert (answer.error, answer.retry_after_seconds) == ("The disk is full.", 3)
