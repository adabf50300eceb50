"""Changes of the catalogue without a lock: whoever comes second is decided anew by what is there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from thence.catalog.alias import Alias, moved
from thence.catalog.async_config import AsyncConfig
from thence.catalog.control import Control
from thence.catalog.function import LATEST, FunctionSpec
from thence.catalog.step import DeleteFunction, PutEntry, PutFunction
from thence.engine import catalogue
from thence.engine.plan import Plan, put_entry
from thence.errors import (
    AliasNotFound,
    CatalogueChanged,
    Conflict,
    DestinationCycle,
    FunctionNotFound,
)
from thence.notices import FunctionChanged
from thence.testing import Service

AT_ONCE = catalogue.AT_ONCE


@pytest.fixture(autouse=True)
def many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of one node take turns, which saves work; nothing may rest on that."""
    monkeypatch.setattr(catalogue, "AT_ONCE", 100)


def between(s: Service, work: Callable[[], Awaitable[object]]) -> None:
    """`work` is done when the next change has been decided and is about to be written."""
    change = s.store.change

    async def after_work(*args: object, **named: object) -> object:
        s.store.change = change
        await work()
        return await change(*args, **named)

    s.store.change = after_work


async def test_an_update_keeps_what_came_between_its_look_and_its_write(s: Service) -> None:
    await s.function("f")
    await s.engine.functions.publish_version("f")
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("live", "1"), create=True)
    decided = 0

    async def described() -> Plan:
        nonlocal decided
        decided += 1
        before = s.engine.functions.alias("f", "live")
        return s.engine.functions.plans.put_alias(
            "f", moved(before, description="text"), create=False
        )

    between(
        s, lambda: s.engine.functions.put_alias("f", Alias("live", "2", {"1": 0.5}), create=False)
    )
    await s.engine.functions.change(described)
    for _ in range(2):
        alias = s.engine.functions.alias("f", "live")
        assert (alias.version, alias.weights, alias.description) == ("2", {"1": 0.5}, "text")
        await s.restart()
    assert decided == 2


async def test_two_changes_that_only_together_make_a_cycle_are_not_both_made(s: Service) -> None:
    await s.function("a")
    await s.function("b")
    to_a, to_b = ({"type": "function", "name": name} for name in "ab")
    between(
        s, lambda: s.engine.functions.put_async_config("b", LATEST, AsyncConfig(on_success=to_a))
    )
    with pytest.raises(DestinationCycle):
        await s.engine.functions.put_async_config("a", LATEST, AsyncConfig(on_success=to_b))
    for _ in range(2):
        assert s.engine.functions.async_config("a", LATEST) is None
        config = s.engine.functions.async_config("b", LATEST)
        assert config is not None and config.on_success == to_a
        await s.restart()


async def test_the_same_where_one_of_them_is_a_function_that_is_deployed(s: Service) -> None:
    await s.function("a")
    await s.function("b")
    spec = replace(s.engine.functions.get("a").spec, on_failure="function:b")
    other = AsyncConfig(on_success="function:a")
    between(s, lambda: s.engine.functions.put_async_config("b", LATEST, other))
    with pytest.raises(DestinationCycle):
        await s.engine.functions.put("a", spec, None)
    assert s.engine.functions.get("a").spec.on_failure is None


async def test_an_alias_never_stands_for_a_version_that_was_deleted_meanwhile(s: Service) -> None:
    await s.function("f")
    await s.engine.functions.publish_version("f")
    between(s, lambda: s.engine.functions.delete_version("f", "1"))
    with pytest.raises(Exception, match="has no version '1'"):
        await s.engine.functions.put_alias("f", Alias("live", "1"), create=True)
    await s.engine.functions.publish_version("f")
    between(s, lambda: s.engine.functions.put_alias("f", Alias("live", "2"), create=True))
    with pytest.raises(Conflict, match="is used by the alias 'live'"):
        await s.engine.functions.delete_version("f", "2")


async def test_no_number_of_a_version_is_given_twice(s: Service) -> None:
    await s.function("f")
    made = await asyncio.gather(
        *(s.ask(s.engine.functions.publish_version("f")) for _ in range(12))
    )
    assert sorted(int(version.version) for version in made) == list(range(1, 13))


async def test_a_function_that_was_deleted_meanwhile_gets_no_configuration(s: Service) -> None:
    await s.function("f")
    between(s, lambda: s.engine.functions.delete("f"))
    with pytest.raises(FunctionNotFound):
        await s.engine.functions.put_async_config("f", LATEST, AsyncConfig())
    assert (await s.store.catalogue()).entries == []


async def test_what_another_node_changed_is_seen_and_kept(s: Service) -> None:
    """As another node does: straight into the store, this one's memory knows nothing of it."""
    await s.function("f", concurrency=1)
    await s.function("gone")
    family, gone = (s.engine.functions.get(name).id for name in ("f", "gone"))
    alias = Alias("theirs", LATEST)
    limited = msgspec.json.encode(Control(limit=7))
    await s.store.change(
        [
            PutFunction("new", FunctionSpec(), "0" * 64, 1),
            PutEntry("alias", str(family), "theirs", msgspec.json.encode(alias)),
            PutEntry("control", str(family), "", limited),
            DeleteFunction(gone),
        ],
        s.clock.now(),
    )
    assert s.engine.parts.catalogue.names() == ["f", "gone"]
    await s.engine.functions.put_alias("f", Alias("ours", LATEST), create=True)
    for _ in range(2):
        assert s.engine.parts.catalogue.names() == ["f", "new"]
        assert [item.name for item in s.engine.functions.aliases("f")] == ["ours", "theirs"]
        assert s.engine.functions.control("f").limit == 7
        await s.restart()


async def test_a_write_that_was_made_though_its_asker_went_away_is_not_lost(s: Service) -> None:
    await s.function("f")
    change = s.store.change

    async def made_and_cancelled(*args: object, **named: object) -> object:
        s.store.change = change
        await change(*args, **named)
        raise asyncio.CancelledError

    s.store.change = made_and_cancelled
    with pytest.raises(asyncio.CancelledError):
        await s.engine.functions.put_alias("f", Alias("live", LATEST), create=True)
    with pytest.raises(Conflict):
        await s.engine.functions.put_alias("f", Alias("live", LATEST), create=True)
    assert s.engine.functions.alias("f", "live").version == LATEST


async def test_who_never_comes_first_is_refused_and_has_changed_nothing(
    s: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "CHANGE_TRIES_MAX", 5)
    await s.function("f")
    change, others = s.store.change, 0

    async def others_first(steps: object, now: int, **named: object) -> object:
        nonlocal others
        others += 1
        await change([PutEntry("k", "", "n", b"%d" % others)], now)
        return await change(steps, now, **named)

    s.store.change = others_first
    with pytest.raises(CatalogueChanged):
        await s.engine.functions.delete("f")
    s.store.change = change
    assert others == 5 and s.engine.parts.catalogue.names() == ["f"]
    await s.engine.functions.delete("f")


async def test_a_change_that_changes_nothing_is_not_written(s: Service) -> None:
    await s.function("f")
    before = await s.store.catalogue_revision()
    assert not await s.engine.functions.delete_async_config("f", LATEST)
    assert await s.store.catalogue_revision() == before


async def test_what_is_refused_is_told_to_nobody(s: Service) -> None:
    await s.function("f")
    told: list[FunctionChanged] = []
    s.notices.on(FunctionChanged, told.append)
    between(s, lambda: s.engine.functions.put_control("f", Control(limit=1)))
    await s.engine.functions.put_control("f", Control(limit=2))
    assert [item.fields for item in told] == [("limit none -> 1",), ("limit 1 -> 2",)]


@pytest.mark.parametrize("seed", range(5))
async def test_of_many_writers_at_once_none_loses_what_another_wrote(s: Service, seed: int) -> None:
    """Each adds to what it found: a share, a retry, a place, a variable. All must be there."""
    rng = random.Random(seed)
    await s.function("f", concurrency=0, environment={})
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("live", "1"), create=True)
    await s.engine.functions.put_async_config("f", "live", AsyncConfig(max_event_age_seconds=100))
    await s.engine.functions.put_control("f", Control(limit=0))
    engine = s.engine

    async def pause() -> None:
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)

    async def longer() -> Plan:
        before = engine.functions.alias("f", "live")
        await pause()
        return engine.functions.plans.put_alias(
            "f", moved(before, description=before.description + "x"), create=False
        )

    async def older() -> Plan:
        before = engine.functions.async_config("f", "live")
        assert before is not None
        await pause()
        age = before.max_event_age_seconds + 1
        return engine.functions.plans.put_async_config(
            "f", "live", replace(before, max_event_age_seconds=age)
        )

    async def wider() -> Plan:
        before = engine.functions.control("f")
        await pause()
        return engine.functions.plans.put_control(
            "f", replace(before, limit=(before.limit or 0) + 1)
        )

    async def deployed() -> Plan:
        spec = engine.functions.get("f").spec
        await pause()
        names = {**spec.environment, f"V{len(spec.environment)}": "1"}
        return engine.functions.plans.put_function("f", replace(spec, environment=names), None)

    async def write(decide: Callable[[], Awaitable[Plan]], times: int) -> None:
        for _ in range(times):
            await pause()
            await engine.functions.change(decide)

    kinds = [longer, older, wider, deployed]
    writers = [(kind, rng.randrange(1, 5)) for kind in kinds for _ in range(3)]
    rng.shuffle(writers)
    await asyncio.gather(*(s.ask(write(*writer)) for writer in writers))
    wrote = {kind: sum(n for each, n in writers if each is kind) for kind in kinds}
    for _ in range(2):
        config = engine.functions.async_config("f", "live")
        assert config is not None
        assert len(engine.functions.alias("f", "live").description) == wrote[longer]
        assert config.max_event_age_seconds == 100 + wrote[older]
        assert engine.functions.control("f").limit == wrote[wider]
        assert len(engine.functions.get("f").spec.environment) == wrote[deployed]
        await s.restart()
        engine = s.engine


async def test_deleting_and_moving_an_alias_at_once_leaves_one_of_both(s: Service) -> None:
    await s.function("f")
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("live", "1"), create=True)
    between(s, lambda: s.engine.functions.delete_alias("f", "live"))
    with pytest.raises(AliasNotFound):
        await s.engine.functions.put_alias("f", Alias("live", LATEST), create=False)
    assert s.engine.functions.aliases("f") == []


async def test_many_changes_of_one_node_take_turns_and_none_is_decided_in_vain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue, "AT_ONCE", AT_ONCE)
    async with Service(inline=False) as s:
        await s.function("f")
        change, tries, writers = s.store.change, 0, 40

        async def counted(*args: Any, **named: Any) -> Any:
            nonlocal tries
            tries += 1
            return await change(*args, **named)

        s.store.change = counted
        work = (s.ask(s.engine.functions.put_entry("k", "", str(n), b"1")) for n in range(writers))
        await asyncio.gather(*work)
        assert len(s.engine.functions.entries("k")) == tries == writers


async def test_one_that_takes_long_to_decide_is_made_though_quick_ones_never_cease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue, "AT_ONCE", AT_ONCE)
    async with Service(inline=False) as s:
        await s.function("f")
        functions, decided, over = s.engine.functions, 0, False

        async def slowly() -> Plan:
            nonlocal decided
            decided += 1
            for _ in range(100):
                await asyncio.sleep(0)
            return put_entry("k", "", "slow", b"1")

        async def quick(name: str) -> None:
            while not over:
                await functions.put_entry("k", "", name, b"1")

        async def slow() -> None:
            nonlocal over
            try:
                for _ in range(5):
                    await functions.change(slowly)
            finally:
                over = True

        await asyncio.gather(slow(), *(quick(f"quick {n}") for n in range(8)))
        assert decided == 5
