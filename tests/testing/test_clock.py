"""The virtual clock: order, exact instants, and rest between them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from thence.testing import Forever, Service, VirtualClock


async def test_timers_fire_in_order_each_at_its_own_instant() -> None:
    clock, seen = VirtualClock(0), []
    for when in (30, 10, 20, 10):
        clock.call_at(when, lambda when=when: seen.append((when, clock.now())))
    await clock.advance(0.025)
    assert seen == [(10, 10), (10, 10), (20, 20)] and clock.now() == 25
    await clock.advance(1)
    assert seen[-1] == (30, 30) and clock.now() == 1025


async def test_what_follows_from_a_timer_comes_to_rest_before_the_next() -> None:
    clock, seen = VirtualClock(0), []

    async def work() -> None:
        for n in range(50):
            await asyncio.sleep(0)
            seen.append((clock.now(), n))
        await clock.sleep(0.005)
        seen.append((clock.now(), -1))

    tasks = []
    clock.call_at(10, lambda: tasks.append(asyncio.ensure_future(work())))
    clock.call_at(20, lambda: seen.append((clock.now(), -2)))
    await clock.advance(1)
    assert seen == [*((10, n) for n in range(50)), (15, -1), (20, -2)]


async def test_a_cancelled_timer_does_not_fire_and_a_past_one_fires_now() -> None:
    clock, seen = VirtualClock(1000), []
    clock.call_at(2000, lambda: seen.append("cancelled")).cancel()
    clock.call_at(5, lambda: seen.append(clock.now()))
    await clock.advance(5)
    assert seen == [1000]


async def test_sleepers_wake_at_their_instant() -> None:
    clock = VirtualClock(0)
    sleeps = [asyncio.ensure_future(clock.sleep(n)) for n in (3, 1, 2)]
    await clock.advance(2)
    assert [sleep.done() for sleep in sleeps] == [False, True, True]
    sleeps[0].cancel()
    await clock.advance(5)


async def test_the_clock_waits_for_work_in_threads_that_holds_it() -> None:
    clock, barrier, seen = VirtualClock(0), threading.Event(), []

    async def work() -> None:
        with clock.hold():
            await asyncio.to_thread(barrier.wait)
        seen.append(clock.now())

    task = asyncio.ensure_future(work())
    clock.call_at(10, lambda: seen.append(-1))
    asyncio.get_running_loop().call_later(0.01, barrier.set)
    await clock.advance(1)
    assert seen == [0, -1] and task.done()


async def test_only_one_task_advances_the_clock() -> None:
    clock = VirtualClock(0)
    first = asyncio.ensure_future(clock.advance(1))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="another task"):
        await clock.settle()
    await first


async def test_a_branch_that_was_cut_fires_nothing_more() -> None:
    clock, seen = VirtualClock(0), []
    branch = clock.branch()
    branch.call_at(10, lambda: seen.append("branch"))
    clock.call_at(10, lambda: seen.append("clock"))
    branch.cut()
    await clock.advance(1)
    assert seen == ["clock"]


async def test_the_service_comes_to_rest_with_a_store_that_works_in_threads() -> None:
    async with Service(inline=False) as s:
        await s.function("f", answers=["ok"], concurrency=3)
        ids = [await s.invoke("f") for _ in range(30)]
        await s.settle()
        assert {str((await s.show(id)).state) for id in ids} == {"succeeded"}
        await s.crash()
        assert await s.verify() == []


async def test_a_killed_service_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with Service() as s:
        await s.function("f", answers=[Forever()], on_success="https://hooks.example.com/x")
        await s.invoke("f")
        await s.crash()
        await s.clock.advance(10)
    assert asyncio.all_tasks() == before
