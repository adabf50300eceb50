"""Entries: what the catalogue and the doors keep beside functions."""

from __future__ import annotations

from thence.catalog.entry import Entry
from thence.store.interface import Store

from .catalogue import delete_entry, put_entry
from .scene import NOW


async def test_entries_come_back_by_kind_owner_and_name(store: Store) -> None:
    made = {
        key: await put_entry(store, *key, b'{"n": 1}', NOW)
        for key in (("b", "1", "x"), ("a", "2", "y"), ("a", "10", ""), ("a", "10", "z"))
    }
    assert await store.entries() == [made[key] for key in sorted(made)]
    assert made["b", "1", "x"] == Entry("b", "1", "x", b'{"n": 1}', NOW, NOW)


async def test_an_entry_put_again_keeps_when_it_was_made(store: Store) -> None:
    await put_entry(store, "alias", "1", "live", b"old", NOW)
    again = await put_entry(store, "alias", "1", "live", b"new", NOW + 5)
    assert again == Entry("alias", "1", "live", b"new", NOW, NOW + 5)
    assert await store.entries() == [again]


async def test_a_deleted_entry_is_gone_and_made_anew_when_put_again(store: Store) -> None:
    await put_entry(store, "alias", "1", "live", b"old", NOW)
    other = await put_entry(store, "alias", "1", "next", b"other", NOW)
    assert await delete_entry(store, "alias", "1", "live") is True
    assert await delete_entry(store, "alias", "1", "live") is False
    assert await store.entries() == [other]
    assert (await put_entry(store, "alias", "1", "live", b"x", NOW + 9)).created_at == NOW + 9
