"""The store fails, or the process dies, at any statement and at any commit, by seed.

After each walk every promise of design §2 is looked up in the store. More: THENCE_FAULTS=5000.
One again: THENCE_SEED=17.
"""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from thence.errors import StoreUnavailable
from thence.store.sqlite import connection
from thence.testing import Service

from .sqlite import Faults, FaultySqlite
from .walk import Walk, take

RUNS = int(os.environ.get("THENCE_FAULTS", "150"))
ONE = os.environ.get("THENCE_SEED")
SEEDS = [int(ONE)] if ONE else list(range(RUNS))
STEPS = 10


class Struck:
    """Plans a fault before each step, and begins a new incarnation when one was deadly."""

    def __init__(self, faults: Faults, rng: random.Random) -> None:
        self.faults = faults
        self.rng = rng
        self.deaths = 0

    async def before(self, walk: Walk) -> None:
        await self.recover(walk)
        if self.faults.left < 0:
            rng = self.rng
            self.faults.on_death = lambda: walk.s.incarnation.die() if walk.s.running else None
            walk.revive = self.revive
            kind = rng.choice(["fail", "die", "after", "die", "after"])
            only = rng.choice(["", "", "COMMIT", "INSERT", "DELETE"])
            self.faults.plan(
                kind, rng.randrange(3 if only == "COMMIT" else 40), rng.randrange(1, 6), only
            )

    def revive(self) -> None:
        """The next process starts with a store that answers."""
        if self.faults.dead:
            self.deaths += 1
            self.faults.clear()

    async def recover(self, walk: Walk) -> None:
        """A dead process is started again; one that only fails goes on."""
        if self.faults.dead:
            self.revive()
            if walk.s.running:
                await walk.s.kill()
            await walk.begin()

    async def after(self, walk: Walk) -> None:
        await self.recover(walk)
        self.faults.clear()


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_fault_of_the_store_breaks_a_promise(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"THENCE_SEED={seed}")  # shown when it fails
    faults = Faults()
    monkeypatch.setattr(connection, "sqlite3", FaultySqlite(faults))
    struck = Struck(faults, random.Random(seed))
    service = Service(seed=seed, ahead=seed % 2, waiting_max=10_000)  # what waits is counted
    await take(service, seed, STEPS, before=struck.before, after=struck.after)
    print(faults.struck)


async def test_the_faults_reach_every_kind_of_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = Faults()
    monkeypatch.setattr(connection, "sqlite3", FaultySqlite(faults))
    async with Service() as s:
        await s.function("f", answers=["ok"])
        for only in ("BEGIN IMMEDIATE", "INSERT", "COMMIT"):
            await s.settle()  # the fault is for the accept, not for what a loop writes
            faults.plan("fail", 0, 1, only)
            with pytest.raises(StoreUnavailable):
                await s.invoke("f")
            await s.clock.advance(1)
        assert len(faults.struck) == 3 and (await s.engine.stats()).accepted == 0
        faults.on_death = lambda: s.incarnation.die() if s.running else None
        faults.plan("after", 0, 1, "COMMIT")
        task = asyncio.ensure_future(s.invoke("f"))
        await s.settle()
        with pytest.raises(ConnectionResetError):
            await task  # committed, and nobody was told
        assert faults.dead
        faults.clear()
        await s.crash()
        assert (await s.engine.stats()).succeeded == 1
