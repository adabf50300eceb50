"""A steady load, changes and faults by seed, and what an independent model says of them: whatever may
run begins within a bound, and at the end nothing is left. The dispatcher's own timer never fires."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from msgspec import Struct

from thence.catalog.alias import Alias
from thence.catalog.control import Control
from thence.errors import ThenceError
from thence.lifecycle.states import FINAL
from thence.runtimes.interface import Run
from thence.testing import Lost, Ok, Service
from thence.testing.service import number

LONG_SECONDS = 5.0
KINDS = ("short", "long", "flip")
WAITING_OF_EACH = 2  # the load keeps so many of every version waiting
TURNS_MAX = 4  # of every other version, before one's own


class Call(Struct):
    """An accepted invocation that has not begun; since (ms): nothing of its own kept it from that."""

    function: str
    since: int


class Starting:
    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.instances_max = rng.choice([1, 2, 3, 4, 8])
        self.s = Service(
            seed=seed,
            instances_max=self.instances_max,
            ahead=rng.choice([0, 0, 1, 2]),
            suspect_alone_seconds=rng.choice([0, 1.0, 5.0]),
            waiting_max=10_000,
        )
        self.kinds: dict[tuple[str, str], str] = {}
        self.versions: dict[str, list[str]] = {}
        self.held: set[str] = set()  # disabled, or paused
        self.calls: dict[int, Call] = {}
        self.callers: list[asyncio.Task[Any]] = []
        self.quiet = ""  # gets no load
        self.losses = rng.choice([0.0, 0.02])

    def answer(self, run: Run) -> Lost | Ok:
        if self.rng.random() < self.losses:
            return Lost(0.1)
        kind = self.kinds.get((run.function.name, run.function.version), "short")
        if kind == "flip":
            kind = self.rng.choice(KINDS[:2])
        return Ok(seconds=0.2 if kind == "short" else LONG_SECONDS)

    # ------------------------------------------------------------ what happens

    async def walk(self, steps: int) -> None:
        async with self.s:
            await self.no_timer()
            for n in range(self.rng.choice([2, 3, 5])):
                await self.deploy(f"f{n}")
            for _ in range(steps):
                await self.change(self.rng.choice(sorted(self.versions)))
                for _ in range(self.rng.choice([1, 2, 6])):
                    await self.s.clock.advance(self.rng.choice([0.1, 0.5, 2]))
                    await self.load()
                await self.look()
            await self.steady()
            await self.finish()

    async def steady(self) -> None:
        """Nothing changes for longer than anybody may wait."""
        for _ in range(round(self.bound() / 2000) + 1):
            await self.s.clock.advance(2)
            await self.load()
        await self.look()

    async def no_timer(self) -> None:
        loop = self.s.engine.parts.dispatch.loop
        loop.interval_seconds = 1e6
        loop.wake()
        await self.s.settle()
        self.anew()

    async def change(self, name: str) -> None:
        rng, s, kind = self.rng, self.s, self.rng.random()
        if name not in s.engine.parts.catalogue.names():
            if kind < 0.3:
                await self.deploy(name)
        elif kind < 0.25:
            alias = ["a"] if len(self.versions[name]) > 1 else []
            await self.call(name, rng.choice([*self.versions[name], *alias]))
        elif kind < 0.4:
            version = rng.choice(self.versions[name])
            work = s.ask(s.engine.invoke(name, b"{}", qualifier=version))
            self.callers.append(asyncio.ensure_future(work))
        elif kind < 0.5:
            await self.control(name, rng.choice([0, 1, 2, 4, None]), rng.choice([None, None, "x"]))
        elif kind < 0.63:
            await self.control(name, rng.choice([1, 2, None]))
        elif kind < 0.66:
            await s.delete(name)
            self.calls = {id: item for id, item in self.calls.items() if item.function != name}
        elif kind < 0.68:
            await s.crash()
            await self.no_timer()
        elif kind < 0.7:
            await s.restart(rng.choice([0.1, 5]))
            await self.no_timer()
        elif kind < 0.73:
            seconds = rng.choice([0.5, 3])
            rng.choice([s.disk_full, s.store_down])(seconds)
            await s.clock.advance(seconds + 1.5)
            self.anew()
        elif kind < 0.8:
            self.quiet = name

    async def deploy(self, name: str) -> None:
        rng, s = self.rng, self.s
        s.scripts.set(name, self.answer)
        concurrency = rng.choice([1, 2, 4, 10])
        await s.function(name, concurrency=concurrency, timeout_seconds=600)
        versions = ["1", "2"][: rng.choice([0, 0, 1, 2])]
        for version in versions:
            await s.ask(s.engine.functions.publish_version(name, version=version))
        if versions:
            alias = Alias("a", "1", {"latest": 0.5})
            await s.ask(s.engine.functions.put_alias(name, alias, create=True))
        self.versions[name] = ["latest", *versions]
        for version in self.versions[name]:
            self.kinds[name, version] = rng.choice(KINDS)
        await self.control(name, rng.choice([None, None, 1, 2, 4]))

    async def control(self, name: str, limit: int | None, disabled: str | None = None) -> None:
        control = Control(limit=limit, disabled=disabled)
        await self.s.ask(self.s.engine.functions.put_control(name, control))
        (self.held.add if limit == 0 or disabled else self.held.discard)(name)
        self.anew(name)

    async def call(self, name: str, qualifier: str) -> None:
        try:
            id = number(await self.s.invoke(name, qualifier=qualifier))
        except (ThenceError, ConnectionResetError):
            return
        self.calls[id] = Call(name, self.s.clock.now())

    async def load(self) -> None:
        for name in sorted(set(self.s.engine.parts.catalogue.names()) - {self.quiet}):
            family = self.s.engine.parts.catalogue.family(name)
            for version in self.versions[name]:
                if family.rows[version].waiting < WAITING_OF_EACH:
                    await self.call(name, version)

    # ------------------------------------------------------------ what must hold

    def anew(self, name: str | None = None) -> None:
        """What happened to that function, or to all, may have kept its calls from beginning."""
        for call in self.calls.values():
            if name in (None, call.function):
                call.since = self.s.clock.now()

    def bound(self) -> float:
        """How long whatever may run waits at most (ms)."""
        turns = TURNS_MAX * (sum(map(len, self.versions.values())) + 2)
        return turns * LONG_SECONDS * 1000

    async def look(self) -> None:
        for start in self.s.scripts.starts:
            self.calls.pop(start.id, None)
        for name in self.held:
            self.anew(name)
        assert len(self.s.runtime.running()) <= self.instances_max
        bound = self.bound()
        for id, call in list(self.calls.items()):
            if self.s.clock.now() - call.since <= bound:
                continue
            view = await self.s.show(id)
            # (When a suspect gets its turn is a matter of chance; at the end all have had it.)
            if view.state not in FINAL and not view.spent.losses_used:
                raise AssertionError(f"{call.function} waits: {await self.s.why(id)}")
            del self.calls[id]

    async def finish(self) -> None:
        engine, self.losses = self.s.engine, 0.0
        for name in engine.parts.catalogue.names():
            await self.control(name, None)
        for _ in range(60):
            await self.s.clock.advance(50)
            stats = await engine.stats()
            if not stats.waiting + stats.running:
                break
        assert not stats.waiting + stats.running, "not over"
        assert await self.s.verify() == []
        for task in self.callers:
            assert task.done(), "a caller waits for ever"
            error = None if task.cancelled() else task.exception()  # by a crash
            assert error is None or isinstance(error, (ThenceError, ConnectionResetError)), error
        await self.s.clock.advance(30)
        self.books()

    def books(self) -> None:
        engine = self.s.engine
        for lane in engine.parts.lanes.all():
            assert not lane.deleted and lane.idle and not lane.waiting, lane.function.name
            assert not lane.keeps and not lane.keeps_of_all, lane.function.name
        for family in engine.parts.lanes.families():
            counted = (family.used, family.under_way, family.waiting, family.sync_waiting)
            assert counted == (0, 0, 0, 0) and not family.keeps, (family.name, counted)
            assert not family.parked and not family.in_line and family.bucket is None
        assert not len(engine.parts.dispatch.node_queue) and not engine.parts.dispatch._turn
        assert not engine.parts.suspects._kept and not engine.parts.dispatch.held_back
        assert engine.parts.runtime.occupancy().in_use == 0
