"""Deliveries: owed with the end, their own attempts, dead letters, redrive and stop."""

from __future__ import annotations

from typing import Any

import pytest

from thence.errors import InvalidInput
from thence.lifecycle.states import State
from thence.store.records import (
    Body,
    DeliveryClaim,
    DeliveryResult,
    DeliveryView,
    MailboxPut,
    NewDelivery,
)

from .scene import NOW, F, Scene


async def owe(scene: Scene, *deliveries: NewDelivery) -> Any:
    item = await scene.run()
    await scene.commit(settles=[scene.settled(item, deliveries=deliveries)])
    return item


def answered(one: NewDelivery, state: str, attempt: int = 1, **fields: Any) -> DeliveryResult:
    values: dict[str, Any] = {"now": NOW + 2000, "started_at": NOW + 1900, "duration_us": 77}
    return DeliveryResult(one.id, attempt, state, **(values | fields))


async def view(scene: Scene, one: NewDelivery) -> DeliveryView:
    found = await scene.store.delivery(one.id)
    assert found is not None
    return found


async def test_what_is_owed_is_committed_with_the_end(scene: Scene) -> None:
    one = scene.owed("webhook:a", due_at=NOW + 1000)
    item = await owe(scene, one)
    seen = await view(scene, one)
    assert (seen.id, seen.receiver, seen.invocation_id, seen.function_id) == (
        one.id,
        "webhook:a",
        item.id,
        F,
    )
    assert (seen.state, seen.condition, seen.attempts_made) == ("pending", "success", 0)
    assert (seen.created_at, seen.due_at, seen.ended_at) == (NOW + 1000, NOW + 1000, None)
    assert seen.destination == one.destination
    invocation = await scene.store.invocation(item.id)
    assert invocation is not None and invocation.deliveries == [seen]
    assert (await scene.holds())["deliveries_pending"] == 1


async def test_an_ending_without_an_attempt_owes_too(scene: Scene) -> None:
    item, one = scene.new(), scene.owed(condition="failure")
    await scene.accept(item)
    await scene.commit(ends=[scene.ended(item, State.EXPIRED, deliveries=(one,))])
    assert (await view(scene, one)).invocation_id == item.id


async def test_a_dropped_answer_owes_nothing(scene: Scene) -> None:
    item, one = await scene.run(), scene.owed()
    await scene.commit(settles=[scene.settled(item, lease=99, deliveries=(one,))])
    assert await scene.store.delivery(one.id) is None
    assert (await scene.holds())["deliveries_pending"] == 0


async def test_a_claim_takes_due_deliveries_of_its_key_and_hides_them_until(scene: Scene) -> None:
    late, early, other = (
        scene.owed(due_at=NOW + 20),
        scene.owed(due_at=NOW + 10),
        scene.owed("other"),
    )
    await owe(scene, late, early, other)
    assert await scene.store.receivers_owed() == {"k": NOW + 10, "other": NOW + 1000}
    assert await scene.store.receivers_owed(limit=1) == {"k": NOW + 10}
    assert await scene.store.receivers_owed("k", 5) == {"other": NOW + 1000}
    claim = DeliveryClaim("k", 5, NOW + 20, NOW + 500)
    (claimed,) = (await scene.commit(delivery_claims=[claim])).delivery_claims
    taken = claimed.taken
    assert [item.id for item in taken] == [early.id, late.id]
    assert taken[0].invocation_id and taken[0].attempts == []
    assert claimed.next_due == NOW + 500
    (again,) = (await scene.commit(delivery_claims=[claim])).delivery_claims
    assert (again.taken, again.next_due) == ([], NOW + 500)
    assert await scene.store.receivers_owed() == {"k": NOW + 500, "other": NOW + 1000}
    later = DeliveryClaim("k", 1, NOW + 500, NOW + 900)  # whoever took them died
    assert len((await scene.commit(delivery_claims=[later])).delivery_claims[0].taken) == 1
    none = DeliveryClaim("nobody", 1, NOW + 500, NOW + 900)
    (nothing,) = (await scene.commit(delivery_claims=[none])).delivery_claims
    assert (nothing.taken, nothing.next_due) == ([], None)


async def test_what_a_dead_incarnation_was_sending_is_due_at_once(scene: Scene) -> None:
    mine, theirs = scene.owed(due_at=NOW), scene.owed("other", due_at=NOW)
    await owe(scene, mine, theirs)
    dead = await scene.store.join("dead", NOW, NOW + 30_000)
    living = await scene.store.join("living", NOW, NOW + 30_000)
    claims = [
        DeliveryClaim("k", 5, NOW, NOW + 90_000, living),
        DeliveryClaim("other", 5, NOW, NOW + 90_000, dead),
    ]
    answer = await scene.commit(delivery_claims=claims)
    assert [len(claim.taken) for claim in answer.delivery_claims] == [1, 1]
    await scene.store.leave(dead)
    due = await scene.store.receivers_owed()
    assert due["k"] == NOW + 90_000
    assert due["other"] <= NOW + 1000
    again = DeliveryClaim("other", 5, NOW + 1000, NOW + 90_000, living)
    assert len((await scene.commit(delivery_claims=[again])).delivery_claims[0].taken) == 1


async def test_a_failed_try_waits_and_the_next_one_delivers(scene: Scene) -> None:
    one = scene.owed()
    item = await owe(scene, one)
    result = answered(one, "pending", due_at=NOW + 2500, status=503, error="unavailable")
    answer = await scene.commit(delivery_results=[result])
    assert answer.delivery_results == [True]
    assert (await view(scene, one)).due_at == NOW + 2500
    done = answered(one, "delivered", 2, now=NOW + 2600, status=204)
    answer = await scene.commit(delivery_results=[done])
    assert answer.entry is not None
    (transition,) = answer.entry.transitions
    assert (transition.state, transition.delivery, transition.id) == (
        "delivery:delivered",
        one.id,
        item.id,
    )
    seen = await view(scene, one)
    assert (seen.state, seen.attempts_made, seen.ended_at) == ("delivered", 2, NOW + 2600)
    assert [(a.attempt, a.status, a.error, a.duration_us) for a in seen.attempts] == [
        (1, 503, "unavailable", 77),
        (2, 204, "", 77),
    ]
    assert await scene.store.receivers_owed() == {}
    report = await scene.holds()
    assert (report["deliveries_pending"], report["deliveries_delivered"]) == (0, 1)


async def test_a_result_for_what_is_not_pending_changes_nothing(scene: Scene) -> None:
    one, unknown = scene.owed(), scene.owed()
    await owe(scene, one)
    await scene.commit(delivery_results=[answered(one, "delivered")])
    answer = await scene.commit(
        delivery_results=[answered(one, "dead", reason="rejected"), answered(unknown, "delivered")]
    )
    assert answer.delivery_results == [False, False] and answer.entry is None
    assert (await view(scene, one)).state == "delivered"


async def test_a_dead_delivery_is_redriven_with_its_attempts_from_zero(scene: Scene) -> None:
    one = scene.owed()
    await owe(scene, one)
    assert await scene.store.redrive_delivery(one.id, NOW + 9000) is False
    await scene.commit(delivery_results=[answered(one, "dead", 4, reason="rejected", status=400)])
    seen = await view(scene, one)
    assert (seen.state, seen.reason, seen.attempts_made) == ("dead", "rejected", 4)
    assert (await scene.holds())["deliveries_dead"] == 1
    assert await scene.store.redrive_delivery(one.id, NOW + 9000) is True
    seen = await view(scene, one)
    assert (seen.state, seen.reason, seen.attempts_made) == ("pending", "", 0)
    assert (seen.due_at, seen.ended_at) == (NOW + 9000, None)
    await scene.commit(delivery_results=[answered(one, "delivered", 1)])
    report = await scene.holds()
    assert (report["deliveries_dead"], report["deliveries_delivered"]) == (0, 1)


async def test_stopping_ends_all_that_one_invocation_still_owes(scene: Scene) -> None:
    one, two, done, other = (scene.owed() for _ in range(4))
    item = await owe(scene, one, two, done)
    await owe(scene, other)
    await scene.commit(delivery_results=[answered(done, "delivered")])
    assert await scene.store.stop_deliveries(item.id, NOW + 3000) == 2
    assert await scene.store.stop_deliveries(item.id, NOW + 3000) == 0
    assert [(await view(scene, d)).state for d in (one, two, done, other)] == [
        "stopped",
        "stopped",
        "delivered",
        "pending",
    ]
    assert (await scene.commit(delivery_results=[answered(one, "delivered")])).delivery_results == [
        False
    ]
    assert await scene.store.redrive_delivery(one.id, NOW + 9) is True
    await scene.holds()


async def test_deliveries_know_what_their_records_are_made_of(scene: Scene) -> None:
    one, two, other = scene.owed(), scene.owed(), scene.owed()
    item = await owe(scene, one, two)
    failed = await scene.run()
    await scene.commit(settles=[scene.failed(failed, deliveries=(other,))])
    found = await scene.store.delivery_sources([one.id, item.id, other.id, one.id ^ 1])
    assert set(found) == {one.id, other.id}
    source = found[one.id]
    assert source.view.id == item.id and source.payload == item.payload
    assert source.result == Body(b'"done"', 6)
    assert found[other.id].view.attempts[-1].error_message == "no"
    assert found[other.id].result is None
    assert await scene.store.delivery_sources([]) == {}


async def test_what_is_owed_within_the_store_is_delivered_by_the_commit_that_owes_it(
    scene: Scene,
) -> None:
    message = MailboxPut("queue", "q", "", b"{}", "application/json", {}, NOW + 1000, None, "")
    called = scene.new(function=2, at=NOW + 1000)
    put, call, owed = (
        scene.owed("queue:q", put=message),
        scene.owed("function:g", call=called),
        scene.owed(),
    )
    item = await scene.run()
    answer = await scene.commit(settles=[scene.settled(item, deliveries=(put, call, owed))])
    for found in (put, call):
        seen = await view(scene, found)
        assert (seen.state, seen.attempts_made, seen.ended_at) == ("delivered", 1, NOW + 1000)
        assert (seen.since, seen.reason) == (NOW + 1000, "")
        assert [(a.attempt, a.started_at, a.status, a.error) for a in seen.attempts] == [
            (1, NOW + 1000, 200, "")
        ]
    assert await scene.store.receivers_owed() == {"k": NOW + 1000}
    assert [found.body for found in await scene.store.mailbox_read("queue", "q", 0, 9)] == [b"{}"]
    assert await scene.state(called) is State.QUEUED
    assert answer.entry is not None
    told = [(t.state, t.delivery) for t in answer.entry.transitions if t.delivery]
    assert told == [
        ("delivery:pending", put.id),
        ("delivery:delivered", put.id),
        ("delivery:pending", call.id),
        ("delivery:delivered", call.id),
        ("delivery:pending", owed.id),
    ]
    report = await scene.holds()
    assert (report["deliveries_pending"], report["deliveries_delivered"]) == (1, 2)


async def test_a_dropped_answer_puts_nothing_and_calls_nobody(scene: Scene) -> None:
    message = MailboxPut("queue", "q", "", b"{}", "application/json", {}, NOW + 1000, None, "")
    called = scene.new(function=2, at=NOW + 1000)
    item, good = await scene.run(), await scene.run()
    owed = (scene.owed("queue:q", put=message), scene.owed("function:g", call=called))
    answer = await scene.commit(
        settles=[scene.settled(item, lease=99, deliveries=owed), scene.settled(good)]
    )
    assert answer.settles == [False, True]
    assert await scene.store.mailbox_read("queue", "q", 0, 9) == []
    assert await scene.store.invocation(called.id) is None
    assert await scene.store.delivery(owed[0].id) is None
    await scene.holds()


async def test_two_results_for_one_delivery_in_a_batch_the_first_end_counts(scene: Scene) -> None:
    one = scene.owed()
    await owe(scene, one)
    answer = await scene.commit(
        delivery_results=[
            answered(one, "pending", due_at=NOW + 9000, status=503),
            answered(one, "delivered", 2),
            answered(one, "dead", 3, reason="rejected"),
        ]
    )
    assert answer.delivery_results == [True, True, False]
    seen = await view(scene, one)
    assert (seen.state, len(seen.attempts)) == ("delivered", 2)
    await scene.holds()


async def test_deliveries_are_listed_newest_first_by_state_and_function(scene: Scene) -> None:
    ones = [scene.owed() for _ in range(5)]
    await owe(scene, *ones)
    await scene.commit(
        delivery_results=[
            answered(ones[1], "dead"),
            answered(ones[3], "dead"),
            answered(ones[0], "stopped"),
        ]
    )
    page = await scene.store.deliveries(None, None, 10, None)
    assert [d.id for d in page.items] == [d.id for d in reversed(ones)] and page.cursor is None
    first = await scene.store.deliveries("dead", F, 1, None)
    assert [d.id for d in first.items] == [ones[3].id]
    second = await scene.store.deliveries("dead", F, 1, first.cursor)
    assert [d.id for d in second.items] == [ones[1].id] and second.cursor is None
    assert (await scene.store.deliveries("dead", 2, 10, None)).items == []
    assert [d.id for d in (await scene.store.deliveries("stopped", None, 10, None)).items] == [
        ones[0].id
    ]
    assert (await scene.store.deliveries("no such state", None, 10, None)).items == []
    with pytest.raises(InvalidInput):
        await scene.store.deliveries(None, None, 10, "%%%")
