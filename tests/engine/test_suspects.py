"""Suspects: what was lost with a node runs one at a time and alone; innocents are not charged."""

from __future__ import annotations

import asyncio

import pytest

from thence.catalog.control import Control
from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import Reason, State
from thence.runtimes.interface import Run
from thence.testing import Forever, Lost, Ok, Service

LONG = {"timeout_seconds": 36_000}


async def test_innocents_beside_a_poison_end_well_and_it_alone_is_quarantined(s: Service) -> None:
    await s.function("poison", answers=[Forever()], **LONG)
    poison = await s.invoke("poison")
    good = []
    for n in range(5):
        await s.function(f"good{n}", answers=[Ok(seconds=0.5)])
        good.append(await s.invoke(f"good{n}"))
    kills = 0
    while (await s.show(poison)).state is not State.FAILED:
        assert await s.clock.advance_until(
            lambda: any(name == "poison" for name, _ in s.runtime.running()), 600
        )
        if kills:
            assert len(s.runtime.running()) == 1  # nothing beside a suspect
        await s.crash()
        kills += 1
    await s.clock.advance(60)
    view = await s.show(poison)
    assert (view.reason, kills, view.spent.losses_used) == (Reason.SUSPECTED_POISON, 4, 4)
    for id in good:
        view = await s.show(id)
        assert (view.state, view.spent.losses_used) == (State.SUCCEEDED, 1)


async def test_hundreds_of_suspects_run_one_at_a_time(s: Service) -> None:
    for n in range(20):
        await s.function(f"f{n}", answers=[Forever()], **LONG)
    ids = [await s.invoke(f"f{n % 20}") for n in range(100)]
    await s.kill()
    most = 0

    def answer(run: Run) -> Ok:
        nonlocal most
        most = max(most, len(s.runtime.running()))
        assert run.alone and run.previous_may_have_run
        return Ok(seconds=0.01)

    for n in range(20):
        s.scripts.set(f"f{n}", answer)
    await s.start()
    await s.clock.advance(5)
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED} and most == 1


async def test_a_run_is_alone_only_where_it_was_lost(s: Service) -> None:
    """`alone`: it shares no instance with others (tests/runtimes/test_pool.py)."""
    seen: list[tuple[str, bool]] = []

    def note(run: Run) -> Ok:
        seen.append((run.function.name, run.alone))
        return Ok()

    await s.function("lost", answers=[Forever()], **LONG)
    await s.function("other", answers=note)
    await s.invoke("lost")
    await s.kill()
    s.scripts.set("lost", note)
    await s.start()
    await s.invoke("other")
    await s.clock.advance(1)
    assert sorted(seen) == [("lost", True), ("other", False)]


async def test_what_ran_beside_a_suspect_is_not_charged_for_its_loss(s: Service) -> None:
    await s.function("suspect", answers=[Forever()], **LONG)
    suspect = await s.invoke("suspect")
    await s.crash()
    await s.clock.advance(6)  # its time alone is over: others go on beside it
    await s.function("other", answers=[Forever(), "ok"], **LONG)
    other = await s.invoke("other")
    await s.settle()
    assert len(s.runtime.running()) == 2
    await s.crash()
    await s.clock.advance(10)
    view = await s.show(other)
    assert view.state is State.SUCCEEDED and view.spent.losses_used == 0
    assert [(attempt.outcome, attempt.budget) for attempt in view.attempts] == [
        (Outcome.LOST, None),
        (Outcome.OK, None),
    ]
    last = [start for start in s.scripts.starts if start.function == "other"][-1]
    assert last.previous_may_have_run
    view = await s.show(suspect)
    assert view.spent.losses_used == 2 and view.attempts[1].budget is Budget.LOSSES


async def test_an_innocent_is_never_charged_however_often_what_it_ran_beside_is_lost() -> None:
    async with Service(losses_max=10) as s:
        await s.function("suspect", answers=[Forever()], **LONG)
        await s.invoke("suspect")
        await s.crash()
        await s.function("other", answers=[Forever()], **LONG)
        other = await s.invoke("other")
        for _ in range(6):
            await s.clock.advance(30)
            assert len(s.runtime.running()) == 2
            await s.crash()
        view = await s.show(other)
        assert view.spent.losses_used == 0 and len(view.attempts) == 7
        assert await s.verify() == []


async def test_a_long_suspect_holds_others_back_for_a_moment_only(s: Service) -> None:
    await s.function("suspect", answers=[Forever()], **LONG)
    await s.invoke("suspect")
    await s.crash()
    await s.function("other", answers=["ok"])
    id = await s.invoke("other")
    why = await s.why(id)
    assert why is not None and why.code == "held_back"
    call = asyncio.ensure_future(s.engine.invoke("other", b"1"))
    await s.clock.advance(10)
    assert s.starts("other") == [5.0, 5.0]
    assert (await call)[1].outcome is Outcome.OK


async def test_suspects_take_no_more_than_half_of_the_time() -> None:
    async with Service(suspect_alone_seconds=4) as s:
        await s.function("suspect", answers=[Forever()], concurrency=20, **LONG)
        for _ in range(10):
            await s.invoke("suspect")
        await s.kill()
        s.scripts.set("suspect", [Ok(seconds=1)])
        await s.start()
        await s.function("other", answers=["ok"], concurrency=1)
        for _ in range(200):
            await s.invoke("other")
            await s.clock.advance(0.1)
        await s.clock.advance(1)
        starts = s.starts("other")
        assert len(starts) == 200
        late = [start - n * 0.1 for n, start in enumerate(starts)]
        assert max(late) <= 1.1 and sum(item > 0.001 for item in late) <= 110
        assert len(s.starts("suspect")) == 20  # ten lost, ten again


@pytest.mark.parametrize(("seconds", "begins"), [(1, 1.0), (100, 2.5)])
async def test_a_suspect_waits_for_what_runs_but_not_for_ever(
    s: Service, seconds: float, begins: float
) -> None:
    answers = [Lost(), "ok"]
    await s.function("suspect", answers=answers)
    await s.function("other", answers=[Ok(seconds=seconds)])
    await s.invoke("other")
    await s.invoke("suspect")
    await s.clock.advance(10)
    first, second = s.starts("suspect")
    assert first == 0 and begins <= second <= begins + 0.05


async def test_a_suspect_that_may_not_run_holds_nobody_back(s: Service) -> None:
    await s.function("suspect", answers=[Lost(), "ok"])
    await s.function("other", answers=["ok"])
    await s.engine.functions.put_control("suspect", Control(limit=1))
    suspect = await s.invoke("suspect")
    s.engine.parts.catalogue.family("suspect").take(Control(limit=0))
    for _ in range(50):
        await s.invoke("other")
        await s.clock.advance(0.1)
    assert len(s.starts("other")) == 50 and len(s.starts("suspect")) == 1
    assert (await s.show(suspect)).state is State.RETRYING
    await s.engine.functions.put_control("suspect", Control())
    await s.clock.advance(2)
    assert (await s.show(suspect)).state is State.SUCCEEDED


@pytest.mark.parametrize("ends", ["stop", "age", "deletion"])
async def test_a_suspect_that_waits_ends_as_others_do(s: Service, ends: str) -> None:
    await s.function("first", answers=[Forever()], **LONG)
    await s.function("suspect", answers=[Forever()], max_event_age_seconds=60, **LONG)
    await s.invoke("first")
    id = await s.invoke("suspect")
    await s.crash()
    why = await s.why(id)
    assert why is not None and why.code == "suspect"
    if ends == "stop":
        await s.stop(id)
    elif ends == "age":
        await s.clock.advance(61)
    else:
        await s.delete("suspect")
        await s.clock.advance(1)
    states = {"stop": State.STOPPED, "age": State.EXPIRED, "deletion": State.INVALID}
    assert (await s.show(id)).state is states[ends]
    assert len(s.starts("suspect")) == 1


async def test_a_drain_in_a_suspects_turn_charges_nobody(s: Service) -> None:
    await s.function("suspect", answers=[Forever()], **LONG)
    id = await s.invoke("suspect")
    await s.crash()
    await s.restart(grace_seconds=1)
    await s.restart(grace_seconds=1)
    view = await s.show(id)
    assert view.spent.losses_used == 1 and view.state is State.RUNNING


async def test_long_suspects_run_one_by_one_and_side_by_side_when_they_are_redriven(
    s: Service,
) -> None:
    await s.function("f", answers=[Ok(seconds=3600)], **LONG)
    ids = [await s.invoke("f") for _ in range(4)]
    await s.clock.advance(60)
    await s.crash()
    await s.clock.advance(60)
    assert len(s.runtime.running()) == 1
    for id in ids:
        await s.stop(id)
    await s.clock.advance(1)
    for id in ids:
        await s.redrive(id)
    await s.clock.advance(1)
    assert len(s.runtime.running()) == 4


@pytest.mark.parametrize("limit", [None, 1])
async def test_a_suspect_gets_the_next_slot_of_a_function_that_always_has_a_backlog(
    s: Service, limit: int | None
) -> None:
    await s.function("f", answers=[Lost(), Ok(seconds=1)], concurrency=1 if limit is None else 5)
    await s.engine.functions.put_control("f", Control(limit=limit))
    suspect = await s.invoke("f")
    others = [await s.invoke("f") for _ in range(50)]
    await s.clock.advance(4)
    view = await s.show(suspect)
    assert (view.state, view.attempt) == (State.SUCCEEDED, 2)
    await s.clock.advance(60)
    assert {(await s.show(id)).state for id in others} == {State.SUCCEEDED}
    family = s.engine.parts.catalogue.family("f")
    assert (family.keeps, family.used) == (0, 0)


async def test_it_says_that_the_next_slot_is_kept_for_a_suspect(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1)], concurrency=1)
    lane = s.engine.parts.catalogue.lane("f")
    lane.keep_slot(True)
    why = await s.why(await s.invoke("f"))
    assert why is not None and why.code == "function_limit" and "kept for one" in why.text
    lane.keep_slot(False)
    s.engine.parts.dispatch.freed(lane)


async def test_a_kept_slot_is_given_back_while_another_suspect_runs_long(s: Service) -> None:
    await s.function("slow", answers=[Lost(), Ok(seconds=7200)], **LONG)
    await s.function("f", answers=[Lost(), Ok(seconds=1)], concurrency=1)
    suspect = await s.invoke("f")
    others = [await s.invoke("f") for _ in range(50)]
    await s.clock.advance(0.5)
    assert s.engine.parts.catalogue.lane("f").keeps
    await s.invoke("slow")
    await s.clock.advance(100)
    assert [name for name, _ in s.runtime.running()] == ["slow"]
    assert {(await s.show(id)).state for id in others} == {State.SUCCEEDED}
    await s.clock.advance(7200)
    assert (await s.show(suspect)).state is State.SUCCEEDED


@pytest.mark.parametrize("concurrency", [0, 1])
async def test_no_slot_of_all_versions_is_kept_for_a_suspect_whose_own_version_has_none(
    s: Service, concurrency: int
) -> None:
    """Paused by its concurrency, or at it for long: that suspect could not use it."""
    begun = 0

    def answer(run: Run) -> Lost | Ok:
        nonlocal begun
        begun += run.function.version == "latest"
        if run.function.version != "latest":
            return Ok(seconds=0.2)
        return Lost(seconds=1) if begun == 1 else Ok(seconds=7200)

    await s.function("f", answers=answer, concurrency=1, **LONG)
    await s.ask(s.engine.functions.publish_version("f", version="1"))
    await s.engine.functions.put_control("f", Control(limit=2 if concurrency else 1))
    suspect = await s.invoke("f")
    if concurrency:
        await s.invoke("f")
    else:
        await s.function("f", concurrency=0, **LONG)
    await s.clock.advance(10)
    others = [await s.invoke("f", qualifier="1") for _ in range(20)]
    await s.clock.advance(60)
    assert {(await s.show(id)).state for id in others} == {State.SUCCEEDED}
    assert (await s.show(suspect)).spent.losses_used == 1
    await s.function("f", concurrency=1, **LONG)
    await s.clock.advance(3 * 7200)
    assert (await s.show(suspect)).state is State.SUCCEEDED
    assert s.engine.parts.catalogue.family("f").keeps == 0


async def test_a_suspect_is_not_missed_for_ever_by_runs_in_step_with_its_turns() -> None:
    async with Service(instances_max=1) as s:
        await s.function("f", answers=[Lost(), Ok()])
        await s.function("busy", answers=[Ok(seconds=5)])
        await s.clock.advance(1)
        for _ in range(400):
            await s.invoke("busy")
        suspect = await s.invoke("f")
        await s.clock.advance(6)  # the first of the others has ended, and the suspect was lost
        await s.clock.advance(1200)
        assert (await s.show(suspect)).state is State.SUCCEEDED


async def test_many_suspects_of_one_function_do_not_keep_the_slot_of_another_idle() -> None:
    """Their lanes take turns, however many one of them has."""
    async with Service(instances_max=16) as s:
        await s.function("f", answers=[Forever(), Ok(seconds=0.5)], concurrency=1, **LONG)
        await s.function("g", answers=[Forever()], **LONG)
        await s.invoke("f")
        for _ in range(10):
            await s.invoke("g")
        waits = await s.invoke("f")
        await s.kill()
        s.scripts.set("f", [Ok(seconds=0.5)])
        s.scripts.set("g", [Ok(seconds=4)])
        await s.start()
        await s.clock.advance(0.4)
        assert s.engine.parts.catalogue.lane("f").keeps
        later = await s.invoke("f")
        await s.clock.advance(12)  # a turn of the other's, and the pause after it
        for id in (waits, later):
            assert (await s.show(id)).state is State.SUCCEEDED
        assert len(s.starts("g")) < 13


async def test_where_the_node_is_full_it_is_not_told_that_a_slot_is_kept() -> None:
    async with Service(instances_max=1) as s:
        await s.function("f", answers=[Ok()], concurrency=2)
        await s.function("other", answers=[Forever()], **LONG)
        await s.invoke("other")
        waits = await s.invoke("f")
        lane = s.engine.parts.catalogue.lane("f")
        lane.keep_slot(True)
        for limit, code in ((None, "node_limit"), (2, "node_limit"), (1, "function_limit")):
            await s.engine.functions.put_control("f", Control(limit=limit))
            lane.keep_slot(True, limit is not None)
            why = await s.why(waits)
            assert why is not None and why.code == code, limit
        lane.keep_slot(False)


async def test_a_version_that_is_deleted_keeps_no_slot_of_all_versions(s: Service) -> None:
    def answer(run: Run) -> Lost | Ok:
        return Lost() if run.function.version == "1" else Ok(seconds=600)

    await s.function("f", answers=answer, concurrency=1, **LONG)
    await s.ask(s.engine.functions.publish_version("f", version="1"))
    await s.engine.functions.put_control("f", Control(limit=1))
    await s.invoke("f", qualifier="1")
    await s.invoke("f")
    await s.clock.advance(10)
    family = s.engine.parts.catalogue.family("f")
    assert family.keeps == 1
    await s.ask(s.engine.functions.delete_version("f", "1"))
    await s.settle()
    assert [lane.function.version for lane in s.engine.parts.lanes.all()] == ["latest"]
    assert family.keeps == 0 and not len(s.engine.parts.suspects._due)
