"""Aliases: whom they name, how they share calls, and that an invocation keeps its version."""

from __future__ import annotations

import math

import pytest

from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.errors import AliasNotFound, Conflict, InvalidInput, VersionNotFound
from thence.testing import Error, Service


async def published(s: Service, number: int) -> None:
    await s.function("f", answers=["ok"])
    for _ in range(number):
        await s.engine.functions.publish_version("f")


async def test_an_alias_leads_to_its_version_until_it_is_moved(s: Service) -> None:
    await published(s, 2)
    made = await s.engine.functions.put_alias("f", Alias("prod", "1", description="d"), create=True)
    await s.clock.advance(60)
    await s.invoke("f", qualifier="prod")
    moved = await s.engine.functions.put_alias("f", Alias("prod", "2"), create=False)
    await s.invoke("f", qualifier="prod")
    await s.settle()
    assert [start.version for start in s.scripts.starts] == ["1", "2"]
    assert s.engine.functions.alias("f", "prod") == moved
    assert moved.created_at == made.created_at < moved.updated_at
    assert s.engine.functions.get("f", "prod").version == "2"


async def test_weights_share_calls_between_versions() -> None:
    async with Service(seed=7) as s:
        await published(s, 2)
        await s.engine.functions.put_alias("f", Alias("prod", "1", {"2": 0.1}), create=True)
        ids = [await s.invoke("f", qualifier="prod") for _ in range(1000)]
        await s.settle()
        canary = sum(1 for start in s.scripts.starts if start.version == "2")
        # Within four standard deviations of a tenth.
        assert abs(canary - 100) < 4 * math.sqrt(1000 * 0.1 * 0.9)
        view = await s.show(ids[0])
        assert view.qualifier == "prod" and view.version in ("1", "2")


async def test_all_attempts_keep_the_version_that_was_chosen() -> None:
    async with Service(seed=1) as s:
        await s.function("f", answers=[Error()], max_retries=3)
        await s.engine.functions.publish_version("f")
        await s.engine.functions.publish_version("f")
        await s.engine.functions.put_alias("f", Alias("prod", "1", {"2": 0.5}), create=True)
        for _ in range(20):
            await s.invoke("f", qualifier="prod")
        await s.clock.advance(1)
        await s.engine.functions.put_alias("f", Alias("prod", "latest"), create=False)
        await s.crash()
        await s.clock.advance(600)
        by_id: dict[int, list[str]] = {}
        for start in s.scripts.starts:
            by_id.setdefault(start.id, []).append(start.version)
        assert {len(chosen) for chosen in by_id.values()} == {4}
        assert all(len(set(chosen)) == 1 for chosen in by_id.values())
        assert {chosen[0] for chosen in by_id.values()} == {"1", "2"}


async def test_synchronous_calls_share_too() -> None:
    async with Service(seed=3) as s:
        await published(s, 2)
        await s.engine.functions.put_alias("f", Alias("prod", "1", {"2": 0.5}), create=True)
        for _ in range(30):
            await s.engine.invoke("f", b"", qualifier="prod")
        assert {start.version for start in s.scripts.starts} == {"1", "2"}


async def test_a_repeated_key_answers_the_first_whatever_version_is_chosen() -> None:
    async with Service(seed=2) as s:
        await published(s, 2)
        await s.engine.functions.put_alias("f", Alias("prod", "1", {"2": 0.5}), create=True)
        ids = {await s.invoke("f", 1, qualifier="prod", idempotency_key="k") for _ in range(20)}
        await s.settle()
        assert len(ids) == 1 and len(s.scripts.starts) == 1


@pytest.mark.parametrize(
    ("alias", "error", "field"),
    [
        (Alias("latest", "1"), InvalidInput, "name"),
        (Alias("LATEST", "1"), InvalidInput, "name"),
        (Alias("a b", "1"), InvalidInput, "name"),
        (Alias("a", "1", {"2": 1.5}), InvalidInput, "weights"),
        (Alias("a", "1", {"2": -0.1}), InvalidInput, "weights"),
        (Alias("a", "1", {"2": 0.6, "3": 0.6}), InvalidInput, "weights"),
        (Alias("a", "1", {"1": 0.5}), InvalidInput, "weights"),
        (Alias("a", "1", description="d" * 1025), InvalidInput, "description"),
        (Alias("a", "9"), VersionNotFound, None),
        (Alias("a", "1", {"9": 0.1}), VersionNotFound, None),
        (Alias("1", "2"), Conflict, None),
    ],
)
async def test_an_alias_that_cannot_be_is_refused(
    s: Service, alias: Alias, error: type[Exception], field: str | None
) -> None:
    await published(s, 3)
    with pytest.raises(error) as refused:
        await s.engine.functions.put_alias("f", alias, create=True)
    assert refused.value.fields.get("field") == field
    assert s.engine.functions.aliases("f") == []


async def test_an_alias_is_created_once_and_replaced_only_where_it_is(s: Service) -> None:
    await published(s, 1)
    with pytest.raises(AliasNotFound):
        await s.engine.functions.put_alias("f", Alias("b", "1"), create=False)
    for name in ("b", "a"):
        await s.engine.functions.put_alias("f", Alias(name, "1"), create=True)
    with pytest.raises(Conflict):
        await s.engine.functions.put_alias("f", Alias("a", "1"), create=True)
    assert [alias.name for alias in s.engine.functions.aliases("f")] == ["a", "b"]
    await s.engine.functions.delete_alias("f", "a")
    for work in (s.engine.functions.delete_alias("f", "a"), s.invoke("f", qualifier="a")):
        with pytest.raises(Exception, match="'a'"):
            await work
    await s.restart()
    assert [alias.name for alias in s.engine.functions.aliases("f")] == ["b"]


async def test_the_configuration_of_an_alias_goes_with_it(s: Service) -> None:
    await published(s, 1)
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    await s.engine.functions.put_async_config("f", "prod", AsyncConfig(max_retries=7))
    await s.engine.functions.delete_alias("f", "prod")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    assert s.engine.functions.async_config("f", "prod") is None
    await s.restart()
    assert s.engine.functions.async_config("f", "prod") is None


@pytest.mark.parametrize("restarts", [False, True])
async def test_what_waits_by_a_deleted_alias_ends_as_it_was_configured(
    s: Service, restarts: bool
) -> None:
    await s.function("f", answers=[Error("no")], max_retries=0)
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    config = AsyncConfig(max_retries=2, on_failure="queue:bad")
    await s.engine.functions.put_async_config("f", "prod", config)
    id = (await s.engine.accepted("f", b"{}", qualifier="prod", delay_seconds=60)).id
    await s.engine.functions.delete_alias("f", "prod")
    assert s.engine.functions.async_configs("f") == {}
    if restarts:
        await s.restart()
    await s.clock.advance(600)
    await s.settle()
    assert (await s.engine.invocations.get(id)).attempt == 3
    assert len(await s.mail("queue:bad")) == 1
    # An alias of that name begins anew.
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    other = (await s.engine.accepted("f", b"{}", qualifier="prod")).id
    await s.settle()
    assert (await s.engine.invocations.get(other)).attempt == 1
