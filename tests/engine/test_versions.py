"""Published versions: frozen, numbered once, deleted with what waits for them."""

from __future__ import annotations

import pytest

from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.catalog.code import pack
from thence.catalog.function import parse_spec
from thence.errors import (
    AliasNotFound,
    Conflict,
    FunctionNotFound,
    InvalidInput,
    QualifierNotFound,
    VersionNotFound,
)
from thence.lifecycle.states import Reason, State
from thence.testing import Error, Forever, Ok, Service


def versions(s: Service) -> list[str]:
    return [version.version for version in s.engine.functions.versions("f")]


async def test_a_version_is_what_latest_was_when_it_was_published(s: Service) -> None:
    await s.function("f", answers=[Error()], max_retries=1, timeout_seconds=5)
    published = await s.engine.functions.publish_version("f", "the first")
    await s.function("f", max_retries=0, timeout_seconds=9)
    assert (published.version, published.note, published.spec.timeout_seconds) == (
        "1",
        "the first",
        5,
    )
    assert s.engine.functions.get("f", "1") == published
    assert s.engine.functions.get("f").spec.timeout_seconds == 9
    old, new = await s.invoke("f", qualifier="1"), await s.invoke("f")
    await s.clock.advance(100)
    # Each by its own retries.
    assert (await s.show(old)).attempt == 2 and (await s.show(new)).attempt == 1
    assert [start.version for start in s.scripts.starts] == ["1", "latest", "1"]


async def test_what_was_called_is_kept_only_where_it_is_not_what_runs(s: Service) -> None:
    await s.function("f")
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    for qualifier, version, kept in (
        ("latest", "latest", ""),
        ("1", "1", ""),
        ("prod", "1", "prod"),
    ):
        view = await s.show(await s.invoke("f", qualifier=qualifier))
        assert (view.version, view.meta.qualifier, view.qualifier) == (version, kept, qualifier)


async def test_a_number_is_never_given_twice(s: Service) -> None:
    await s.function("f")
    for _ in range(3):
        await s.engine.functions.publish_version("f")
    for version in ("1", "2", "3"):
        await s.engine.functions.delete_version("f", version)
    assert versions(s) == []
    await s.restart()
    assert (await s.engine.functions.publish_version("f")).version == "4"
    assert (await s.engine.functions.publish_version("f", version="9")).version == "9"
    await s.engine.functions.delete_version("f", "9")
    assert (await s.engine.functions.publish_version("f")).version == "10"
    assert versions(s) == ["4", "10"]


async def test_a_version_may_have_a_name_that_is_not_taken(s: Service) -> None:
    await s.function("f")
    assert (await s.engine.functions.publish_version("f", version="v20260101-000000")).version[
        0
    ] == "v"
    await s.engine.functions.put_alias("f", Alias("prod", "v20260101-000000"), create=True)
    for taken in ("v20260101-000000", "prod"):
        with pytest.raises(Conflict):
            await s.engine.functions.publish_version("f", version=taken)
    for wrong in ("latest", "LATEST", "", "a b", "-a", "a" * 129):
        with pytest.raises(InvalidInput) as refused:
            await s.engine.functions.publish_version("f", version=wrong)
        assert refused.value.fields["field"] == "version"
    with pytest.raises(FunctionNotFound):
        await s.engine.functions.publish_version("g")


async def test_the_next_number_leaves_out_the_name_of_an_alias(s: Service) -> None:
    await s.function("f")
    await s.engine.functions.put_alias("f", Alias("1", "latest"), create=True)
    assert (await s.engine.functions.publish_version("f")).version == "2"


async def test_an_unknown_qualifier_is_named_as_what_it_could_be(s: Service) -> None:
    await s.function("f")
    for qualifier, kind in (("7", VersionNotFound), ("prod", AliasNotFound)):
        with pytest.raises(kind) as missing:
            s.engine.functions.get("f", qualifier)
        assert qualifier in missing.value.detail and "'f'" in missing.value.detail
    with pytest.raises(VersionNotFound):
        await s.invoke("f", qualifier="7")
    with pytest.raises(QualifierNotFound) as unclear:
        await s.invoke("f", qualifier="LATEST")  # a vendor's word: its door translates it
    assert "no version or alias 'LATEST'" in unclear.value.detail
    with pytest.raises(QualifierNotFound):
        await s.engine.invoke("f", b"", qualifier="prod")


async def test_a_version_that_an_alias_names_cannot_be_deleted(s: Service) -> None:
    await s.function("f")
    for _ in range(3):
        await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("prod", "1", {"2": 0.5}), create=True)
    for version in ("1", "2"):
        with pytest.raises(Conflict) as refused:
            await s.engine.functions.delete_version("f", version)
        assert refused.value.fields["aliases"] == ["prod"]
    await s.engine.functions.delete_version("f", "3")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=False)
    await s.engine.functions.delete_version("f", "2")
    assert versions(s) == ["1"]
    for wrong, error in (("2", VersionNotFound), ("latest", InvalidInput)):
        with pytest.raises(error):
            await s.engine.functions.delete_version("f", wrong)


async def test_versions_that_come_and_go_leave_nothing_to_count(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=10)])
    await s.engine.functions.publish_version("f")
    await s.invoke("f", qualifier="1")
    await s.settle()
    await s.engine.functions.delete_version("f", "1")
    for _ in range(5):
        version = (await s.engine.functions.publish_version("f")).version
        await s.engine.functions.delete_version("f", version)
    family = s.engine.parts.catalogue.family("f")
    await s.clock.advance(6)
    assert len(family.lanes) == len(s.engine.parts.lanes.all()) == 2  # latest, and what runs
    assert family.used == 1
    await s.clock.advance(20)
    assert len(family.lanes) == len(s.engine.parts.lanes.all()) == 1 and family.used == 0


async def test_what_waits_for_a_deleted_version_becomes_invalid_and_says_so(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=10)], concurrency=1)
    await s.engine.functions.publish_version("f")
    config = AsyncConfig(on_failure="queue:dead")
    await s.engine.functions.put_async_config("f", "1", config)
    running, waiting = await s.invoke("f", qualifier="1"), await s.invoke("f", qualifier="1")
    other = await s.invoke("f")
    await s.settle()
    await s.engine.functions.delete_version("f", "1")
    await s.settle()
    view = await s.show(waiting)
    assert (view.state, view.reason) == (State.INVALID, Reason.FUNCTION_DELETED)
    # By the configuration that the version had, though that is gone with it.
    assert len(await s.mail("queue:dead")) == 1 and s.engine.functions.async_configs("f") == {}
    await s.clock.advance(20)
    assert (await s.show(running)).state is State.SUCCEEDED
    assert (await s.show(other)).state is State.SUCCEEDED
    with pytest.raises(VersionNotFound):
        await s.invoke("f", qualifier="1")


async def test_the_configuration_of_what_is_deleted_counts_after_a_crash_too() -> None:
    async with Service(history_retention_seconds=300) as s:
        await deleted_before_a_crash(s)


async def deleted_before_a_crash(s: Service) -> None:
    await s.function("f", answers=[Forever()], concurrency=1)
    await s.engine.functions.publish_version("f")
    for qualifier in ("1", "latest"):
        await s.engine.functions.put_async_config(
            "f", qualifier, AsyncConfig(on_failure="queue:dead")
        )
        await s.invoke("f", qualifier=qualifier)
        await s.invoke("f", qualifier=qualifier)
    await s.engine.functions.delete_version("f", "1")
    await s.delete("f")
    assert len(await s.mail("queue:dead")) == 2  # those that waited
    assert s.engine.parts.catalogue.entries.all("deleted_configs") != []
    await s.crash()
    await s.clock.advance(60)
    # Those that ran are lost; there is no function to run them again.
    assert len(await s.mail("queue:dead")) == 4
    await s.clock.advance(10)
    assert s.engine.parts.catalogue.entries.all("deleted_configs") == []
    await s.restart()
    assert s.engine.parts.catalogue.entries.all("deleted_configs") == []


async def test_deleting_a_function_deletes_its_versions_and_all_that_belongs_to_it(
    s: Service,
) -> None:
    await s.function("f", answers=[Forever()], concurrency=1)
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    await s.engine.functions.put_async_config("f", "prod", AsyncConfig(max_retries=8))
    ids = [await s.invoke("f", qualifier=q) for q in ("latest", "1", "prod") for _ in range(2)]
    await s.delete("f")
    states = [(await s.show(id)).state for id in ids]
    assert states.count(State.INVALID) == 4 and states.count(State.RUNNING) == 2
    await s.function("f")
    assert (
        versions(s),
        s.engine.functions.aliases("f"),
        s.engine.functions.async_configs("f"),
    ) == ([], [], {})
    assert (await s.engine.functions.publish_version("f")).version == "1"  # another function
    await s.restart()
    assert (
        versions(s),
        s.engine.functions.aliases("f"),
        s.engine.functions.async_configs("f"),
    ) == (["1"], [], {})


async def test_a_restart_keeps_versions_and_goes_on_with_what_waits_for_them(s: Service) -> None:
    await s.function("f", answers=[Error(), "ok"])
    await s.engine.functions.publish_version("f")
    await s.function("f", max_retries=0)
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    id = await s.invoke("f", qualifier="prod")
    await s.settle()
    await s.crash()
    await s.clock.advance(10)
    view = await s.show(id)
    assert (view.state, view.version, view.qualifier) == (State.SUCCEEDED, "1", "prod")
    assert s.engine.functions.get("f", "prod").spec.max_retries == 3
    assert [item.name for item in s.engine.functions.all()] == ["f"]


async def test_the_code_of_a_version_stays_while_it_is_published() -> None:
    async with Service(unused_retention_seconds=0) as s:
        await s.function("f")
        published = await s.engine.functions.publish_version("f")
        digest = published.code_digest
        with s.clock.hold():
            await s.engine.functions.put("f", parse_spec({}), pack([("main.py", b"x = 2\n")]))
            await s.engine.parts.catalogue.code.prune(set())
            assert (s.engine.parts.code.path(digest)).exists()
            await s.engine.functions.delete_version("f", "1")
            assert await s.engine.parts.catalogue.code.prune(set()) == (1, 1)
        assert digest not in {item.code_digest for item in s.engine.functions.all()}
        assert not any(digest in str(path) for path in (s.directory / "code").rglob("*"))


async def test_a_redriven_invocation_runs_by_the_qualifier_that_was_called(s: Service) -> None:
    await s.function("f", answers=[Error()], max_retries=0)
    await s.engine.functions.publish_version("f")
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    ids = {q: await s.invoke("f", qualifier=q) for q in ("latest", "1", "prod")}
    await s.settle()
    await s.engine.functions.put_alias("f", Alias("prod", "2"), create=False)
    found = {q: await s.show(await s.redrive(id)) for q, id in ids.items()}
    assert {q: view.version for q, view in found.items()} == {
        "latest": "latest",
        "1": "1",
        "prod": "2",  # where the alias points now
    }
    assert {q: view.qualifier for q, view in found.items()} == {q: q for q in ids}


async def test_a_redrive_says_that_the_version_or_alias_is_gone(s: Service) -> None:
    await s.function("f", answers=[Error()], max_retries=0)
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    by_alias = await s.invoke("f", qualifier="prod")
    by_version = await s.invoke("f", qualifier="1")
    await s.settle()
    await s.engine.functions.delete_alias("f", "prod")
    await s.engine.functions.delete_version("f", "1")
    with pytest.raises(QualifierNotFound, match="prod"):
        await s.redrive(by_alias)
    with pytest.raises(VersionNotFound, match="'1'"):
        await s.redrive(by_version)
