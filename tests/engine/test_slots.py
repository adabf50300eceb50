"""Everything that runs is counted in one place, which may give a node fewer slots than its function has."""

from __future__ import annotations

import pytest

from thence.engine import wiring
from thence.engine.lanes import Lane
from thence.engine.slots import SlotsHere
from thence.testing import Error, Ok, Service


class Lent(SlotsHere):
    """As many slots as this node has on loan."""

    on_loan = 2

    def free(self, lane: Lane, room: int, *, written: bool = True) -> int:
        left = self.on_loan - lane.under_way - lane.reserved
        return min(left, super().free(lane, room, written=written))


async def test_a_node_begins_no_more_than_it_has_on_loan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "SlotsHere", Lent)
    async with Service() as s:
        await s.function("f", answers=[Ok(seconds=1)], concurrency=5)
        for _ in range(10):
            await s.invoke("f")
        await s.clock.advance(2.5)
        assert s.scripts.at_once["f"] == 2
        lane = s.engine.parts.catalogue.lane("f")
        lane.slots.on_loan = 4  # type: ignore[attr-defined]
        s.engine.parts.dispatch.pump()
        await s.clock.advance(60)
        assert s.scripts.at_once["f"] == 4 and len(s.starts("f")) == 10


async def test_every_slot_that_is_taken_is_free_again_when_all_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = {"begin": 0, "end": 0}

    class Counted(SlotsHere):
        def begin(self, lane: Lane) -> None:
            counted["begin"] += 1
            super().begin(lane)

        def end(self, lane: Lane) -> None:
            counted["end"] += 1
            super().end(lane)

    monkeypatch.setattr(wiring, "SlotsHere", Counted)
    async with Service(inline_bytes_max=10) as s:
        await s.function("f", answers=[Error(), "ok", Ok(seconds=2)], concurrency=2)
        ids = [await s.invoke("f", b"x" * (5 + 30 * (number % 2))) for number in range(12)]
        await s.stop(ids[-1])
        await s.clock.advance(300)
        lane = s.engine.parts.catalogue.lane("f")
        assert (lane.reserved, lane.under_way, lane.family.used) == (0, 0, 0)
        assert counted["begin"] == counted["end"] == len(s.starts("f"))
