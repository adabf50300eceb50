"""The store is full or away: nothing acknowledged, nothing forgotten, all goes on afterwards."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from thence.catalog.control import Control
from thence.errors import Draining, StoreDamaged, StoreUnavailable
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import Reason, State
from thence.notices import Notice, StoreBack, StoreLost
from thence.store.records import Batch, Claim, MailboxPut, StopMark
from thence.testing import Error, Forever, Ok, Service
from thence.testing.service import gather_now

HOOK = "https://hooks.example.com/x"


async def test_while_the_disk_is_full_accepts_are_refused_and_nothing_is_stored(
    s: Service,
) -> None:
    await s.function("f", answers=["ok"])
    s.disk_full(10)
    with pytest.raises(StoreUnavailable):
        await s.invoke("f")
    with pytest.raises(StoreUnavailable):
        await s.invoke("f")
    await s.clock.advance(10.5)
    id = await s.invoke("f")
    await s.settle()
    assert (await s.show(id)).state is State.SUCCEEDED and len(s.starts("f")) == 1
    assert (await s.engine.stats()).accepted == 1


async def test_the_outage_is_said_once_and_its_end_too(s: Service) -> None:
    await s.function("f", answers=["ok"])
    seen: list[Notice] = []
    s.notices.on(StoreLost, seen.append)
    s.notices.on(StoreBack, seen.append)
    s.disk_full(10)
    answers = await gather_now(s, *[s.invoke("f") for _ in range(5)])
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    await s.clock.advance(60)
    assert [type(item) for item in seen] == [StoreLost, StoreBack]
    assert isinstance(seen[1], StoreBack) and 10 <= seen[1].seconds <= 11


async def test_what_ends_during_the_outage_is_settled_after_it(s: Service) -> None:
    await s.function("f", answers=[Ok("done", seconds=5)], on_success=HOOK)
    ids = [await s.invoke("f") for _ in range(5)]
    s.disk_full(20)
    await s.clock.advance(10)
    assert {(await s.show(id)).state for id in ids} == {State.RUNNING}
    assert s.receiver(HOOK).got == []  # nothing is delivered before it is on disk
    await s.clock.advance(15)
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED}
    assert len(s.receiver(HOOK).got) == 5 and len(s.starts("f")) == 5


async def test_what_waited_is_dispatched_as_soon_as_the_store_is_back(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=5)], concurrency=1)
    for _ in range(3):
        await s.invoke("f")
    s.disk_full(20)
    await s.clock.advance(40)
    assert len(s.starts("f")) == 3
    assert s.starts("f")[1] <= 21.0


async def test_a_stop_asked_during_the_outage_is_refused_at_once_and_what_runs_goes_on(
    s: Service,
) -> None:
    await s.function("f", answers=[Error(seconds=60)] * 4 + ["ok"] * 3, max_retries=1)
    ids = [await s.invoke("f") for _ in range(4)]
    await s.clock.advance(1)
    s.disk_full(10)
    # The first is the write that finds the store away; of the second two are asked together.
    for asked in (ids[:1], [ids[1], ids[1]], ids[2:3]):
        refused = await gather_now(s, *[s.stop(id) for id in asked])
        assert [type(item) for item in refused] == [StoreUnavailable] * len(asked)
    assert {(await s.show(id)).state for id in ids} == {State.RUNNING}
    await s.clock.advance(20)
    assert {(await s.show(id)).state for id in ids} == {State.RUNNING}, "none is made later"
    assert (await s.stop(ids[3])).state is State.STOPPING
    await s.clock.advance(60)
    views = [await s.show(id) for id in ids]
    assert [view.state for view in views] == [State.SUCCEEDED] * 3 + [State.STOPPED]
    assert len(s.starts("f")) == 7  # what ended after the refusal was tried again as ever


async def test_what_runs_of_a_disabled_function_and_cannot_be_stopped_is_said(s: Service) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=36_000)
    ids = [await s.invoke("f") for _ in range(2)]
    await s.clock.advance(1)
    commit = s.store.commit

    async def away(batch: Batch) -> object:
        raise StoreUnavailable("The store does not answer.")

    s.store.commit = away
    with pytest.raises(StoreUnavailable, match=r"is disabled, and 2 of what runs .* not answer"):
        await s.ask(s.engine.functions.put_control("f", Control(disabled="broken"), abort=True))
    assert s.engine.functions.control("f").disabled == "broken"
    s.store.commit = commit
    await s.clock.advance(60)
    assert {(await s.show(id)).state for id in ids} == {State.RUNNING}
    await s.stop(ids[0])
    await s.engine.functions.put_control("f", Control(disabled="broken"), abort=True)
    await s.settle()
    reasons = [(await s.show(id)).reason for id in ids]
    assert reasons == [Reason.STOPPED_BY_CALLER, Reason.FUNCTION_DISABLED]


async def test_who_asks_while_a_store_rests_that_is_well_and_cannot_commit_is_told_at_once(
    s: Service,
) -> None:
    s.receiver(HOOK).down(5)
    await s.function("f", answers=["ok"], on_success=HOOK)
    await s.function("g", answers=["ok"], concurrency=0)
    owes, waits = await s.invoke("f"), await s.invoke("g")
    await s.settle()
    commit, writer, tries = s.store.commit, s.engine.parts.writer, []

    async def away(batch: Batch) -> object:
        tries.append(batch)
        raise StoreUnavailable("The store does not answer.")

    s.store.commit = away
    for _ in range(12):  # each probe succeeds and each commit fails, so it rests ever longer
        await gather_now(s, s.invoke("f"))
        await s.clock.advance(31)
    await gather_now(s, s.invoke("f"))
    assert writer.outage.down
    tries.clear()
    mail = MailboxPut("queue", "q", "", b"x", "text/plain", {}, s.clock.now(), None, "")
    put = writer.wait(writer.put_mail, mail)
    claim = writer.wait(writer.claim, Claim(1, 1, 1, 0))
    for item in await gather_now(s, s.stop(waits), put, claim):
        assert isinstance(item, StoreUnavailable) and "does not answer" in item.detail
    assert not tries, "refused, and not tried"
    s.store.commit = commit
    await s.clock.advance(60)
    assert (await s.show(owes)).deliveries[0].state == "delivered"
    assert (await s.show(waits)).state is State.QUEUED
    assert (await s.stop(waits)).state is State.STOPPED


async def test_a_synchronous_call_gets_the_slot_that_it_waits_for_during_the_outage(
    s: Service,
) -> None:
    await s.function("f", answers=[Ok(seconds=3)] * 5, concurrency=1)
    await s.invoke("f")  # holds the slot for three seconds
    backlog = await s.invoke("f")
    s.disk_full(60)
    with pytest.raises(StoreUnavailable):
        await s.invoke("f")
    calls = [asyncio.ensure_future(s.ask(s.engine.invoke("f", b"1"))) for _ in range(2)]
    await s.clock.advance(9.5)
    assert s.engine.parts.writer.outage.down and all(call.done() for call in calls)
    assert [call.result()[1].outcome for call in calls] == [Outcome.OK] * 2
    assert s.starts("f") == [0.0, 3.0, 6.0]
    await s.clock.advance(60)
    assert (await s.show(backlog)).state is State.SUCCEEDED
    lane = s.engine.parts.lanes.all()[0]
    assert (lane.reserved, lane.under_way, lane.family.used) == (0, 0, 0)


async def test_a_synchronous_call_gets_the_slot_that_was_promised_to_a_claim_that_failed(
    s: Service,
) -> None:
    await s.function("f", answers=[Ok(seconds=3)] * 5, concurrency=0)
    backlog = await s.invoke("f")
    commit, came, goes_on = s.store.commit, asyncio.Event(), asyncio.Event()

    async def slow_claims(batch: Batch) -> object:
        if batch.claims and not came.is_set():
            came.set()
            await goes_on.wait()
        return await commit(batch)

    s.store.commit = slow_claims
    await s.function("f", concurrency=1)
    await came.wait()  # the slot is promised to the backlog
    call = asyncio.ensure_future(s.ask(s.engine.invoke("f", b"1")))
    await s.settle()
    s.disk_full(60)
    goes_on.set()
    await s.clock.advance(4)
    assert s.engine.parts.writer.outage.down and call.done()
    assert call.result()[1].outcome is Outcome.OK
    await s.clock.advance(60)
    assert (await s.show(backlog)).state is State.SUCCEEDED
    lane = s.engine.parts.lanes.all()[0]
    assert (lane.reserved, lane.under_way, lane.family.used) == (0, 0, 0)


async def test_what_is_due_during_the_outage_starts_after_it(s: Service) -> None:
    await s.function("f", answers=["ok"])
    await s.invoke("f", delay_seconds=10)
    await s.clock.advance(1)
    s.store_down(30)
    await s.clock.advance(60)
    assert len(s.starts("f")) == 1 and 31.0 <= s.starts("f")[0] <= 37.0


async def test_an_outage_longer_than_the_lease_loses_nothing_that_runs(s: Service) -> None:
    await s.function("f", answers=[Ok("done", seconds=900)], timeout_seconds=3600)
    id = await s.invoke("f")
    await s.clock.advance(1)
    s.store_down(600)
    await s.clock.advance(1000)
    view = await s.show(id)
    assert view.state is State.SUCCEEDED and len(view.attempts) == 1
    assert s.starts("f") == [0.0]


async def test_a_machine_that_slept_longer_than_the_lease_loses_nothing_that_runs(
    s: Service,
) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=36_000)
    await s.invoke("f")
    s.clock.skip(3600)  # every timer is late
    await s.clock.advance(60)
    assert s.starts("f") == [0.0]


async def test_expiry_goes_on_after_the_outage(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0, max_event_age_seconds=10)
    id = await s.invoke("f")
    s.store_down(60)
    await s.clock.advance(130)
    assert (await s.show(id)).state is State.EXPIRED


async def test_deliveries_go_on_after_the_outage(s: Service) -> None:
    s.receiver(HOOK).down(5)
    await s.function("f", answers=["ok"], on_success=HOOK)
    await s.invoke("f")
    await s.clock.advance(1)
    s.store_down(60)
    await s.clock.advance(300)
    assert len(s.receiver(HOOK).got) == 1


async def test_a_deletion_during_the_outage_is_refused_and_possible_after_it(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    id = await s.invoke("f")
    s.disk_full(10)
    with pytest.raises(StoreUnavailable):
        await s.delete("f")
    assert s.engine.parts.catalogue.names() == ["f"]
    await s.clock.advance(11)
    await s.delete("f")
    assert (await s.show(id)).state is State.INVALID


async def test_an_outage_while_a_deleted_function_retires_ends_what_waits_later(
    s: Service,
) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    ids = [await s.invoke("f") for _ in range(5)]
    await s.engine.functions.delete("f")
    s.disk_full(10)
    await s.clock.advance(30)
    assert {(await s.show(id)).state for id in ids} == {State.INVALID}


async def test_a_crash_during_the_outage_loses_nothing_that_was_accepted(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1), Ok(seconds=1), "ok"], concurrency=2)
    ids = [await s.invoke("f") for _ in range(5)]
    s.disk_full(3600)
    await s.clock.advance(5)
    await s.kill()
    s.disk_full(0)
    await s.start()
    await s.clock.advance(60)
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED}


async def test_outages_again_and_again_end_with_everything_done(s: Service) -> None:
    await s.function("f", answers=[Error(), Ok(seconds=0.5)], concurrency=3, on_success=HOOK)
    ids = [await s.invoke("f") for _ in range(30)]
    for _ in range(8):
        s.store_down(1.7)
        await s.clock.advance(2.9)
        s.disk_full(1.1)
        await s.clock.advance(2.3)
    await s.clock.advance(600)
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED}
    assert len(s.receiver(HOOK).got) == 30


async def test_what_expires_while_only_reads_fail_does_not_make_dispatch_spin(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=5)], concurrency=1, max_event_age_seconds=10)
    for _ in range(4):
        await s.invoke("f")
    await s.clock.advance(9)
    # The round that would expire them fails, and no commit notices it.
    reads = s.store.expiring
    failures = [1, 2, 3]

    async def expiring(now: int, limit: int) -> object:
        if failures:
            failures.pop()
            raise StoreUnavailable("not now")
        return await reads(now, limit)

    s.store.expiring = expiring
    await s.clock.advance(30)
    assert failures == [] and len(s.starts("f")) == 2
    assert (await s.engine.stats()).expired == 2


async def test_a_driver_that_fails_while_it_is_probed_does_not_end_the_writer(s: Service) -> None:
    await s.function("f", answers=["ok"])
    healthy, probes = s.store.healthy, []

    async def broken_at_first() -> bool:
        probes.append(s.clock.now())
        if len(probes) < 3:
            raise OSError("the driver is confused")
        return bool(await healthy())

    s.store.healthy = broken_at_first
    s.disk_full(0.1)
    with pytest.raises(StoreUnavailable):
        await s.invoke("f")
    await s.clock.advance(5)
    id = await s.invoke("f")
    await s.settle()
    assert (await s.show(id)).state is State.SUCCEEDED and len(probes) == 3


async def test_a_claim_that_the_store_cannot_take_is_made_again_without_another_event(
    s: Service,
) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    id = await s.invoke("f")
    commit, refused = s.store.commit, []

    async def commit_but_no_claim(batch: Batch) -> object:
        if batch.claims and not refused:
            refused.append(batch)
            raise RuntimeError("a mistake in a driver")
        return await commit(batch)

    s.store.commit = commit_but_no_claim
    await s.function("f", concurrency=1)
    await s.settle()
    assert refused and (await s.show(id)).state is State.QUEUED
    await s.clock.advance(10)
    assert (await s.show(id)).state is State.SUCCEEDED


async def test_where_a_driver_fails_and_the_store_goes_away_nobody_waits_for_it(s: Service) -> None:
    await s.function("f", answers=["ok"])
    commit, groups = s.store.commit, []

    async def fails_for_many(batch: Batch) -> object:
        if len(batch.accepts) > 1:
            groups.append(batch)
            s.disk_full(3600)  # each of them by itself then finds that
            raise RuntimeError("a mistake in a driver")
        return await commit(batch)

    s.store.commit = fails_for_many
    calls = [asyncio.ensure_future(s.invoke("f")) for _ in range(3)]
    await s.settle()
    assert groups and all(call.done() for call in calls)
    assert [type(call.exception()) for call in calls] == [StoreUnavailable] * 3
    s.disk_full(0)
    await s.clock.advance(1)
    await s.invoke("f")
    assert (await s.engine.stats()).accepted == 1


async def test_a_change_that_is_asked_for_after_the_end_is_answered(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    view = await s.show(await s.invoke("f"))
    writer = s.engine.parts.writer
    await s.stop_service()
    with pytest.raises(Draining):
        await writer.wait(writer.mark_stopping, StopMark(view.id, view.function_id, 1, 0))
    await s.start()


async def test_a_delivery_made_during_the_outage_is_not_made_again_after_it(s: Service) -> None:
    await s.function("f", answers=["ok"], on_success=HOOK)
    send = s.engine.parts.deliver.attempts.send

    async def send_while_the_disk_fills_up(*args: object) -> object:
        s.disk_full(20)
        return await send(*args)

    s.engine.parts.deliver.attempts.send = send_while_the_disk_fills_up
    id = await s.invoke("f")
    await s.settle()
    assert len(s.receiver(HOOK).got) == 1
    assert (await s.show(id)).deliveries[0].state == "pending"
    s.engine.parts.deliver.attempts.send = send
    await s.clock.advance(3600)
    delivery = (await s.show(id)).deliveries[0]
    assert (delivery.state, len(delivery.attempts)) == ("delivered", 1)
    assert len(s.receiver(HOOK).got) == 1


async def test_an_ending_that_the_store_cannot_take_is_a_platform_error_and_not_forgotten(
    s: Service,
) -> None:
    await s.function("f", answers=["cannot be stored", "ok"])
    commit = s.store.commit

    async def commit_but_not_that(batch: Batch) -> object:
        results = [settle.result.data for settle in batch.settles if settle.result is not None]
        if b'"cannot be stored"' in results:
            raise ValueError("the store does not take that")
        return await commit(batch)

    s.store.commit = commit_but_not_that
    id, other = await s.invoke("f"), await s.invoke("f")
    await s.clock.advance(10)
    views = [await s.show(id), await s.show(other)]
    assert [view.state for view in views] == [State.SUCCEEDED] * 2
    first = next(view for view in views if len(view.attempts) == 2).attempts[0]
    assert (first.error_type, first.outcome) == ("ResultNotStored", Outcome.PLATFORM_ERROR)
    assert not s.engine.parts.running


async def test_who_is_refused_while_the_store_is_away_is_told_why_it_is_away(s: Service) -> None:
    """Also by those who come after the one that met it."""
    await s.function("f", answers=["ok"])
    s.store_down(10)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"does not answer \(scripted\)"):
            await s.invoke("f")
    assert "does not answer" in s.engine.parts.writer.outage.refusal().detail


@pytest.mark.parametrize("damaged", [False, True])
async def test_refusals_of_a_long_outage_keep_nothing_of_who_was_refused(
    s: Service, damaged: bool
) -> None:
    await s.function("f", answers=["ok"])
    if damaged:
        s.engine.parts.writer.outage.condemn(StoreDamaged("store.db is damaged."))
    else:
        s.store_down(10)
    lengths = []
    for _ in range(20):
        with pytest.raises(StoreUnavailable) as refused:
            await s.invoke("f")
        lengths.append(len(list(traceback.walk_tb(refused.value.__traceback__))))
    assert lengths[-1] <= lengths[1], "each refusal holds the frames of all before it"
