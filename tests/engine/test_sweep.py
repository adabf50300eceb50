"""Blobs that a killed process left without a row are removed; those in use never are."""

from __future__ import annotations

from thence.lifecycle.ids import IdSource
from thence.store.blobs import PARTS
from thence.testing import Service
from thence.testing.service import number


async def sweep_all(service: Service) -> None:
    for _ in range(PARTS):
        await service.engine.sweep.once()


async def test_a_blob_without_a_row_is_removed_once_it_is_old() -> None:
    async with Service() as service:
        await service.function("f", answers=["x" * 100_000])
        id = number(await service.invoke("f", b'"' + b"p" * 100_000 + b'"'))
        await service.clock.advance(1)
        left = f"{IdSource().next(service.clock.now()):032x}.payload"
        await service.engine.blobs.put(left, b"never committed")
        await sweep_all(service)
        assert await service.engine.blobs.get(left) == b"never committed"
        await service.clock.advance(2 * 3600)
        await sweep_all(service)
        refs = [ref for n in range(PARTS) for ref in await service.engine.blobs.part(n)]
        assert left not in refs
        payload = await service.engine.store.payload(id)
        result = await service.engine.store.result(id)
        assert payload is not None and result is not None
        assert sorted(refs) == sorted([payload[0].ref, result.ref])
