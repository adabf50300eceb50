"""Every number of the configuration does what it says: one test each that no other file has."""

from __future__ import annotations

import asyncio

import pytest

from thence.errors import PayloadTooLarge
from thence.lifecycle.states import Reason, State
from thence.notices import NodeDraining
from thence.testing import Error, Forever, Lost, Ok, PlatformError, Service
from thence.testing.service import number

HOOK = "https://hooks.example.com/x"


async def test_inline_bytes_max_says_which_bodies_become_files() -> None:
    for limit, files in ((9, 2), (10, 0)):
        async with Service(inline_bytes_max=limit) as s:
            await s.function("f", answers=[Ok("12345678")])
            await s.invoke("f", b"0123456789")
            await s.settle()
            assert len(list((s.directory / "blobs").rglob("*.*"))) == files


async def test_platform_budget_seconds_ends_both_kinds_of_platform_waits() -> None:
    async with Service(platform_budget_seconds=60) as s:
        await s.function("broken", answers=[PlatformError()])
        await s.function("paused", answers=["ok"], concurrency=0)
        for id, reason in (
            (await s.invoke("broken"), Reason.PLATFORM_ERRORS_EXHAUSTED),
            (await s.invoke("paused"), Reason.CONCURRENCY_LIMIT),
        ):
            await s.clock.advance(61)
            view = await s.show(id)
            assert (view.state, view.reason) == (State.FAILED, reason)
            assert view.ended_at - view.accepted_at == 60_000


async def test_platform_wait_cap_seconds_is_the_longest_wait_between_tries() -> None:
    async with Service(platform_wait_cap_seconds=2, platform_budget_seconds=20) as s:
        await s.function("f", answers=[PlatformError()])
        await s.invoke("f")
        await s.clock.advance(60)
        assert s.starts("f")[:6] == [0.0, 0.5, 1.5, 3.5, 5.5, 7.5]


async def test_losses_max_is_how_often_an_attempt_may_be_lost() -> None:
    for losses in (0, 2):
        async with Service(losses_max=losses) as s:
            await s.function("f", answers=[Lost()])
            id = await s.invoke("f")
            await s.clock.advance(60)
            view = await s.show(id)
            assert view.reason is Reason.SUSPECTED_POISON and len(s.starts("f")) == losses + 1


async def test_lease_seconds_is_how_long_a_silent_node_is_believed() -> None:
    async with Service(lease_seconds=100) as s:
        await s.function("f", answers=[Forever(), "ok"], timeout_seconds=9000)
        id = await s.invoke("f")
        s.engine.parts.node.loop.once = asyncio.Event().wait  # it does not renew any more
        await s.engine.parts.node.loop.stop()
        await s.clock.advance(99)
        assert (await s.show(id)).state is State.RUNNING and s.engine.parts.node.held
        await s.clock.advance(2)
        assert not s.engine.parts.node.held


async def test_delivery_first_and_budget_seconds_are_the_waits_of_a_delivery() -> None:
    async with Service(delivery_first_seconds=3, delivery_budget_seconds=30) as s:
        s.receiver(HOOK).down()
        await s.function("f", answers=["ok"], on_success=HOOK)
        id = await s.invoke("f")
        await s.clock.advance(100)
        first = s.receiver(HOOK).tries[0].at
        assert [(attempt.at - first) / 1000 for attempt in s.receiver(HOOK).tries] == [
            0,
            3,
            9,
            21,
            30,
        ]
        assert (await s.show(id)).deliveries[0].state == "dead"


async def test_delivery_concurrency_is_the_most_tries_under_way_at_one_destination() -> None:
    async with Service(delivery_concurrency=3) as s:
        await s.function("f", answers=["ok"], on_success=HOOK)
        under_way, most = [0], [0]
        send, barrier = s.engine.parts.deliver.attempts.send, asyncio.Event()

        async def counted(*args: object) -> object:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
            await barrier.wait()
            under_way[0] -= 1
            return await send(*args)

        s.engine.parts.deliver.attempts.send = counted
        for _ in range(10):
            await s.invoke("f")
        await s.settle()
        assert under_way == [3]
        barrier.set()
        await s.settle()
        assert most == [3] and len(s.receiver(HOOK).got) == 10


async def test_record_preview_bytes_max_bounds_the_bodies_in_a_record() -> None:
    async with Service(record_preview_bytes_max=100) as s:
        await s.function("f", answers=[Ok("y" * 50_000)], on_success=HOOK)
        await s.invoke("f", b'"' + b"x" * 50_000 + b'"')
        await s.settle()
        assert len(str(s.receiver(HOOK).got[0])) < 3000


async def test_claim_max_bounds_what_one_claim_takes() -> None:
    async with Service(claim_max=2) as s:
        await s.function("f", answers=["ok"], concurrency=0)
        for _ in range(6):
            await s.invoke("f")
        claims, ask = [], s.engine.parts.writer.claim
        s.engine.parts.writer.claim = lambda claim, done: (
            claims.append(claim.limit),
            ask(claim, done),
        )
        await s.function("f", concurrency=10)
        await s.settle()
        assert max(claims) == 2 and len(s.starts("f")) == 6


async def test_sync_queue_seconds_is_how_long_a_synchronous_call_waits() -> None:
    async with Service(sync_queue_seconds=2) as s:
        await s.function("f", answers=[Forever()], concurrency=1, timeout_seconds=3600)
        await s.invoke("f")
        call = asyncio.ensure_future(s.engine.invoke("f", b""))
        await s.clock.advance(1.9)
        assert not call.done()
        await s.clock.advance(0.2)
        assert call.done() and call.exception() is not None


async def test_max_event_age_and_retries_are_those_at_the_time(s: Service) -> None:
    await s.function("f", answers=[Error()], max_retries=8, max_event_age_seconds=5)
    id = await s.invoke("f")
    await s.clock.advance(60)
    assert (await s.show(id)).state is State.EXPIRED


async def test_payload_bytes_max_is_the_largest_payload() -> None:
    async with Service(payload_bytes_max=10) as s:
        await s.function("f", answers=["ok"])
        await s.invoke("f", b"0123456789")
        with pytest.raises(PayloadTooLarge):
            await s.invoke("f", b"0123456789x")


async def test_node_name_is_how_the_node_calls_itself() -> None:
    async with Service(node_name="here") as s:
        said: list[str] = []
        s.notices.on(NodeDraining, lambda notice: said.append(notice.name))
        await s.stop_service()
        assert said == ["here"]


async def test_minutes_retention_seconds_is_how_long_minutes_are_kept() -> None:
    for seconds, kept in ((600.0, False), (90_000.0, True)):
        async with Service(minutes_retention_seconds=seconds) as s:
            s.engine.minutes.count("f", "calls")
            await s.clock.advance(7200)
            assert bool(await s.engine.minutes.read(0, 1 << 50)) is kept


async def test_prune_interval_seconds_is_how_often_it_is_pruned() -> None:
    for interval, gone in ((60.0, True), (9000.0, False)):
        async with Service(prune_interval_seconds=interval, payload_retention_seconds=1.0) as s:
            await s.function("f", answers=["ok"])
            await s.clock.advance(1)  # the first round is over
            id = await s.invoke("f", {"n": 1})
            await s.clock.advance(600)
            body, _ = await s.store.payload(number(id))
            assert (body.data is None) is gone


async def test_platform_wait_caps_are_those_of_a_contract() -> None:
    async with Service(platform_wait_caps={"fc": 2.0}, platform_budget_seconds=60) as s:
        for contract, starts in (
            ("fc", [0.0, 0.5, 1.5, 3.5, 5.5, 7.5]),
            ("native", [0.0, 0.5, 1.5, 3.5, 7.5, 15.5]),
        ):
            await s.function(contract, answers=[PlatformError()], contract=contract)
            await s.invoke(contract)
            await s.clock.advance(30)
            found = s.starts(contract)
            assert [round(item - found[0], 3) for item in found[:6]] == starts
