"""What one node has written is seen, and run, by another."""

from __future__ import annotations

import pytest

from thence.engine import elsewhere
from thence.lifecycle.decide import Spent
from thence.lifecycle.ids import IdSource
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import State
from thence.store.interface import Batch
from thence.store.records import Body, NewInvocation
from thence.store.sqlite import SqliteStore
from thence.testing import Error, Ok, Service

from .nodes import Node

HOOK = "https://hooks.example.com/x"


async def test_what_another_node_accepted_is_run_here_when_that_one_is_gone() -> None:
    async with Node("first") as first:
        await first.function("f")
        async with Node("second", first) as second:
            id = await first.invoke("f", delay_seconds=5)
            first.vanish()
            await second.clock.advance(4)
            assert second.starts("f") == []
            await second.clock.advance(3)
            assert (await second.show(id)).state is State.SUCCEEDED
            assert 5 <= second.starts("f")[0] <= 6


async def test_rows_that_another_writer_put_are_run_within_about_a_second() -> None:
    async with Node("first") as first:
        function = await first.function("f")
        await first.clock.advance(60)  # it has not heard of that lane for long
        writer = SqliteStore(first.directory / "thence.db", inline=True, shared="writer")
        await writer.open()
        now, ids = first.clock.now(), IdSource(first._random)
        row = NewInvocation(ids.next(now), function.id, now, now, now + 60_000, Body(b"{}", 2))
        await writer.commit(Batch(accepts=[row]))
        await writer.close()
        await first.clock.advance(1.5)
        assert (await first.show(row.id)).state is State.SUCCEEDED


async def test_what_a_node_ran_is_lost_and_run_again_by_another_once_its_lease_has_ended() -> None:
    async with Node("first", lease_seconds=20) as first:
        await first.function("f", answers=[Ok(seconds=3600), "again"])
        async with Node("second", first, lease_seconds=20) as second:
            id = await first.invoke("f")
            await second.clock.advance(45)
            assert (await second.show(id)).state is State.RUNNING, "its lease was renewed"
            first.vanish()
            await second.clock.advance(9)
            assert (await second.show(id)).state is State.RUNNING
            await second.clock.advance(30)
            view = await second.show(id)
            assert view.state is State.SUCCEEDED
            assert [attempt.outcome for attempt in view.attempts] == [Outcome.LOST, Outcome.OK]
            assert view.spent == Spent(losses_used=1)


async def test_what_another_node_owed_is_delivered_here_when_that_one_is_gone() -> None:
    async with Node("first") as first:
        await first.function("f", on_success=HOOK)
        first.receiver(HOOK).answers([500, 200])
        async with Node("second", first) as second:
            id = await first.invoke("f")
            await first.settle()
            first.vanish()
            await second.clock.advance(120)
            (owed,) = (await second.show(id)).deliveries
            assert (owed.state, owed.attempts_made) == ("delivered", 2)


async def test_a_round_looks_at_a_bounded_number_and_goes_on_where_it_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(elsewhere, "LOOKED_AT_MAX", 2)
    names = [f"f{number}" for number in range(5)]
    async with Node("first") as first:
        for name in names:
            await first.function(name)
        async with Node("second", first) as second:
            ids = [await first.invoke(name, delay_seconds=60) for name in names]
            first.vanish()
            asked: list[int] = []
            due_functions = second.store.due_functions

            async def counted(after: int, limit: int) -> dict[int, int | None]:
                found = await due_functions(after, limit)
                asked.append(len(found))
                return found  # type: ignore[no-any-return]

            second.store.due_functions = counted
            await second.clock.advance(50)
            assert len(asked) >= 45 and max(asked) == 2
            assert {sum(asked[at : at + 3]) for at in range(len(asked) - 2)} == {5}
            await second.clock.advance(15)
            assert [(await second.show(id)).state for id in ids] == [State.SUCCEEDED] * 5


async def test_two_nodes_share_what_waits_and_each_runs_once() -> None:
    async with Node("first") as first:
        await first.function("f", answers=[Error(), "ok"], concurrency=3)
        async with Node("second", first) as second:
            ids = []
            for number in range(40):
                ids.append(await (first, second)[number % 2].invoke("f"))
                await first.clock.advance(0.002)  # see keys.py: not two in a millisecond
            await first.clock.advance(600)
            views = [await second.show(id) for id in ids]
            assert {view.state for view in views} == {State.SUCCEEDED}
            assert len(first.starts("f")) == sum(view.attempt for view in views)
            assert (await first.store.verify())["problems"] == []


async def test_where_one_process_holds_the_store_nobody_looks_for_what_others_did(
    s: Service,
) -> None:
    await s.function("f")
    asked = []
    for name in ("due_functions", "delivery_keys", "suspects"):
        setattr(s.store, name, lambda *args, name=name: asked.append(name))
    await s.clock.advance(600)
    assert asked == []
