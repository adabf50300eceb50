"""Deploying, replacing and deleting; cycles and lineages."""

from __future__ import annotations

from typing import Any

import pytest

from thence.catalog.async_config import AsyncConfig
from thence.engine.entries import DELETED
from thence.errors import DestinationCycle, FunctionNotFound, InvalidInput, StoreUnavailable
from thence.lifecycle.lineage import HOPS_MAX
from thence.lifecycle.states import FINAL, Reason, State
from thence.notices import DeliveryAttempted
from thence.testing import Error, Forever, Ok, Service

HOOK = "https://hooks.example.com/x"


async def test_what_waits_for_a_deleted_function_becomes_invalid(s: Service) -> None:
    await s.function("f", answers=[Error(), "ok"], concurrency=1, on_failure=HOOK)
    retrying = await s.invoke("f")
    await s.settle()
    await s.function("f", concurrency=0, on_failure=HOOK)
    queued, delayed = await s.invoke("f"), await s.invoke("f", delay_seconds=3600)
    await s.delete("f")
    for id in (retrying, queued, delayed):
        view = await s.show(id)
        assert (view.state, view.reason) == (State.INVALID, Reason.FUNCTION_DELETED)
    assert len(s.receiver(HOOK).got) == 3
    with pytest.raises(FunctionNotFound):
        await s.invoke("f")


async def test_what_runs_may_finish_after_the_deletion_but_is_not_retried(s: Service) -> None:
    await s.function("f", answers=[Ok("done", seconds=5), Error(seconds=5)], max_retries=3)
    good, bad = await s.invoke("f"), await s.invoke("f")
    await s.settle()
    await s.delete("f")
    await s.clock.advance(60)
    assert (await s.show(good)).state is State.SUCCEEDED
    assert (await s.show(bad)).state is State.INVALID and len(s.starts("f")) == 2


async def test_an_accept_that_meets_the_deletion_reaches_a_final_state(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=1)
    answers: list[Any] = []
    for _ in range(5):
        s.engine.accept("f", b"1", lambda accepted, error: answers.append(accepted))
    await s.engine.functions.delete("f")  # before any of them is on disk
    await s.clock.advance(10)
    found = [(await s.show(answer.id)).state for answer in answers]
    assert len(found) == 5 and set(found) == {State.INVALID}


async def test_a_backlog_of_hundreds_retires_over_a_crash(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    ids = [await s.invoke("f") for _ in range(450)]
    await s.engine.functions.delete("f")
    await s.crash()
    assert {(await s.show(id)).state for id in ids} == {State.INVALID}


async def test_a_lost_attempt_of_a_deleted_function_becomes_invalid(s: Service) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=3600)
    id = await s.invoke("f")
    await s.delete("f")
    await s.crash()
    assert (await s.show(id)).state is State.INVALID and len(s.starts("f")) == 1


async def test_functions_that_came_and_went_leave_nothing_in_memory(s: Service) -> None:
    await s.function("stays", answers=["ok"])
    before = len(s.engine.parts.lanes.all()), len(s.engine.parts.lanes.families())
    ids = []
    for number in range(100):
        name = f"gone-{number}"
        await s.function(name, answers=["ok", Error()], on_failure=HOOK)
        await s.engine.functions.put_async_config(name, "latest", AsyncConfig(max_retries=1))
        ids += [await s.invoke(name), await s.invoke(name, delay_seconds=86_400)]
        if number % 2:
            await s.clock.advance(1)
        await s.engine.functions.delete(name)
    await s.clock.advance(60)
    assert (len(s.engine.parts.lanes.all()), len(s.engine.parts.lanes.families())) == before
    assert (
        len(s.engine.parts.dispatch._later) == 0
        and s.engine.parts.catalogue.entries.all(DELETED) == []
    )
    assert {(await s.show(id)).state for id in ids} <= FINAL


async def test_the_lane_of_a_deleted_function_stays_while_an_attempt_runs(s: Service) -> None:
    await s.function("f", answers=[Ok("done", seconds=60)], on_success=HOOK)
    id = await s.invoke("f")
    await s.delete("f")
    await s.clock.advance(30)
    assert len(s.engine.parts.lanes.all()) == 1
    await s.crash()
    await s.clock.advance(30)
    assert (await s.show(id)).state is State.INVALID and s.engine.parts.lanes.all() == []


async def test_a_lane_that_becomes_busy_while_the_store_is_asked_is_dropped_later(
    s: Service,
) -> None:
    await s.function("f", answers=["ok"])
    lane, live = s.engine.parts.catalogue.lane("f"), s.engine.parts.store.live

    async def live_and_busy(ids: list[int]) -> set[int]:
        found: set[int] = await live(ids)
        lane.slots.take(lane)
        return found

    s.engine.parts.retire._store.live = live_and_busy
    await s.delete("f")
    assert s.engine.parts.lanes.all() == [lane]
    s.engine.parts.retire._store.live = live
    lane.slots.release(lane)
    await s.clock.advance(6)
    assert s.engine.parts.lanes.all() == []


async def test_what_was_kept_for_a_deleted_function_goes_though_the_store_was_away(
    s: Service,
) -> None:
    await s.function("f", answers=["ok"])
    await s.engine.functions.put_async_config("f", "latest", AsyncConfig(max_retries=1))
    forget = s.engine.parts.catalogue.forget
    asked = 0

    async def once_in_vain(family: Any) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise StoreUnavailable("The store cannot write now.")
        await forget(family)

    s.engine.parts.catalogue.forget = once_in_vain
    await s.delete("f")
    assert s.engine.parts.catalogue.entries.all(DELETED)
    await s.clock.advance(6)
    assert s.engine.parts.catalogue.entries.all(DELETED) == [] and asked == 2


async def test_a_delivery_of_a_function_that_is_forgotten_is_told_by_its_name(s: Service) -> None:
    told: list[DeliveryAttempted] = []
    s.notices.on(DeliveryAttempted, told.append)
    await s.function("f", answers=["ok"], on_success=HOOK)
    s.receiver(HOOK).answers(*[503] * 10)
    id = await s.invoke("f")
    await s.settle()
    await s.delete("f")
    await s.clock.advance(60)
    assert s.engine.parts.lanes.all() == [] and len(told) > 2
    assert {item.function for item in told} == {"f"} and (await s.show(id)).deliveries


async def test_what_is_accepted_for_a_lane_that_was_dropped_has_it_again(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    lane = s.engine.parts.lanes.all()[0]
    await s.delete("f")
    await s.clock.advance(30)
    assert s.engine.parts.lanes.all() == []
    answers: list[Any] = []
    s.engine.parts.accept.accept(
        lane.called, b"1", lambda accepted, error: answers.append(accepted)
    )
    await s.clock.advance(30)
    assert (await s.show(answers[0].id)).state is State.INVALID and s.engine.parts.lanes.all() == []


async def test_a_name_deployed_again_is_another_function(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    old = await s.invoke("f")
    await s.delete("f")
    await s.function("f")
    new = await s.invoke("f")
    await s.settle()
    assert (await s.show(old)).state is State.INVALID
    assert (await s.show(new)).state is State.SUCCEEDED


async def test_a_new_configuration_holds_for_what_waits_already(s: Service) -> None:
    wait = {"first_seconds": 10, "jitter": "none", "factor": 1}
    await s.function("f", answers=[Error()], max_retries=8, retry_wait=wait)
    id = await s.invoke("f")
    await s.clock.advance(15)
    await s.function("f", max_retries=2, retry_wait=wait, on_failure=HOOK)
    await s.clock.advance(60)
    assert s.starts("f") == [0.0, 10.0, 20.0] and (await s.show(id)).state is State.FAILED
    assert len(s.receiver(HOOK).got) == 1


async def test_a_cycle_of_destinations_is_refused_and_spelled_out(s: Service) -> None:
    await s.function("a", on_success="function:b")
    await s.function("b", on_failure="function:c")
    with pytest.raises(DestinationCycle) as refused:
        await s.function("c", on_success="function:a")
    assert refused.value.fields["cycle"] in (["c", "a", "b", "c"], ["a", "b", "c", "a"])
    assert s.engine.parts.catalogue.names() == ["a", "b"]


@pytest.mark.parametrize(
    ("written", "endings"),
    [
        ({"on_success": "function:d"}, ["on_success"]),
        ({"on_success": "queue:q", "on_failure": "function:d"}, ["on_failure"]),
        ({"on_success": "function:a", "on_failure": "function:d"}, ["on_failure"]),
        ({"on_success": "function:d", "on_failure": "function:d"}, ["on_success", "on_failure"]),
    ],
)
async def test_a_cycle_is_laid_to_the_destination_that_makes_it(
    s: Service, written: dict[str, str], endings: list[str]
) -> None:
    await s.function("a", on_success="queue:q")
    with pytest.raises(DestinationCycle) as refused:
        await s.function("d", **written)
    error = refused.value
    assert (error.fields["field"], error.fields["endings"]) == (endings[0], endings)
    assert error.detail.startswith(f"{' and '.join(endings)}: these destinations form a cycle")


async def test_a_destination_with_an_unknown_version_is_refused(s: Service) -> None:
    await s.function("b")
    for qualifier in ("v1", "7"):
        with pytest.raises(InvalidInput) as refused:
            await s.function("a", on_success=f"function:b@{qualifier}")
        assert refused.value.fields["field"] == "on_success"
        assert refused.value.fields["value"] == qualifier


async def test_a_lineage_stops_at_16_hops(s: Service) -> None:
    length = HOPS_MAX + 3
    for n in reversed(range(length)):
        target = {"on_success": f"function:f{n + 1}"} if n + 1 < length else {}
        await s.function(f"f{n}", answers=["ok"], **target)
    first = await s.invoke("f0")
    await s.clock.advance(60)
    ran = [start.function for start in s.scripts.starts]
    assert ran == [f"f{n}" for n in range(HOPS_MAX + 1)]
    last = await s.show(s.scripts.starts[-1].id)
    assert last.meta.lineage is not None
    assert (last.meta.lineage.root, last.meta.lineage.hops) == (first, HOPS_MAX)
    assert (last.deliveries[0].state, last.deliveries[0].reason) == ("dead", "too_many_hops")


async def test_a_redriven_invocation_keeps_its_lineage(s: Service) -> None:
    await s.function("b", answers=[Error()], max_retries=0)
    await s.function("a", answers=["ok"], on_success="function:b")
    await s.invoke("a")
    await s.settle()
    (failed,) = [start.id for start in s.scripts.starts if start.function == "b"]
    new = await s.redrive(failed)
    assert (await s.show(new)).meta.lineage == (await s.show(failed)).meta.lineage
