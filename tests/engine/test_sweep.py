"""Blobs that a killed process left without a row are removed; those in use never are."""

from __future__ import annotations

import pytest

from thence.catalog.code import check_archive, pack
from thence.errors import StoreUnavailable
from thence.lifecycle.ids import IdSource
from thence.notices import FilesUnused
from thence.removal import Readers
from thence.store.blobs import PARTS
from thence.testing import Service
from thence.testing.service import number

HOUR = 3600


async def sweep_all(service: Service) -> None:
    with service.clock.hold():
        for _ in range(PARTS):
            await service.engine.parts.sweep.once()


async def test_a_blob_without_a_row_is_removed_once_it_is_old() -> None:
    async with Service(unused_retention_seconds=3 * HOUR) as service:
        await service.function("f", answers=["x" * 100_000])
        id = number(await service.invoke("f", b'"' + b"p" * 100_000 + b'"'))
        await service.clock.advance(1)
        left = f"{IdSource().next(service.clock.now()):032x}.payload"
        await service.engine.parts.blobs.put(left, b"never committed")
        await sweep_all(service)
        assert await service.engine.parts.blobs.get(left) == b"never committed"
        await service.clock.advance(2 * 3600)
        await sweep_all(service)
        # A store from an older backup would not know it either: it is only marked.
        assert await service.engine.parts.blobs.get(left) == b"never committed"
        await service.clock.advance(3 * HOUR)
        await sweep_all(service)
        refs = [ref for n in range(PARTS) for ref in await service.engine.parts.blobs.part(n)]
        assert left not in refs
        payload = await service.engine.parts.store.payload(id)
        result = await service.engine.parts.store.result(id)
        assert payload is not None and result is not None
        assert sorted(refs) == sorted([payload[0].ref, result.ref])


async def test_a_store_that_knows_nothing_is_no_reason_to_remove_anything() -> None:
    async with Service(unused_retention_seconds=0) as service:
        left = f"{IdSource().next(service.clock.now()):032x}.payload"
        await service.engine.parts.blobs.put(left, b"of a store that was lost")
        archive = pack([("main.py", b"of a store that was lost")])
        info = check_archive(archive)
        with service.clock.hold():
            await service.engine.parts.code.store(archive, info)
        await service.clock.advance(2 * HOUR)
        await sweep_all(service)
        assert await service.engine.parts.blobs.get(left)
        assert service.engine.parts.code.path(info.digest).is_dir()
        # With work of its own it judges, and says what it removes.
        await service.function("f")
        await service.invoke("f")
        await service.clock.advance(1)
        said: list[FilesUnused] = []
        service.notices.on(FilesUnused, said.append)
        await sweep_all(service)
        assert {(item.what, item.unused, item.removed) for item in said} == {
            ("code", 1, 1),
            ("blobs", 1, 1),
        }


async def test_blobs_that_a_backup_reads_go_when_it_is_done() -> None:
    async with Service(
        payload_retention_seconds=HOUR, unused_retention_seconds=99 * HOUR
    ) as service:
        await service.function("f")
        id = number(await service.invoke("f", b'"' + b"p" * 100_000 + b'"'))
        await service.clock.advance(1)
        found = await service.engine.parts.store.payload(id)
        assert found is not None and found[0].ref is not None
        with Readers(service.directory).reading():
            await service.clock.advance(2 * HOUR)
            pruned = await service.engine.parts.store.payload(id)
            assert pruned is not None and pruned[0].ref is None
            assert len(await service.engine.parts.blobs.get(found[0].ref)) == 100_002
        await sweep_all(service)
        with pytest.raises(StoreUnavailable, match="missing"):
            await service.engine.parts.blobs.get(found[0].ref)
