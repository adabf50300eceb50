"""Entries that doors keep: in memory as they are in the store."""

from __future__ import annotations

import pytest

from thence.errors import StoreUnavailable
from thence.testing import Service


async def test_entries_are_kept_by_kind_owner_and_name(s: Service) -> None:
    made = await s.engine.functions.put_entry("fc.service", "", "shop", b"1")
    await s.engine.functions.put_entry("fc.service", "", "bank", b"2")
    await s.engine.functions.put_entry("fc.tag", "acs:fc:::shop", "colour", b'"red"')
    await s.clock.advance(1)
    put = await s.engine.functions.put_entry("fc.service", "", "shop", b"3")
    assert (put.data, put.created_at) == (b"3", made.created_at) and put.updated_at > put.created_at
    for _ in range(2):
        assert [entry.name for entry in s.engine.functions.entries("fc.service")] == [
            "bank",
            "shop",
        ]
        assert s.engine.functions.entries("fc.service", "")[1] == put
        assert s.engine.functions.entries("fc.service", "other") == []
        assert [entry.data for entry in s.engine.functions.entries("fc.tag", "acs:fc:::shop")] == [
            b'"red"'
        ]
        await s.restart()


async def test_a_deleted_entry_is_gone(s: Service) -> None:
    await s.engine.functions.put_entry("fc.service", "", "shop", b"1")
    assert await s.engine.functions.delete_entry("fc.service", "", "shop")
    assert not await s.engine.functions.delete_entry("fc.service", "", "shop")
    assert s.engine.functions.entries("fc.service") == []
    await s.restart()
    assert s.engine.functions.entries("fc.service") == []


async def test_what_a_function_owns_goes_with_it(s: Service) -> None:
    function = await s.function("f")
    await s.engine.functions.put_entry("fc.trigger", str(function.id), "t", b"1")
    await s.engine.functions.put_entry("fc.trigger", "other", "t", b"2")
    await s.delete("f")
    assert [entry.owner for entry in s.engine.functions.entries("fc.trigger")] == ["other"]
    await s.restart()
    assert [entry.owner for entry in s.engine.functions.entries("fc.trigger")] == ["other"]


async def test_nothing_is_changed_where_the_store_cannot_write(s: Service) -> None:
    await s.engine.functions.put_entry("k", "", "a", b"1")
    s.disk_full(10)
    for work in (
        s.engine.functions.put_entry("k", "", "a", b"2"),
        s.engine.functions.delete_entry("k", "", "a"),
    ):
        with pytest.raises(StoreUnavailable):
            await work
    assert [entry.data for entry in s.engine.functions.entries("k")] == [b"1"]


@pytest.mark.parametrize("kind", ["alias", "async_config", "control", "version_number"])
async def test_what_the_engine_keeps_has_calls_of_its_own(s: Service, kind: str) -> None:
    with pytest.raises(ValueError, match=kind):
        await s.engine.functions.put_entry(kind, "1", "a", b"{}")
    with pytest.raises(ValueError, match=kind):
        await s.engine.functions.delete_entry(kind, "1", "a")
