"""Changes of the catalogue: as a whole or not at all, and never by what has changed since."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from thence.catalog.entry import Entry
from thence.catalog.function import Function, FunctionSpec
from thence.catalog.step import (
    CatalogueParts,
    CatalogueRows,
    DeleteEntry,
    DeleteFunction,
    DeleteVersion,
    PublishVersion,
    PutEntry,
    PutFunction,
    Step,
)
from thence.errors import CatalogueChanged, Conflict, FunctionNotFound
from thence.store.interface import Store
from thence.store.sqlite import catalog

from .scene import NOW

SPEC = FunctionSpec(handler="a.b")


def put(name: str) -> PutFunction:
    return PutFunction(name, SPEC, "digest", 1)


async def test_a_change_decided_by_an_earlier_revision_is_refused(store: Store) -> None:
    seen = await store.catalogue_revision()
    first = await store.change([put("f")], NOW, if_unchanged=seen)
    assert first.revision == seen + 1 == await store.catalogue_revision()
    with pytest.raises(CatalogueChanged) as refused:
        await store.change([put("g"), PutEntry("k", "", "n", b"1")], NOW, if_unchanged=seen)
    assert refused.value.fields["revision"] == seen + 1
    rows = await store.catalogue()
    assert rows.revision == seen + 1 and rows.entries == []
    assert rows.functions == first.left


@pytest.mark.parametrize(
    "step",
    [
        put("f"),
        PublishVersion(1, "2"),
        DeleteVersion(2),
        DeleteFunction(1),
        PutEntry("k", "1", "n", b"2"),
        DeleteEntry("k", "1", "n"),
    ],
    ids=lambda step: type(step).__name__,
)
async def test_every_kind_of_step_is_made_only_by_the_revision_that_is(
    store: Store, step: Step
) -> None:
    await store.change([put("f"), PublishVersion(1, "1"), PutEntry("k", "1", "n", b"1")], NOW)
    before = await store.catalogue()
    for wrong in (before.revision - 1, before.revision + 1):
        with pytest.raises(CatalogueChanged):
            await store.change([step], NOW, if_unchanged=wrong)
    assert await store.catalogue() == before
    await store.change([step], NOW + 1, if_unchanged=before.revision)
    after = await store.catalogue()
    assert after.revision == before.revision + 1
    assert (after.functions, after.entries) != (before.functions, before.entries)


async def test_of_changes_decided_by_the_same_revision_one_is_made(store: Store) -> None:
    seen = await store.catalogue_revision()
    asked = [
        store.change([PutEntry("k", "", str(n), b"1")], NOW, if_unchanged=seen) for n in range(8)
    ]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    made = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(made) == 1
    assert all(isinstance(answer, CatalogueChanged) for answer in answers if answer not in made)
    assert (await store.catalogue()).entries == made[0].left


async def test_a_step_that_cannot_be_made_undoes_those_before_it(store: Store) -> None:
    await store.change([put("f"), PublishVersion(1, "1")], NOW)
    before = await store.catalogue()
    for last, error in (
        (PublishVersion(1, "1"), Conflict),
        (PublishVersion(9, "1"), FunctionNotFound),
    ):
        with pytest.raises(error):
            await store.change([put("g"), PutEntry("k", "", "n", b"1"), last], NOW)
    assert await store.catalogue() == before


async def test_each_step_leaves_what_is_there_then(store: Store) -> None:
    made = await store.change(
        [
            put("f"),
            PublishVersion(1, "1", "first"),
            PutEntry("k", "1", "n", b"1"),
            DeleteEntry("k", "1", "n"),
            DeleteEntry("k", "1", "n"),
            DeleteVersion(2),
            DeleteVersion(2),
            DeleteFunction(1),
            DeleteFunction(1),
        ],
        NOW,
    )
    function, version, entry, *deleted = made.left
    assert isinstance(function, Function) and isinstance(version, Function)
    assert (function.version, version.version, version.note) == ("latest", "1", "first")
    assert entry == Entry("k", "1", "n", b"1", NOW, NOW)
    assert deleted == [True, False, True, False, True, False]


async def test_an_entry_can_belong_to_a_function_that_the_same_change_makes(store: Store) -> None:
    made = await store.change([put("f"), PutEntry("k", "", "n", b"1", function="f")], NOW)
    function, entry = made.left
    assert isinstance(function, Function) and isinstance(entry, Entry)
    assert entry.owner == str(function.id)


async def test_the_revision_outlives_the_process(make_store: Callable[[], Store]) -> None:
    first = make_store()
    await first.open()
    made = await first.change([put("f")], NOW)
    await first.close()
    second = make_store()
    await second.open()
    assert await second.catalogue_revision() == made.revision
    assert (await second.change([put("f")], NOW)).revision == made.revision + 1
    await second.close()


# ---------------------------------------------------------------- what was changed since


async def since(store: Store, revision: int) -> CatalogueParts:
    parts = await store.catalogue_since(revision)
    assert isinstance(parts, CatalogueParts)
    assert parts.revision == await store.catalogue_revision()
    return parts


async def test_nothing_has_changed_since_the_present_revision(store: Store) -> None:
    await store.change([put("f")], NOW)
    assert await store.catalogue_since(await store.catalogue_revision()) is None


async def test_of_a_family_that_was_touched_everything_is_told_and_nothing_of_others(
    store: Store,
) -> None:
    f, g = (await store.change([put("f"), put("g")], NOW)).left
    assert isinstance(f, Function) and isinstance(g, Function)
    owned = PutEntry("k", str(f.id), "n", b"1")
    await store.change([owned, PutEntry("k", str(g.id), "n", b"1")], NOW)
    seen = await store.catalogue_revision()
    (published,) = (await store.change([PublishVersion(f.id, "1")], NOW)).left
    parts = await since(store, seen)
    assert parts.families == {f.id} and parts.functions == [f, published]
    assert [(entry.owner, entry.data) for entry in parts.owned] == [(str(f.id), b"1")]
    assert not parts.keys and not parts.entries
    assert isinstance(published, Function)
    await store.change([DeleteVersion(published.id)], NOW)
    assert (await since(store, parts.revision)).functions == [f]
    await store.change([DeleteFunction(f.id)], NOW)
    gone = await since(store, seen)
    assert gone.families == {f.id} and gone.functions == [] and gone.owned == []


async def test_of_entries_that_were_touched_those_that_are_left_are_told(store: Store) -> None:
    seen = await store.catalogue_revision()
    await store.change([PutEntry("k", "", "a", b"1"), PutEntry("k", "door", "b", b"1")], NOW)
    await store.change([PutEntry("k", "", "a", b"2")], NOW)
    await store.change([DeleteEntry("k", "door", "b")], NOW)
    parts = await since(store, seen)
    assert parts.keys == {("k", "", "a"), ("k", "door", "b")}
    assert [(entry.name, entry.data) for entry in parts.entries] == [("a", b"2")]
    assert not parts.families


async def test_a_refused_change_touched_nothing(store: Store) -> None:
    seen = (await store.change([put("f")], NOW)).revision
    with pytest.raises(FunctionNotFound):
        await store.change([put("g"), PublishVersion(77, "1")], NOW)
    assert await store.catalogue_since(seen) is None


async def test_who_knows_a_revision_of_long_ago_or_none_of_this_store_reads_the_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "TOUCHED_MAX", 3)
    seen = [(await store.change([put(f"f{number}")], NOW)).revision for number in range(5)]
    assert len((await since(store, seen[1])).families) == 3
    for revision in (0, seen[0], seen[-1] + 5):
        rows = await store.catalogue_since(revision)
        assert isinstance(rows, CatalogueRows) and len(rows.functions) == 5
