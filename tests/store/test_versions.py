"""Published versions in the store: frozen copies of `latest`, rows of their own."""

from __future__ import annotations

import pytest

from thence.catalog.function import FunctionSpec
from thence.errors import Conflict, FunctionNotFound
from thence.store.interface import Store
from thence.store.records import Filter

from .catalogue import delete_function, delete_version, publish, put_entry, put_function
from .scene import DAY, NOW, Scene

OLD = FunctionSpec(handler="a.old", description="old")
NEW = FunctionSpec(handler="a.new")


async def test_a_version_is_a_copy_that_stays_when_latest_changes(store: Store) -> None:
    latest = await put_function(store, "f", OLD, "old", 1, NOW)
    published = await publish(store, latest.id, "1", "first", NOW + 5)
    assert published.id not in (0, latest.id)
    assert (published.name, published.version, published.note) == ("f", "1", "first")
    assert (published.family, latest.family) == (latest.id, latest.id)
    assert (published.spec, published.code_digest, published.code_bytes) == (OLD, "old", 1)
    assert (published.created_at, published.revision, published.deleted_at) == (NOW + 5, 1, None)
    replaced = await put_function(store, "f", NEW, "new", 2, NOW + 9)
    assert (replaced.id, replaced.version, replaced.revision) == (latest.id, "latest", 2)
    assert await store.functions() == [replaced, published]


async def test_functions_come_by_name_latest_first_and_versions_as_they_were_published(
    store: Store,
) -> None:
    a = await put_function(store, "a", OLD, "d", 1, NOW)
    b = await put_function(store, "b", OLD, "d", 1, NOW)
    for version in ("10", "9", "beta"):
        await publish(store, b.id, version, "", NOW)
    await publish(store, a.id, "1", "", NOW)
    assert [(function.name, function.version) for function in await store.functions()] == [
        ("a", "latest"),
        ("a", "1"),
        ("b", "latest"),
        ("b", "10"),
        ("b", "9"),
        ("b", "beta"),
    ]


@pytest.mark.parametrize("version", ["1", "latest"])
async def test_a_version_that_is_there_is_not_published_again(store: Store, version: str) -> None:
    latest = await put_function(store, "f", OLD, "d", 1, NOW)
    other = await put_function(store, "g", OLD, "d", 1, NOW)
    await publish(store, latest.id, "1", "", NOW)
    with pytest.raises(Conflict, match="already"):
        await publish(store, latest.id, version, "", NOW + 1)
    assert len(await store.functions()) == 3
    assert (await publish(store, other.id, "1", "", NOW)).family == other.id


async def test_a_deleted_version_may_come_again_once_no_invocation_of_it_remains(
    scene: Scene,
) -> None:
    store = scene.store
    latest = await put_function(store, "f", OLD, "d", 1, NOW)
    first = await publish(store, latest.id, "1", "", NOW)
    item = await scene.run(function=first.id)
    await scene.commit(settles=[scene.settled(item)])
    assert await delete_version(store, first.id, NOW + 1) is True
    with pytest.raises(Conflict, match="invocations remain"):
        await publish(store, latest.id, "1", "", NOW + 2)
    await store.prune(
        history_before=NOW + DAY,
        payload_before=0,
        result_before=0,
        journal_before=0,
        now=NOW,
        limit=10,
    )
    again = await publish(store, latest.id, "1", "", NOW + 3)
    assert again.id not in (latest.id, first.id)
    assert [function.id for function in await store.functions(deleted=True)] == [
        latest.id,
        again.id,
    ]


async def test_a_version_of_a_function_that_is_gone_cannot_be_published(store: Store) -> None:
    latest = await put_function(store, "f", OLD, "d", 1, NOW)
    published = await publish(store, latest.id, "1", "", NOW)
    await delete_function(store, latest.id, NOW)
    for gone in (latest.id, published.id, 77):
        with pytest.raises(FunctionNotFound):
            await publish(store, gone, "2", "", NOW)
    assert await store.functions() == []


async def test_only_a_version_is_deleted_as_one_and_only_once(store: Store) -> None:
    latest = await put_function(store, "f", OLD, "d", 1, NOW)
    published = await publish(store, latest.id, "1", "", NOW)
    assert await delete_version(store, latest.id, NOW) is False
    assert await delete_version(store, published.id, NOW) is True
    assert await delete_version(store, published.id, NOW) is False
    assert await store.functions() == [latest]


async def test_a_function_goes_with_its_versions_and_what_it_owns_and_nothing_else(
    store: Store,
) -> None:
    latest = await put_function(store, "f", OLD, "d", 1, NOW)
    other = await put_function(store, "g", OLD, "d", 1, NOW)
    published = await publish(store, latest.id, "1", "", NOW)
    kept = [
        await put_entry(store, "alias", str(other.id), "live", b"{}", NOW),
        await put_entry(store, "fc.service", "", "s", b"{}", NOW),
    ]
    for kind, name in (("alias", "live"), ("control", "")):
        await put_entry(store, kind, str(latest.id), name, b"{}", NOW)
    assert await delete_function(store, published.id, NOW) is False  # the id of a family, not this
    assert await delete_function(store, latest.id, NOW) is True
    assert await delete_function(store, latest.id, NOW) is False
    assert await store.functions() == [other]
    assert await store.entries() == kept
    again = await put_function(store, "f", NEW, "d", 1, NOW)
    assert await store.functions() == [again, other]


async def test_deleted_versions_remain_while_invocations_of_them_do(scene: Scene) -> None:
    latest = await put_function(scene.store, "f", OLD, "d", 1, NOW)
    used = await publish(scene.store, latest.id, "1", "", NOW)
    await publish(scene.store, latest.id, "2", "", NOW)
    await scene.accept(scene.new(function=used.id))
    await delete_function(scene.store, latest.id, NOW + 1)
    (kept,) = await scene.store.functions(deleted=True)
    assert (kept.id, kept.version, kept.family) == (used.id, "1", latest.id)


async def test_an_invocation_tells_the_version_that_runs_it(scene: Scene) -> None:
    latest = await put_function(scene.store, "f", OLD, "d", 1, NOW)
    published = await publish(scene.store, latest.id, "1", "", NOW)
    items = [scene.new(function=found) for found in (latest.id, published.id)]
    await scene.accept(*items)
    views = [await scene.store.invocation(item.id) for item in items]
    assert [(v and v.function, v and v.version, v and v.qualifier) for v in views] == [
        ("f", "latest", "latest"),
        ("f", "1", "1"),
    ]
    rows = (await scene.store.invocations(Filter(), 5, None)).items
    assert [(row.function, row.version) for row in rows] == [("f", "1"), ("f", "latest")]


async def test_a_list_of_a_family_has_the_invocations_of_all_its_versions(scene: Scene) -> None:
    latest = await put_function(scene.store, "f", OLD, "d", 1, NOW)
    other = await put_function(scene.store, "g", OLD, "d", 1, NOW)
    published = await publish(scene.store, latest.id, "1", "", NOW)
    items = [scene.new(function=item) for item in (latest.id, other.id, published.id)]
    await scene.accept(*items)
    page = await scene.store.invocations(Filter(family=latest.id), 5, None)
    assert [row.id for row in page.items] == [items[2].id, items[0].id]
    await delete_function(scene.store, latest.id, NOW)
    page = await scene.store.invocations(Filter(family=latest.id), 5, None)
    assert len(page.items) == 2
