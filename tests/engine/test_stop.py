"""stop: in every state, and when it races with the end."""

from __future__ import annotations

import asyncio

import pytest

from thence.errors import InvocationNotFound
from thence.lifecycle.ids import format_id
from thence.lifecycle.states import Reason, State
from thence.store.records import Batch, StopMark
from thence.testing import Error, Forever, Ok, Service
from thence.testing.service import gather_now

HOOK = "https://hooks.example.com/x"
STOPPED = (State.STOPPED, Reason.STOPPED_BY_CALLER)


async def ended(s: Service, id: str) -> tuple[object, object]:
    view = await s.show(id)
    return view.state, view.reason


async def test_what_waits_for_a_slot_is_stopped_at_once_and_owes_nothing(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0, on_success=HOOK, on_failure=HOOK)
    id = await s.invoke("f")
    assert (await s.stop(id)).state is State.STOPPED
    assert await ended(s, id) == STOPPED
    await s.clock.advance(60)
    assert s.starts("f") == [] and s.receiver(HOOK).tries == []


async def test_what_is_delayed_is_stopped_at_once(s: Service) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f", delay_seconds=60)
    assert (await s.stop(id)).state is State.STOPPED
    await s.clock.advance(120)
    assert await ended(s, id) == STOPPED and s.starts("f") == []


async def test_what_backs_off_is_stopped_at_once(s: Service) -> None:
    await s.function("f", answers=[Error()])
    id = await s.invoke("f")
    await s.settle()
    assert (await s.show(id)).state is State.RETRYING
    assert (await s.stop(id)).state is State.STOPPED
    await s.clock.advance(120)
    assert await ended(s, id) == STOPPED and s.starts("f") == [0.0]


async def test_what_runs_is_ended_and_never_tried_again(s: Service) -> None:
    await s.function("f", answers=[Forever()], max_retries=8, timeout_seconds=3600)
    id = await s.invoke("f")
    await s.clock.advance(5)
    assert (await s.stop(id)).state is State.STOPPING
    await s.clock.advance(3600)
    assert await ended(s, id) == STOPPED and s.starts("f") == [0.0]


async def test_a_stop_frees_the_slot_for_what_waits(s: Service) -> None:
    await s.function("f", answers=[Forever(), "ok"], concurrency=1, timeout_seconds=3600)
    first, second = await s.invoke("f"), await s.invoke("f")
    await s.stop(first)
    await s.settle()
    assert (await s.show(second)).state is State.SUCCEEDED


async def test_what_is_being_delivered_keeps_its_state_and_owes_nothing_more(s: Service) -> None:
    s.receiver(HOOK).down()
    await s.function("f", answers=["ok"], on_success=HOOK)
    id = await s.invoke("f")
    await s.clock.advance(10)
    stopped = await s.stop(id)
    assert (stopped.state, stopped.deliveries_stopped) == (State.SUCCEEDED, 1)
    tries = len(s.receiver(HOOK).tries)
    s.receiver(HOOK).up()
    await s.clock.advance(3600)
    view = await s.show(id)
    assert view.state is State.SUCCEEDED and view.deliveries[0].state == "stopped"
    assert len(s.receiver(HOOK).tries) == tries


async def test_what_is_over_does_not_change(s: Service) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f")
    await s.settle()
    stopped = await s.stop(id)
    assert (stopped.state, stopped.changed) == (State.SUCCEEDED, False)
    assert await ended(s, id) == (State.SUCCEEDED, Reason.OK)


async def test_an_unknown_invocation_cannot_be_stopped(s: Service) -> None:
    with pytest.raises(InvocationNotFound):
        await s.stop(12345 << 64)


@pytest.mark.parametrize("answer", ["ok", Error()])
@pytest.mark.parametrize("order", ["stop first", "end first", "together"])
async def test_a_stop_that_races_with_the_end_leaves_one_final_state(
    s: Service, answer: object, order: str
) -> None:
    ending = Ok(seconds=1) if answer == "ok" else Error(seconds=1)
    await s.function("f", answers=[ending], max_retries=3, on_success=HOOK, on_failure=HOOK)
    id = await s.invoke("f")
    await s.clock.advance(0.999)
    if order == "end first":
        await s.clock.advance(0.001)
        await s.stop(id)
    elif order == "stop first":
        stopping = asyncio.ensure_future(s.stop(id))
        await s.clock.advance(0.001)
        await stopping
    else:
        s.clock.call_at(s.clock.now() + 1, lambda: stops.append(asyncio.ensure_future(s.stop(id))))
        stops: list[asyncio.Future[object]] = []
        await s.clock.advance(0.001)
        await asyncio.gather(*stops)
    await s.clock.advance(600)
    view = await s.show(id)
    assert view.state in (State.SUCCEEDED, State.STOPPED) and len(s.starts("f")) == 1
    assert len(s.receiver(HOOK).got) == (1 if view.state is State.SUCCEEDED else 0)


async def test_a_stop_whose_run_ends_before_it_is_written_says_that_it_stopped_it(
    s: Service,
) -> None:
    await s.function("f", answers=[Error(seconds=1)], max_retries=3, on_failure=HOOK)
    await s.function("other", answers=[Forever()], timeout_seconds=3600)
    id = await s.invoke("f")
    commit, free = s.engine.parts.store.commit, asyncio.Event()

    async def slow(batch: Batch) -> object:
        await free.wait()
        return await commit(batch)

    s.engine.parts.store.commit = slow
    before = asyncio.ensure_future(s.invoke("other"))  # is on its way to the disk all the time
    await s.clock.advance(0.5)
    stop = asyncio.ensure_future(s.stop(id))
    await s.clock.advance(1)
    free.set()
    await gather_now(s, before, stop)
    assert await ended(s, id) == STOPPED
    assert stop.result().changed and len(s.receiver(HOOK).got) == 0


async def test_many_stops_of_one_invocation_are_one(s: Service) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=3600)
    id = await s.invoke("f")
    answers = await gather_now(s, *[s.stop(id) for _ in range(10)])
    assert {answer.state for answer in answers} <= {State.STOPPING, State.STOPPED}
    await s.settle()
    assert await ended(s, id) == STOPPED


async def test_a_stop_outlives_a_crash(s: Service) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=3600)
    id = await s.invoke("f")
    s.runtime.stop = lambda id: True  # the instance does not end before the crash
    await s.stop(id)
    assert (await s.show(id)).state is State.STOPPING
    await s.crash()
    await s.settle()
    assert await ended(s, id) == STOPPED and len(s.starts("f")) == 1


async def test_a_stop_while_the_lost_attempt_is_rescued_is_not_forgotten(s: Service) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=3600)
    id = await s.invoke("f")
    read_lost = s.store.lost
    marked: list[object] = []

    async def lost_then_stopped(now: int, limit: int) -> object:
        # Between the reading of the lost attempts and their settles, a caller stops one.
        found = await read_lost(now, limit)
        if found and not marked:
            mark = StopMark(found[0].id, found[0].function_id, found[0].attempt, now)
            marked.append(await s.store.commit(Batch(stops=[mark])))
        return found

    s.store.lost = lost_then_stopped
    await s.store.leave(s.engine.parts.node.incarnation)
    await s.clock.advance(60)
    assert marked and await ended(s, id) == STOPPED


async def test_a_stop_written_by_one_who_did_not_see_the_run_ends_it_after_its_attempt(
    s: Service,
) -> None:
    await s.function("f", answers=[Error(seconds=1)], max_retries=3)
    view = await s.show(await s.invoke("f"))
    writer, mark = s.engine.parts.writer, StopMark(view.id, view.function_id, 1, s.clock.now())
    await gather_now(s, writer.wait(writer.mark_stopping, mark))
    await s.clock.advance(600)
    assert await ended(s, format_id(view.id)) == STOPPED and s.starts("f") == [0.0]


async def test_a_stop_that_an_expiry_did_not_know_of_counts(s: Service) -> None:
    """The retry would come after the event age, so the attempt ends as expired; but it was stopping."""
    await s.function("f", answers=[Error(seconds=1.9)], max_retries=3, max_event_age_seconds=2)
    view = await s.show(await s.invoke("f"))
    writer, mark = s.engine.parts.writer, StopMark(view.id, view.function_id, 1, s.clock.now())
    await gather_now(s, writer.wait(writer.mark_stopping, mark))
    await s.clock.advance(600)
    assert await ended(s, format_id(view.id)) == STOPPED and s.starts("f") == [0.0]
    assert await s.verify() == []
