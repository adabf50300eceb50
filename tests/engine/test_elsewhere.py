"""What one node has written is seen, and run, by another."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.catalog.control import Control
from thence.engine import elsewhere
from thence.errors import FunctionDisabled, FunctionNotFound, ThenceError
from thence.lifecycle.decide import Spent
from thence.lifecycle.ids import IdSource
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import State
from thence.store.records import Batch, Body, NewInvocation
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


async def test_what_is_lost_of_a_function_that_is_not_known_here_is_not_asked_for_again_at_once() -> (
    None
):
    async with Node("first", lease_seconds=20) as first, Node("second", first) as second:
        second.store.catalogue_since = _nothing  # it does not learn of the function
        await first.function("f", answers=[Ok(seconds=3600), "again"])
        id = await first.invoke("f")
        first.vanish()
        asked, lost = [], second.store.lost

        async def counted(*args: Any) -> Any:
            found = await lost(*args)
            asked.append(len(found))
            return found

        second.store.lost = counted
        await second.clock.advance(120)
        assert 1 in asked and len(asked) < 20
        del second.store.catalogue_since
        await second.clock.advance(60)
        assert (await second.show(id)).state is State.SUCCEEDED


async def _nothing(*_: Any) -> None: ...


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


# ---------------------------------------------------------------- the catalogue


async def test_what_is_deployed_at_one_node_runs_at_another_a_second_later() -> None:
    async with Node("first") as first, Node("second", first) as second:
        await first.function("f", answers=["one"])
        with pytest.raises(FunctionNotFound):
            await second.invoke("f")
        await second.clock.advance(1.1)
        first.vanish()
        id = await second.invoke("f")
        await second.clock.advance(5)
        assert (await second.show(id)).state is State.SUCCEEDED


async def test_switches_and_limits_that_are_set_at_one_node_count_at_another() -> None:
    async with Node("first") as first:
        await first.function("f", answers=[Ok(seconds=10)], concurrency=5)
        async with Node("second", first) as second:
            first.engine.parts.dispatch.paused = True  # it runs nothing itself
            await first.ask(first.engine.functions.put_control("f", Control(limit=1)))
            await second.clock.advance(1.1)
            ids = []
            for _ in range(3):
                ids.append(await second.invoke("f"))
            await second.settle()
            assert len(second.starts("f")) == 1
            await first.ask(first.engine.functions.put_control("f", Control(limit=3)))
            await second.clock.advance(1.1)
            assert len(second.starts("f")) == 3
            await first.ask(first.engine.functions.put_control("f", Control(disabled="broken")))
            await second.clock.advance(1.1)
            with pytest.raises(FunctionDisabled, match="broken"):
                await second.invoke("f")
            await second.clock.advance(60)


async def test_what_waits_at_one_node_ends_when_its_function_is_deleted_at_another() -> None:
    async with Node("first") as first:
        await first.function("f")
        async with Node("second", first) as second:
            id = await second.invoke("f", delay_seconds=3600)
            await first.delete("f")
            first.vanish()
            await second.clock.advance(2)
            assert (await second.show(id)).state is State.INVALID
            with pytest.raises(FunctionNotFound):
                await second.invoke("f")


async def test_a_deleted_function_of_which_only_history_remains_is_not_kept_in_memory() -> None:
    """Another node has deployed it and published it, and deletes it, version by version."""
    async with Node("first") as first, Node("second", first) as second:
        await first.function("f")
        await first.engine.functions.publish_version("f")
        await first.invoke("f", qualifier="1")
        await second.clock.advance(10)
        await first.engine.functions.delete_version("f", "1")
        for change in range(3):
            await second.clock.advance(10)
            deleted = [lane for lane in second.engine.parts.lanes.all() if lane.deleted]
            assert not deleted, "kept for ever"
            await first.engine.functions.put_control("f", Control(limit=1 + change))
            await first.function("f", max_retries=change)


def remembered(node: Service) -> Any:
    """All that a node has in memory of the catalogue."""
    catalogue = node.engine.parts.catalogue
    families = {}
    for name in catalogue.names():
        family = catalogue.family(name)
        families[name] = (
            {version: (lane.function, lane.own) for version, lane in family.rows.items()},
            family.aliases, family.written, family.configs, family.control,
        )  # fmt: skip
    kinds = sorted(
        kind for kind, owners in catalogue.entries._kinds.items() if any(owners.values())
    )
    return catalogue.revision, families, [catalogue.entries.all(kind) for kind in kinds]


def some_change(node: Service, rng: random.Random, step: int) -> Any:
    """To be awaited; it may be refused."""
    engine, name, version = node.engine, rng.choice("fgh"), str(rng.randrange(1, 4))
    qualifier = rng.choice(("latest", "live", version))
    match rng.randrange(12):
        case 0 | 1:
            return node.function(name, max_retries=rng.randrange(5))
        case 2 | 3:
            return engine.functions.publish_version(name)
        case 4:
            return engine.functions.delete_version(name, version)
        case 5:
            return engine.functions.put_alias(
                name, Alias("live", version), create=rng.random() < 0.5
            )
        case 6:
            return engine.functions.delete_alias(name, "live")
        case 7:
            return engine.functions.put_async_config(
                name, qualifier, AsyncConfig(max_retries=step % 8)
            )
        case 8:
            return engine.functions.delete_async_config(name, qualifier)
        case 9:
            return engine.functions.put_control(name, Control(limit=rng.randrange(1, 9)))
        case 10:
            return engine.functions.put_entry(
                "door", rng.choice(("", "x")), name, str(step).encode()
            )
    if rng.random() < 0.5:
        return engine.functions.delete(name)
    return engine.functions.delete_entry("door", "x", name)


@pytest.mark.parametrize("seed", range(6))
async def test_after_any_changes_of_one_node_another_has_what_a_start_would_read(seed: int) -> None:
    rng = random.Random(seed)
    async with Node("first") as first, Node("second", first) as second:
        whole: list[int] = []
        second.store.catalogue = lambda: whole.append(1)
        for step in range(60):
            with contextlib.suppress(ThenceError):
                await first.ask(some_change(first, rng, step))
            if rng.random() < 0.2:
                await second.clock.advance(1.1)
        await second.clock.advance(1.1)
        assert not whole, "only what was touched is read"
        assert remembered(second) == remembered(first)
        async with Node("third", first) as third:
            assert remembered(third) == remembered(second)


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
    for name in ("catalogue_since", "due_functions", "receivers_owed", "suspects"):
        setattr(s.store, name, lambda *args, name=name: asked.append(name))
    await s.clock.advance(600)
    assert asked == []
