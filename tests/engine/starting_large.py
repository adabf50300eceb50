"""The walks of starting.py with large results that are written slowly, or cannot be written at times,
with backlogs and with other concurrencies: no lane with room is left out of sight, what has ended holds
nothing of the node until there is much of it, and there is never more of it than the bound."""

from __future__ import annotations

from collections import Counter

from thence.engine.lanes import BESIDE_MAX
from thence.errors import StoreUnavailable, ThenceError
from thence.runtimes.interface import Run
from thence.testing import Lost, Ok

from .starting import Starting

LARGE = "x" * 70_000
CONCURRENCY_MAX = 10
BACKLOG = (20, 60)


class StartingLarge(Starting):
    """few: little may be kept before what has ended keeps room of the node too."""

    def __init__(self, seed: int, few: bool) -> None:
        super().__init__(seed)
        self.few = few
        self.large: set[str] = set()  # functions with large results
        self.paused: set[str] = set()  # by their own concurrency
        self.refusing = False
        self.put_seconds = 0.0

    def answer(self, run: Run) -> Lost | Ok:
        answer = super().answer(run)
        if isinstance(answer, Lost) or run.function.name not in self.large:
            return answer
        return self.rng.choice([answer, Ok(LARGE), Ok(LARGE, answer.seconds)])

    # ------------------------------------------------------------ what happens

    async def no_timer(self) -> None:
        engine = self.s.engine
        put = engine.parts.blobs.put

        async def slowly(ref: str, data: bytes) -> str:
            if self.put_seconds:
                await engine.clock.sleep(self.put_seconds)
            if self.refusing:
                raise StoreUnavailable("No file can be made.")
            digest: str = await put(ref, data)
            return digest

        engine.parts.blobs.put = slowly
        await super().no_timer()

    async def deploy(self, name: str) -> None:
        (self.large.add if self.rng.random() < 0.6 else self.large.discard)(name)
        self.paused.discard(name)
        await super().deploy(name)

    async def change(self, name: str) -> None:
        rng, kind = self.rng, self.rng.random()
        if kind < 0.12:
            self.refusing = not self.refusing
            self.anew()
        elif kind < 0.2:
            self.put_seconds = rng.choice([0.0, 0.05, 0.4, 2.0])
            self.anew()
        elif name in self.s.engine.parts.catalogue.names():
            if kind < 0.25:
                await self.resize(name, rng.choice([0, 1, 2, 4, CONCURRENCY_MAX]))
            elif kind < 0.33:
                await self.backlog(name)
        await super().change(name)

    async def resize(self, name: str, concurrency: int) -> None:
        await self.s.function(name, concurrency=concurrency, timeout_seconds=600)
        (self.paused.discard if concurrency else self.paused.add)(name)
        self.anew(name)

    async def backlog(self, name: str) -> None:
        for _ in range(self.rng.choice(BACKLOG)):
            try:
                await self.s.invoke(name, qualifier=self.rng.choice(self.versions[name]))
            except (ThenceError, ConnectionResetError):
                return

    # ------------------------------------------------------------ what must hold

    def bound(self) -> float:
        return super().bound() * 10  # behind backlogs; who is left out is seen at once

    async def steady(self) -> None:
        for _ in range(20):
            await self.s.clock.advance(2)
            await self.load()
            await self.look()

    async def look(self) -> None:
        await self.s.settle()
        if self.few and self.refusing:
            self.anew()
        for name in self.paused | (self.large if self.refusing else set()):
            self.anew(name)
        engine, ended = self.s.engine, list(self.s.engine.parts.running)
        runs, lanes = Counter(run.function.id for run in ended), engine.parts.lanes.all()
        kept = sum(lane.kept_of_node for lane in lanes)
        taken = len(engine.parts.runtime._here) + sum(lane.reserved for lane in lanes) + kept
        assert self.few or not kept
        assert engine.parts.runtime.occupancy().in_use == taken
        for lane in lanes:
            counted = sum(
                item.under_way + item.reserved + item.unwritten for item in lane.family.lanes
            )
            assert lane.family.used == counted and min(lane.reserved, lane.unwritten) >= 0
            assert runs[lane.function.id] <= CONCURRENCY_MAX + 2 * BESIDE_MAX
            free = engine.parts.dispatch.free(lane)  # (none is, while a suspect has the node)
            waits = lane.ready and not lane.claiming and not lane.deleted
            assert not waits or free <= 0 or engine.parts.writer.outage.down, (
                f"{lane.function.name} left out"
            )
        await super().look()

    async def finish(self) -> None:
        self.refusing, self.put_seconds = False, 0.0
        for name in sorted(self.paused):
            if name in self.s.engine.parts.catalogue.names():
                await self.resize(name, 2)
        await super().finish()
