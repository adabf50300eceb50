"""The built-in mailbox: queues, topics, streams, buckets."""

from __future__ import annotations

from typing import Any

from thence.store.records import MAILBOX_PAGE_BYTES, MailboxPut

from .scene import NOW, Scene


def put(body: bytes, kind: str = "queue", name: str = "q", **fields: Any) -> MailboxPut:
    values: dict[str, Any] = {
        "key": "",
        "content_type": "application/json",
        "headers": {"a": "b"},
        "now": NOW,
        "expires_at": None,
        "once": "",
    }
    return MailboxPut(kind=kind, name=name, body=body, **(values | fields))


async def bodies(scene: Scene, kind: str, name: str, **fields: Any) -> list[bytes]:
    read = await scene.store.mailbox_read(kind, name, fields.pop("after", 0), 100, **fields)
    return [message.body for message in read]


async def test_messages_are_read_in_the_order_they_came_without_being_taken(scene: Scene) -> None:
    await scene.commit(mailbox=[put(b"1", "stream", "s"), put(b"x", "topic", "t")])
    await scene.commit(mailbox=[put(b"2", "stream", "s")])
    first, second = await scene.store.mailbox_read("stream", "s", 0, 10)
    assert (first.body, first.content_type, first.headers) == (b"1", "application/json", {"a": "b"})
    assert (first.kind, first.name, first.created_at, first.seq < second.seq) == (
        "stream",
        "s",
        NOW,
        True,
    )
    assert await bodies(scene, "stream", "s", after=first.seq) == [b"2"]
    assert await bodies(scene, "stream", "s") == [b"1", b"2"]
    assert len(await scene.store.mailbox_read("stream", "s", 0, 1)) == 1


async def test_a_page_has_a_bound_in_bytes(scene: Scene) -> None:
    half = b"x" * (MAILBOX_PAGE_BYTES // 2)
    await scene.commit(mailbox=[put(half), put(half), put(half), put(b"small")])
    first = await scene.store.mailbox_read("queue", "q", 0, 10)
    assert [len(answer.body) for answer in first] == [len(half)] * 2
    rest = await scene.store.mailbox_read("queue", "q", first[-1].seq, 10)
    assert [answer.body for answer in rest] == [half, b"small"]
    taken = await scene.store.mailbox_receive("q", 10, NOW, 1000)
    assert [message.seq for message in taken] == [message.seq for message in first]
    others = await scene.store.mailbox_receive("q", 10, NOW, 1000)
    assert [other.seq for other in others] == [message.seq for message in rest], (
        "no other was hidden"
    )


async def test_a_message_larger_than_a_page_is_one(scene: Scene) -> None:
    await scene.commit(mailbox=[put(b"x" * (MAILBOX_PAGE_BYTES + 1)), put(b"small")])
    (large,) = await scene.store.mailbox_read("queue", "q", 0, 10)
    assert len(large.body) > MAILBOX_PAGE_BYTES
    assert [message.seq for message in await scene.store.mailbox_receive("q", 10, NOW, 1)] == [
        large.seq
    ]


async def test_a_received_message_is_invisible_until_its_time_is_over(scene: Scene) -> None:
    await scene.commit(mailbox=[put(b"1"), put(b"2")])
    (first,) = await scene.store.mailbox_receive("q", 1, NOW, 1000)
    assert (first.body, first.receives, first.visible_at) == (b"1", 1, NOW + 1000)
    (second,) = await scene.store.mailbox_receive("q", 5, NOW, 1000)
    assert second.body == b"2"
    assert await scene.store.mailbox_receive("q", 5, NOW + 999, 1000) == []
    again, _ = await scene.store.mailbox_receive("q", 5, NOW + 1000, 1000)
    assert (again.body, again.receives) == (b"1", 2) and again.receipt != first.receipt


async def test_a_message_is_deleted_by_the_receipt_of_who_holds_it_now(scene: Scene) -> None:
    await scene.commit(mailbox=[put(b"1")])
    (old,) = await scene.store.mailbox_receive("q", 1, NOW, 10)
    (new,) = await scene.store.mailbox_receive("q", 1, NOW + 10, 10)
    assert await scene.store.mailbox_delete("queue", "q", receipt=old.receipt) == 0
    for other in ("nonsense", "", "9" * 30 + ".1", "9" * 5000, f"{2**63}.1", "\u0663.1"):
        assert await scene.store.mailbox_delete("queue", "q", receipt=other) == 0
    assert await scene.store.mailbox_delete("queue", "other", receipt=new.receipt) == 0
    assert await scene.store.mailbox_delete("queue", "q", receipt=new.receipt) == 1
    assert await bodies(scene, "queue", "q") == []


async def test_an_expired_message_is_not_received_and_is_pruned(scene: Scene) -> None:
    await scene.commit(mailbox=[put(b"1", expires_at=NOW + 10), put(b"2")])
    assert [m.body for m in await scene.store.mailbox_receive("q", 5, NOW + 10, 1)] == [b"2"]
    changed, _ = await scene.store.prune(
        history_before=0,
        payload_before=0,
        result_before=0,
        journal_before=0,
        now=NOW + 10,
        limit=10,
    )
    assert changed == 1
    assert await bodies(scene, "queue", "q") == [b"2"]


async def test_an_object_of_the_same_key_is_replaced(scene: Scene) -> None:
    await scene.commit(
        mailbox=[put(b"old", "bucket", "b", key="p/1"), put(b"2", "bucket", "b", key="q/2")]
    )
    await scene.commit(mailbox=[put(b"new", "bucket", "b", key="p/1")])
    assert sorted(await bodies(scene, "bucket", "b")) == [b"2", b"new"]
    assert await bodies(scene, "bucket", "b", prefix="p/") == [b"new"]
    assert await bodies(scene, "bucket", "b", prefix="%") == []
    assert await scene.store.mailbox_delete("bucket", "b", key="p/1") == 1
    assert await bodies(scene, "bucket", "b") == [b"2"]


async def test_the_same_put_twice_is_one_message_even_after_it_was_taken(scene: Scene) -> None:
    await scene.commit(mailbox=[put(b"1", once="d1"), put(b"1", once="d1"), put(b"2", once="d2")])
    assert await bodies(scene, "queue", "q") == [b"1", b"2"]
    first, _ = await scene.store.mailbox_read("queue", "q", 0, 10)
    assert await scene.store.mailbox_delete("queue", "q", seq=first.seq) == 1
    await scene.commit(mailbox=[put(b"1", once="d1")])
    assert await bodies(scene, "queue", "q") == [b"2"]


async def test_boxes_are_named_with_their_size_and_can_be_emptied(scene: Scene) -> None:
    await scene.commit(
        mailbox=[put(b"123", now=NOW + 5), put(b"45", now=NOW), put(b"6", "topic", "t")]
    )
    assert await scene.store.mailbox_names() == [
        {"kind": "queue", "name": "q", "messages": 2, "bytes": 5, "oldest_at": NOW},
        {"kind": "topic", "name": "t", "messages": 1, "bytes": 1, "oldest_at": NOW},
    ]
    assert await scene.store.mailbox_delete("queue", "q") == 2
    assert [box["name"] for box in await scene.store.mailbox_names()] == ["t"]


async def test_numbers_of_messages_are_never_used_twice(scene: Scene) -> None:
    await scene.commit(mailbox=[put(b"1")])
    (first,) = await scene.store.mailbox_read("queue", "q", 0, 1)
    await scene.store.mailbox_delete("queue", "q")
    await scene.commit(mailbox=[put(b"2")])
    (second,) = await scene.store.mailbox_read("queue", "q", first.seq, 1)
    assert second.body == b"2"


async def test_a_box_is_emptied_however_large_it_is_and_no_other(scene: Scene) -> None:
    for _ in range(3):
        await scene.commit(mailbox=[put(b"1") for _ in range(400)] + [put(b"2", name="other")])
    assert await scene.store.mailbox_delete("queue", "q") == 1200
    assert await bodies(scene, "queue", "q") == []
    assert await bodies(scene, "queue", "other") == [b"2"] * 3
    assert await scene.store.mailbox_delete("queue", "q") == 0
