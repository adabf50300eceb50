"""What is owed at the end is committed with the end, and sent by its own rules (promise 5)."""

from __future__ import annotations

import asyncio

import pytest

from thence.errors import Conflict, DeliveryNotFound
from thence.lifecycle.states import State
from thence.notices import InvocationSettled
from thence.testing import Error, Service
from thence.testing.clock import START_MS

HOOK = "https://hooks.example.com/x"
OTHER = "https://other.example.com/x"


def tries(s: Service, url: str = HOOK) -> list[float]:
    return [(attempt.at - START_MS) / 1000 for attempt in s.receiver(url).tries]


async def one_owed(s: Service, **spec: object) -> str:
    await s.function("f", answers=["ok"], on_success=HOOK, **spec)
    id = await s.invoke("f", {"n": 1})
    await s.settle()
    return id


async def test_success_and_failure_go_to_their_own_destinations(s: Service) -> None:
    await s.function(
        "f", answers=["ok", Error()], max_retries=0, on_success=HOOK, on_failure="queue:dead"
    )
    good, bad = await s.invoke("f", {"n": 1}), await s.invoke("f", {"n": 2})
    await s.settle()
    (record,) = s.receiver(HOOK).got
    assert record["invocation"]["id"] == good and record["type"] == "thence.invocation.succeeded"
    assert record["request_payload"] == {"n": 1} and record["response_payload"] == "ok"
    (dead,) = await s.mail("queue:dead")
    assert dead["invocation"]["id"] == bad and dead["error"]["type"] == "ScriptedError"


async def test_the_delivery_is_in_the_store_in_the_commit_of_the_final_state(s: Service) -> None:
    await one_owed(s)
    for entry in await s.store.journal(0, 100):
        states = [transition.state for transition in entry.transitions]
        if "succeeded" in states:
            assert "delivery:pending" in states
            return
    raise AssertionError("no entry with the final state")


async def test_a_crash_between_the_end_and_its_delivery_loses_no_delivery(s: Service) -> None:
    await s.function("f", answers=["ok"], on_success=HOOK)
    # From the instant at which the end is on disk, nothing of the process goes on.
    s.notices.on(InvocationSettled, lambda notice: s.incarnation.die())
    id = await s.invoke("f")
    await s.settle()
    await s.crash()
    await s.clock.advance(1)
    assert [entry["invocation"]["id"] for entry in s.receiver(HOOK).got] == [id]
    assert len(s.starts("f")) == 1


async def test_a_crash_while_it_is_sent_sends_it_again_with_the_same_id(s: Service) -> None:
    s.receiver(HOOK).down(30)
    id = await one_owed(s)
    await s.crash()
    await s.clock.advance(600)
    (record,) = s.receiver(HOOK).got
    assert record["invocation"]["id"] == id
    assert len({attempt.delivery for attempt in s.receiver(HOOK).tries}) == 1


async def test_tries_begin_at_half_a_second_double_and_end_after_30_minutes(s: Service) -> None:
    s.receiver(HOOK).down()
    id = await one_owed(s)
    await s.clock.advance(3600)
    expected, wait = [0.0], 0.5
    while expected[-1] < 1800:
        expected.append(min(expected[-1] + wait, 1800.0))
        wait *= 2
    assert tries(s) == expected
    delivery = (await s.show(id)).deliveries[0]
    assert (delivery.state, delivery.reason) == ("dead", "retries_exhausted")
    assert delivery.attempts_made == len(expected) == len(delivery.attempts)


async def test_a_destination_down_for_20_minutes_gets_its_record_when_it_is_up(s: Service) -> None:
    s.receiver(HOOK).down(20 * 60)
    id = await one_owed(s)
    await s.clock.advance(1800)
    (record,) = s.receiver(HOOK).got
    assert record["invocation"]["id"] == id
    assert (await s.show(id)).deliveries[0].state == "delivered"


async def test_what_a_long_downtime_left_untried_still_has_its_30_minutes(s: Service) -> None:
    s.engine.parts.deliver.paused = True  # the node dies before the first try
    id = await one_owed(s)
    await s.kill()
    await s.clock.advance(7200)
    s.receiver(HOOK).down(600)
    await s.start()
    await s.clock.advance(1800)
    (record,) = s.receiver(HOOK).got
    assert record["invocation"]["id"] == id


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_4xx_answer_is_recorded_and_not_tried_again(s: Service, status: int) -> None:
    s.receiver(HOOK).answers(status)
    id = await one_owed(s)
    await s.clock.advance(3600)
    assert tries(s) == [0.0]
    delivery = (await s.show(id)).deliveries[0]
    assert delivery.state == "dead" and delivery.attempts[0].status == status


async def test_retry_after_is_honoured(s: Service) -> None:
    s.receiver(HOOK).answers(503, retry_after_seconds=77)
    await one_owed(s)
    await s.clock.advance(600)
    assert tries(s) == [0.0, 77.0]


async def test_a_receiver_that_asks_for_longer_than_is_left_is_given_up_and_that_is_said(
    s: Service,
) -> None:
    s.receiver(HOOK).answers(*[500] * 11, 503, retry_after_seconds=1200)
    id = await one_owed(s)
    await s.clock.advance(2 * 3600)
    assert tries(s)[-1] < 1800 and len(tries(s)) == 12
    delivery = (await s.show(id)).deliveries[0]
    assert (delivery.state, delivery.reason) == ("dead", "retry_after_too_long")
    assert "1,200 s" in delivery.attempts[-1].error
    assert "776 s are left" in delivery.attempts[-1].error


async def test_what_a_killed_node_was_sending_is_sent_again_as_soon_as_it_starts(
    s: Service,
) -> None:
    asked: list[object] = []

    async def never_answers(*parts: object) -> object:
        asked.append(parts)
        return await asyncio.Event().wait()

    s.engine.parts.deliver.attempts.send = never_answers
    id = await one_owed(s)
    assert len(asked) == 1
    await s.kill()
    await s.start()
    await s.clock.advance(1)
    # Not a minute and a half later, when the claim of the killed node would have ended by itself.
    assert [entry["invocation"]["id"] for entry in s.receiver(HOOK).got] == [id]


async def test_a_node_that_joins_anew_sends_under_its_new_lease(s: Service) -> None:
    claims, ask = [], s.engine.parts.writer.claim_deliveries
    s.engine.parts.writer.claim_deliveries = lambda claim, done: (
        claims.append(claim.lease),
        ask(claim, done),
    )
    await one_owed(s)
    first = s.engine.parts.node.incarnation
    await s.store.leave(first)  # others have declared it dead
    await s.clock.advance(60)
    assert s.engine.parts.node.incarnation != first
    await s.invoke("f")
    await s.settle()
    assert claims == [first, s.engine.parts.node.incarnation]


async def test_a_dead_destination_slows_no_other(s: Service) -> None:
    s.receiver(HOOK).down()
    await s.function("f", answers=["ok"], on_success=HOOK)
    await s.function("g", answers=["ok"], on_success=OTHER)
    for _ in range(50):
        await s.invoke("f")
    for _ in range(50):
        await s.invoke("g")
    await s.settle()
    assert len(s.receiver(OTHER).got) == 50 and s.receiver(HOOK).got == []
    await s.clock.advance(3600)
    assert await s.verify() == []


async def test_a_backlog_of_deliveries_is_sent_when_the_destination_is_up(s: Service) -> None:
    s.receiver(HOOK).down(60)
    await s.function("f", answers=["ok"], on_success=HOOK)
    ids = {await s.invoke("f") for _ in range(40)}
    await s.clock.advance(180)
    got = [entry["invocation"]["id"] for entry in s.receiver(HOOK).got]
    assert sorted(got) == sorted(ids)


async def test_a_redriven_delivery_is_sent_again_and_the_function_does_not_run(s: Service) -> None:
    s.receiver(HOOK).answers(404)
    id = await one_owed(s)
    delivery = (await s.show(id)).deliveries[0]
    await s.engine.redrive.delivery(delivery.id)
    await s.settle()
    assert (await s.show(id)).deliveries[0].state == "delivered"
    assert len(s.starts("f")) == 1 and len(s.receiver(HOOK).got) == 1


async def test_a_redriven_delivery_has_its_whole_time_again(s: Service) -> None:
    s.receiver(HOOK).down()
    id = await one_owed(s)
    await s.clock.advance(7200)
    delivery = (await s.show(id)).deliveries[0]
    before = len(tries(s))
    await s.engine.redrive.delivery(delivery.id)
    await s.clock.advance(3600)
    assert [at - 7200 for at in tries(s)[before:]][:4] == [0.0, 0.5, 1.5, 3.5]
    assert tries(s)[-1] == 7200 + 1800
    assert (await s.show(id)).deliveries[0].state == "dead"


async def test_only_a_dead_or_stopped_delivery_can_be_redriven(s: Service) -> None:
    id = await one_owed(s)
    with pytest.raises(Conflict):
        await s.engine.redrive.delivery((await s.show(id)).deliveries[0].id)
    with pytest.raises(DeliveryNotFound):
        await s.engine.redrive.delivery(77 << 64)


async def test_a_function_destination_is_invoked_with_the_record(s: Service) -> None:
    await s.function("next", answers=["done"])
    await s.function("f", answers=["ok"], on_success="function:next")
    id = await s.invoke("f")
    await s.settle()
    (start,) = [item for item in s.scripts.starts if item.function == "next"]
    view = await s.show(start.id)
    assert view.state is State.SUCCEEDED and view.meta.source == "destination"
    assert id.encode() in start.payload
    assert view.meta.lineage is not None and view.meta.lineage.root == id


async def test_a_function_destination_that_was_deleted_is_a_dead_letter(s: Service) -> None:
    await s.function("next", answers=["done"])
    await s.function("f", answers=["ok"], on_success="function:next")
    await s.delete("next")
    id = await s.invoke("f")
    await s.settle()
    delivery = (await s.show(id)).deliveries[0]
    assert (delivery.state, delivery.reason) == ("dead", "rejected")


async def test_a_mistake_in_a_sender_is_a_failed_try_and_holds_no_slot(s: Service) -> None:
    post = s.engine.parts.deliver.attempts.send
    calls: list[int] = []

    async def broken(*parts: object) -> object:
        calls.append(1)
        if len(calls) <= 30:
            raise ValueError("a mistake")
        return await post(*parts)

    s.engine.parts.deliver.attempts.send = broken
    await s.function("f", answers=["ok"], on_success=HOOK)
    for _ in range(10):
        await s.invoke("f")
    await s.clock.advance(600)
    assert len(s.receiver(HOOK).got) == 10


async def test_a_record_whose_body_is_lost_ends_as_a_dead_letter(s: Service) -> None:
    s.receiver(HOOK).down()
    await s.function("f", answers=["ok"], on_success=HOOK)
    id = await s.invoke("f", b'"' + b"x" * 100_000 + b'"')
    await s.settle()
    for blob in (s.directory / "blobs").rglob("*.payload"):
        blob.unlink()
    s.receiver(HOOK).up()
    await s.clock.advance(2 * 3600)
    delivery = (await s.show(id)).deliveries[0]
    assert (delivery.state, delivery.reason) == ("dead", "retries_exhausted")
    assert "missing" in delivery.attempts[-1].error and s.receiver(HOOK).got == []
