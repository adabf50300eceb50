"""What a deployment sets going."""

from __future__ import annotations

from msgspec.structs import replace

from thence.testing.service import Service


async def test_more_concurrency_begins_what_waits() -> None:
    async with Service() as service:
        function = await service.function("f", answers=["ok"], concurrency=0)
        id = await service.invoke("f", {})
        await service.settle()
        assert (await service.show(id)).state == "queued"
        await service.engine.functions.put("f", replace(function.spec, concurrency=1), None)
        await service.settle()
        assert (await service.show(id)).state == "succeeded"
