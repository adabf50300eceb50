"""Results that have ended and cannot be written: how many there may be, and what is said of them."""

from __future__ import annotations

import asyncio

import pytest

from thence.catalog.control import Control
from thence.engine import large_results
from thence.engine.lanes import BESIDE_MAX
from thence.engine.outage import AGAIN_SECONDS
from thence.errors import StoreUnavailable
from thence.notices import StoreBack, StoreLost
from thence.testing import Lost, Ok, Service
from thence.testing.service import number

from .test_room import MIB, Disk

CALLS = 100
SLOTS = 4
LARGE = "x" * 100_000


def refuse() -> None:
    raise StoreUnavailable("No file can be made.")


def take() -> None:
    """There is room again."""


@pytest.mark.parametrize("ahead", [0, 200], ids=["slow", "fast"])
async def test_what_has_ended_and_cannot_be_written_keeps_its_slot(ahead: int) -> None:
    async with Service(ahead=ahead) as s:
        await s.function("f", answers=[Ok(LARGE, seconds=0.1)] * CALLS, concurrency=SLOTS)
        await s.function("small", answers=["ok"] * 2)
        first = await s.invoke("f")
        await s.clock.advance(1)
        assert (await s.show(first)).state == "succeeded"
        s.engine.parts.blobs.space.check = refuse  # type: ignore[attr-defined]
        ids = [await s.invoke("f") for _ in range(CALLS - 1)]
        await s.clock.advance(60)
        assert SLOTS <= len(s.engine.parts.running) <= SLOTS + 2 * BESIDE_MAX
        other = await s.invoke("small")
        await s.settle()
        assert (await s.show(other)).state == "succeeded"
        why = await s.why(ids[-1])
        assert why is not None and why.code == "function_limit"
        assert "large results are on disk" in why.text
        s.engine.parts.blobs.space.check = take  # type: ignore[attr-defined]
        await s.clock.advance(20)
        views = [await s.show(id) for id in ids]
        assert {(view.state, view.attempt) for view in views} == {("succeeded", 1)}
        lane = s.engine.parts.lanes.all()[0]
        assert (lane.unwritten, lane.reserved, lane.family.used) == (0, 0, 0)


async def test_a_limit_of_all_versions_counts_what_cannot_be_written() -> None:
    async with Service() as s:
        await s.function("f", answers=[Ok(LARGE, seconds=0.1)] * CALLS)
        await s.ask(s.engine.functions.put_control("f", Control(limit=1)))
        s.engine.parts.blobs.space.check = refuse  # type: ignore[attr-defined]
        ids = [await s.invoke("f") for _ in range(8)]
        await s.clock.advance(60)
        assert len(s.engine.parts.running) <= 2
        s.engine.parts.blobs.space.check = take  # type: ignore[attr-defined]
        await s.clock.advance(20)
        assert {(await s.show(id)).state for id in ids} == {"succeeded"}


@pytest.mark.parametrize("functions", [1, 30])
async def test_what_cannot_be_written_keeps_nothing_of_the_node(functions: int) -> None:
    async with Service(instances_max=16, ahead=2) as s:

        async def put(ref: str, data: bytes) -> str:
            await s.engine.clock.sleep(0.15)  # so that the next have begun when it fails
            refuse()
            return ""

        await s.function("small", answers=["ok"])
        names = [f"f{n}" for n in range(functions)]
        for name in names:
            await s.function(name, answers=[Ok(LARGE, seconds=0.1)] * CALLS, concurrency=10)
        s.engine.parts.blobs.put = put  # type: ignore[attr-defined]
        for name in names * (60 // functions):
            await s.invoke(name)
        await s.clock.advance(60)
        assert len(s.engine.parts.running) == min(60, 28 * functions)
        assert s.engine.parts.runtime.occupancy().in_use == 0
        other = await s.invoke("small")
        await s.settle()
        assert (await s.show(other)).state == "succeeded"
        calling = asyncio.ensure_future(s.ask(s.engine.invoke("f0", b"{}")))
        await s.clock.advance(0.2)
        assert (await calling)[1].result, "what is not written needs no slot of these"


async def test_many_functions_together_keep_no_more_in_memory_than_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bound, instances, functions, calls = 30, 8, 40, 5
    monkeypatch.setattr(large_results, "KEPT_BYTES_MAX", bound * len(LARGE))
    async with Service(instances_max=instances, kept_free_percent=0) as s:
        names = [f"f{n}" for n in range(functions)]
        for name in names:
            await s.function(name, answers=[Ok(LARGE, seconds=0.1)] * calls, concurrency=calls)
        s.engine.parts.blobs.space.check = refuse  # type: ignore[attr-defined]
        ids = [await s.invoke(name) for name in names * calls]
        await s.clock.advance(60)
        assert bound <= len(s.engine.parts.running) <= bound + instances + BESIDE_MAX
        s.engine.parts.blobs.space.check = take  # type: ignore[attr-defined]
        await s.clock.advance(20)
        views = [await s.show(id) for id in ids]
        assert {(view.state, view.attempt) for view in views} == {("succeeded", 1)}
        assert s.engine.parts.runtime.occupancy().in_use == 0
        assert not any(lane.kept_of_node or lane.family.used for lane in s.engine.parts.lanes.all())
        assert s.engine.parts.results._kept_bytes == 0


async def test_a_suspect_whose_slot_is_kept_by_what_has_ended_holds_nobody_back() -> None:
    async with Service() as s:
        await s.function("f", answers=[Lost(), Ok(LARGE)], concurrency=1)
        await s.function("g", answers=[Ok(seconds=0.1)])
        s.engine.parts.blobs.space.check = refuse  # type: ignore[attr-defined]
        first = await s.invoke("f")
        await s.invoke("f")
        await s.settle()
        assert s.engine.parts.lanes.all()[0].unwritten == 1
        for _ in range(60):
            await s.clock.advance(0.5)
            assert not s.engine.parts.dispatch.held_back
        assert (await s.show(first)).attempt == 1
        s.engine.parts.blobs.space.check = take  # type: ignore[attr-defined]
        await s.clock.advance(10)
        assert (await s.show(first)).state == "succeeded"


async def test_a_disk_that_is_full_again_at_once_is_left_alone_for_some_seconds() -> None:
    async with Service() as s:
        said: list[str] = []
        s.notices.on(StoreLost, lambda _: said.append("lost"))
        s.notices.on(StoreBack, lambda _: said.append("back"))
        await s.function("f", answers=["ok"])
        waits = await s.invoke("f", delay_seconds=3600)
        s.engine.parts.room.reserve = disk = Disk(4096, held=32 * MIB)
        for _ in range(30):  # half a second each
            if not s.engine.parts.writer.outage.down:
                await s.invoke("f")  # small ones succeed in between
                disk.free, disk.held = 4096, 32 * MIB
                s.disk_full(0.1)
                with pytest.raises(StoreUnavailable, match="The disk is full"):
                    await s.invoke("f")
                disk.free = 60 * MIB
                if said == ["lost", "back", "lost"]:
                    asking = asyncio.ensure_future(s.engine.stop(number(waits)))
                    await s.clock.advance(1)
                    assert asking.done(), "whoever asks is told at once all the same"
                    assert isinstance(asking.exception(), StoreUnavailable)
            await s.clock.advance(0.5)
        assert 3 <= said.count("lost") <= 3 + 30 // AGAIN_SECONDS
        await s.clock.advance(AGAIN_SECONDS)
        assert said[-1] == "back"
        await s.invoke("f")
