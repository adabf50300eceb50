"""What is owed to this store itself is made in the commit that owes it, and is exactly what a try would
have made."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from thence.api.doors import installed, record_forms
from thence.catalog.async_config import AsyncConfig
from thence.catalog.control import Control
from thence.catalog.kinds import decode_destination, parse_destination
from thence.engine.effect import owed_to
from thence.lifecycle.lineage import HOPS_MAX
from thence.lifecycle.states import State
from thence.notices import DeliveryAttempted, DeliveryEnded, InvocationSettled
from thence.testing import Crash, Error, Forever, Ok, OutOfMemory, PlatformError, Service

FORMS = record_forms(installed())

QUEUE = "queue:done"


async def commits(s: Service) -> list[list[str]]:
    """The transitions of each commit, deliveries with their word."""
    return [
        [transition.state for transition in entry.transitions]
        for entry in await s.store.journal(0, 1000)
    ]


async def delivery(s: Service, id: str) -> Any:
    (one,) = (await s.show(id)).deliveries
    return one


async def test_a_queue_gets_its_record_in_the_commit_of_the_final_state(s: Service) -> None:
    told: list[Any] = []
    s.notices.on(DeliveryAttempted, told.append)
    s.notices.on(DeliveryEnded, told.append)
    claims: list[Any] = []
    s.engine.parts.writer.claim_deliveries = lambda *claim: claims.append(claim)
    await s.function("f", answers=["ok"], on_success=QUEUE)
    id = await s.invoke("f", {"n": 1})
    await s.settle()
    assert claims == []  # nobody looks for what is delivered
    assert (await commits(s))[-1] == ["succeeded", "delivery:pending", "delivery:delivered"]
    (record,) = await s.mail(QUEUE)
    assert record["invocation"]["id"] == id and record["response_payload"] == "ok"
    one = await delivery(s, id)
    assert (one.state, one.attempts_made, one.receiver) == ("delivered", 1, QUEUE)
    assert [(a.attempt, a.status, a.error) for a in one.attempts] == [(1, 200, "")]
    assert [(type(n).__name__, n.destination) for n in told] == [
        ("DeliveryAttempted", QUEUE),
        ("DeliveryEnded", QUEUE),
    ]
    (counts,) = (await s.engine.stats()).functions
    assert (counts.deliveries_pending, counts.deliveries_delivered) == (0, 1)


async def test_a_function_is_called_in_the_commit_of_the_final_state(s: Service) -> None:
    await s.function("next", answers=["done"])
    await s.function("f", answers=["ok"], on_success="function:next")
    id = await s.invoke("f", {"n": 1}, traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    await s.settle()
    (commit,) = [item for item in await commits(s) if "delivery:delivered" in item]
    assert commit == ["succeeded", "delivery:pending", "delivery:delivered", "queued"]
    (start,) = [item for item in s.scripts.starts if item.function == "next"]
    view = await s.show(start.id)
    one = await delivery(s, id)
    assert view.state is State.SUCCEEDED and view.meta.source == "destination"
    assert view.meta.idempotency_key.startswith("delivery:")
    assert view.meta.traceparent == (await s.show(id)).meta.traceparent
    assert view.meta.lineage is not None and view.meta.lineage.root == id
    assert one.state == "delivered"


ENDINGS: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("json", [{"a": [1, "ü"]}], {}),
    ("text", [Ok(b"plain")], {}),
    ("bytes", [Ok(b"\xff\xfe\x00")], {}),
    ("empty", [Ok(b"")], {}),
    ("logged", [Ok("x", log=b"some output\n", seconds=2)], {}),
    ("second", [Error("no"), "ok"], {"max_retries": 2}),
    ("error", [Error("nö", type="Bad")], {"max_retries": 0}),
    ("errors", [Error("one"), Error("two")], {"max_retries": 1}),
    ("timeout", [Forever()], {"max_retries": 0, "timeout_seconds": 3}),
    ("memory", [OutOfMemory()], {"max_retries": 0}),
    ("crash", [Crash()], {"max_retries": 0}),
    ("aged", [Error()], {"max_event_age_seconds": 1}),
    ("platform", [PlatformError("away")], {}),
    ("mixed", [Error("one"), PlatformError("away")], {"max_retries": 3}),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "answers", "spec"), ENDINGS, ids=[ending[0] for ending in ENDINGS]
)
async def test_what_is_placed_is_what_a_try_would_have_sent(
    form: str, name: str, answers: list[Any], spec: dict[str, Any]
) -> None:
    async with Service(platform_budget_seconds=5) as s:
        box = {"type": "bucket", "name": "b", "prefix": "p/", "form": form, "expires_days": 3}
        await s.function("f", answers=answers, on_success=box, on_failure=box, **spec)
        placed: list[Any] = []
        make = s.engine.parts.place.make

        def seen(owed: Any, *parts: Any) -> Any:
            made = make(owed, *parts)
            placed.append((owed, parts[-1], made))
            return made

        s.engine.parts.place.make = seen
        payload = b"\x00\xff" if name == "bytes" else b'{"n": 1}'
        id = await s.invoke("f", payload, content_type="application/json")
        await s.clock.advance(30)
        one = await delivery(s, id)
        assert one.state == "delivered"
        (message,) = await s.store.mailbox_read("bucket", "b", 0, 9)
        # The record as a try makes it, from what the store has.
        source = (await s.store.delivery_sources([one.id]))[one.id]
        result = None if source.result is None else source.result.data
        tried = s.engine.parts.deliver.attempts.send.place(
            one, decode_destination(one.destination), source.view, source.payload.data, result,
            message.created_at,
        )  # fmt: skip
        assert (message.key, message.body) == (tried.key, tried.body)
        assert (message.content_type, message.headers) == (tried.content_type, tried.headers)
        assert (message.created_at, message.expires_at) == (tried.now, tried.expires_at)
        # Only where earlier attempts would have to be read is it not placed.
        assert bool(placed) == (name not in ("mixed", "platform"))


async def test_a_crash_after_that_commit_neither_loses_nor_repeats_anything(s: Service) -> None:
    await s.function("next", answers=["done"])
    await s.function("f", answers=["ok", Error()], max_retries=0, on_success="function:next",
                     on_failure=QUEUE)  # fmt: skip
    s.notices.on(InvocationSettled, lambda notice: s.incarnation.die())  # type: ignore[union-attr]
    for _ in range(2):
        await s.invoke("f")
        await s.settle()
        await s.crash()
        await s.clock.advance(60)
    assert len(s.starts("f")) == 2 and len(s.starts("next")) == 1
    assert len(await s.mail(QUEUE)) == 1


async def test_a_late_answer_puts_nothing_and_calls_nobody(s: Service) -> None:
    await s.function("next", answers=["done"])
    await s.function("f", answers=[Ok("late", seconds=100), "ok"], on_success="function:next")
    id = await s.invoke("f")
    await s.store.leave(s.engine.parts.node.incarnation)  # others have declared this node dead
    await s.clock.advance(300)
    assert (await s.show(id)).attempt == 2
    assert len(s.starts("next")) == 1
    assert await s.verify() == []


@pytest.mark.parametrize("destination", [QUEUE, "function:next"])
async def test_a_full_disk_delays_the_end_and_its_delivery_together(
    s: Service, destination: str
) -> None:
    await s.function("next", answers=["done"])
    await s.function("f", answers=[Ok("ok", seconds=1)], on_success=destination)
    id = await s.invoke("f")
    s.disk_full(60)
    await s.clock.advance(30)
    assert await s.mail(QUEUE) == [] and s.starts("next") == []
    await s.clock.advance(60)
    assert (await delivery(s, id)).state == "delivered"
    assert len(await s.mail(QUEUE)) + len(s.starts("next")) == 1


async def test_a_disabled_function_is_not_called_and_a_try_says_so(s: Service) -> None:
    await s.function("next", answers=["done"])
    await s.function("f", answers=["ok"], on_success="function:next")
    await s.ask(s.engine.functions.put_control("next", Control(disabled="paused")))
    id = await s.invoke("f")
    await s.settle()
    one = await delivery(s, id)
    assert (one.state, one.attempts_made) != ("delivered", 1) and one.attempts[0].status >= 400
    assert s.starts("next") == []


async def test_a_chain_that_is_too_long_ends_as_a_dead_letter_that_says_so(s: Service) -> None:
    # A circle that the check at the configuration does not see: it leads on from each call itself.
    await s.function("a", answers=["x"])
    await s.function("b", answers=["x"], on_success="function:a")
    lane = s.engine.parts.catalogue.lane("a")
    lane.own = replace(lane.own, on_success=owed_to(parse_destination("function:b")))
    await s.invoke("a")
    await s.clock.advance(10)
    assert len(s.starts("a")) + len(s.starts("b")) == HOPS_MAX + 1
    page = await s.store.deliveries("dead", None, 10, None)
    assert [view.reason for view in page.items] == ["too_many_hops"]


async def test_a_record_over_its_limit_is_refused_and_recorded_as_before(s: Service) -> None:
    box = {"type": "queue", "name": "done", "record_bytes_max": 10}
    await s.function("f", answers=["ok"], on_success=box)
    id = await s.invoke("f")
    await s.settle()
    one = await delivery(s, id)
    assert (one.state, one.reason, one.attempts[0].status) == ("dead", "rejected", 413)
    assert await s.mail(QUEUE) == []


async def test_large_bodies_come_from_the_store_and_not_from_the_commit(s: Service) -> None:
    await s.function("f", answers=[Ok("y" * 200_000)], on_success=QUEUE)
    id = await s.invoke("f", b'"' + b"x" * 100_000 + b'"')
    await s.settle()
    (record,) = await s.mail(QUEUE)
    assert len(record["request_payload"]) == 100_000 and len(record["response_payload"]) == 200_000
    assert (await delivery(s, id)).state == "delivered"


async def test_what_ended_without_a_run_is_delivered_in_batches(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0, on_failure=QUEUE, max_event_age_seconds=5)
    ids = {await s.invoke("f") for _ in range(200)}
    groups, commit = [], s.store.commit

    async def counted(batch: Any) -> Any:
        if batch.delivery_results:
            groups.append(len(batch.delivery_results))
        return await commit(batch)

    s.store.commit = counted
    await s.clock.advance(30)
    assert {entry["invocation"]["id"] for entry in await s.mail(QUEUE)} == ids
    assert sum(groups) == 200 and len(groups) <= 10


async def test_a_stop_that_is_told_of_is_placed_too(s: Service) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=3600)
    config = AsyncConfig(on_failure=QUEUE, stop_notifies=True)
    await s.ask(s.engine.functions.put_async_config("f", "latest", config))
    id = await s.invoke("f")
    await s.stop(id)
    await s.settle()
    assert (await s.show(id)).state is State.STOPPED
    assert (await delivery(s, id)).state == "delivered" and len(await s.mail(QUEUE)) == 1


async def test_a_record_that_the_store_cannot_take_does_not_hold_up_the_end(s: Service) -> None:
    make = s.engine.parts.place.make

    def broken(*parts: Any) -> Any:
        made = make(*parts)
        made.headers = {"thence-function": "\ud800"}  # no text that can be stored
        return made

    s.engine.parts.place.make = broken
    await s.function("f", answers=["ok"], on_success=QUEUE)
    id, other = await s.invoke("f"), await s.invoke("f")
    await s.settle()
    assert (await s.show(id)).state is (await s.show(other)).state is State.SUCCEEDED
    assert (await delivery(s, id)).state == "delivered" and len(await s.mail(QUEUE)) == 2


async def test_a_placed_call_counts_among_those_that_wait_of_its_function(s: Service) -> None:
    """Else the bound on what may wait would drift with every call that a destination makes."""
    await s.function("next", answers=["ok"], concurrency=0)
    await s.function("f", answers=["ok"], on_success="function:next")
    for _ in range(3):
        await s.invoke("f")
    await s.settle()
    lane = s.engine.parts.catalogue.lane("next")
    assert lane.waiting == lane.family.waiting == 3
    await s.function("next", answers=["ok"], concurrency=1)
    await s.settle()
    assert lane.waiting == lane.family.waiting == 0
