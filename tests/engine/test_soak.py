"""A seeded storm over real instances: mixed functions, stops, redeploys, deletions, restarts. After
it, everything accepted has one final state, every delivery owed has an end, and verify is clean."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from thence.engine.engine import Engine
from thence.errors import Conflict, FunctionNotFound, Throttled, Unavailable
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import FINAL
from thence.notices import DeliveryEnded, InvocationSettled

from .processes import build, deploy

CODE = """
import os, random, sys, time
def handler(event, context):
    kind = event["kind"]
    if kind == "error": raise ValueError("\\x00 \\ud800 odd " * 500)
    if kind == "exit": os._exit(0)
    if kind == "sleep": time.sleep(event["seconds"])
    if kind == "print": print("x" * 200_000); sys.stdout.buffer.write(b"\\xff\\x00\\xfe")
    if kind == "large": return "y" * 100_000
    if kind == "odd":
        return random.choice([float("nan"), "\\ud800", (i for i in "ab"), {1, 2}, b"\\xff\\x00"])
    if kind == "fork" and os.fork() == 0: time.sleep(30)
    if kind == "close": os.closerange(3, 64)
    return {"attempt": context.attempt}
"""
KINDS = ["ok"] * 12 + ["error", "exit", "sleep", "sleep", "print", "large", "odd", "fork", "close"]
NAMES = ("a", "b", "c", "d")
SPEC = {
    "max_retries": 1,
    "retry_wait": {"first_seconds": 0.05, "cap_seconds": 0.1},
    "timeout_seconds": 0.3,
}


class Storm:
    """One run of it over the files of `folder`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.rng = random.Random(seed)
        self.ids: list[int] = []
        self.refused = 0
        self.finals: dict[int, list[Any]] = {}
        self.ended: list[int] = []
        self.sync: list[Outcome] = []

    async def begin(self) -> Engine:
        engine = build(self.folder, instances_max=4)
        engine.notices.on(
            InvocationSettled, lambda view: self.finals.setdefault(view.id, []).append(view.state)
        )
        engine.notices.on(DeliveryEnded, lambda item: self.ended.append(item.id))
        await engine.start()
        return engine

    async def redeploy(self, engine: Engine, name: str) -> None:
        goal = {"on_success": f"queue:{name}", "on_failure": f"topic:{name}"}
        if name == "a":
            goal["on_success"] = "function:b"
        await deploy(engine, name, CODE, concurrency=self.rng.randint(1, 6), **goal, **SPEC)

    def payload(self) -> bytes:
        kind = self.rng.choice(KINDS)
        body = f'{{"kind":"{kind}","seconds":{self.rng.uniform(0, 0.35):.3f},"fill":"'
        return body.encode() + b"z" * self.rng.choice([0, 0, 0, 10_000, 80_000]) + b'"}'

    async def one(self, engine: Engine) -> None:
        rng, name = self.rng, self.rng.choice(NAMES)
        try:
            match rng.random():
                case x if x < 0.80:
                    key = rng.choice([None, None, None, f"k{rng.randrange(50)}"])
                    payload = b'{"kind":"ok"}' if key else self.payload()
                    delay = rng.choice([0, 0, 0, 0.02, 0.3])
                    if key:
                        delay = 0
                    accepted = await engine.accepted(
                        name, payload, idempotency_key=key, delay_seconds=delay
                    )
                    if not accepted.duplicate:
                        self.ids.append(accepted.id)
                case x if x < 0.90 and self.ids:
                    await engine.stop(rng.choice(self.ids[-50:]))
                case x if x < 0.93 and self.ids:
                    new, again = await engine.redrive.invocation(rng.choice(self.ids))
                    if not again:
                        self.ids.append(new)
                case x if x < 0.96:
                    _, ended = await engine.invoke(name, self.payload())
                    self.sync.append(ended.outcome)
                case x if x < 0.99:
                    await self.redeploy(engine, name)
                case _:
                    await engine.functions.delete(name)
                    await self.redeploy(engine, name)
        except (Conflict, FunctionNotFound, Throttled):
            self.refused += 1  # as it should be at that moment
        except Unavailable:
            self.refused += 1  # it drains

    async def weather(self, engine: Engine, number: int) -> None:
        for _ in range(number // 20):
            await asyncio.gather(*(self.one(engine) for _ in range(20)))


@pytest.mark.parametrize("seed", [2, 3])
async def test_after_a_storm_everything_has_one_end(tmp_path: Path, seed: int) -> None:
    storm = Storm(tmp_path, seed)
    engine = await storm.begin()
    for name in NAMES:
        await storm.redeploy(engine, name)
    for _ in range(3):
        weather = asyncio.ensure_future(storm.weather(engine, 500))
        await asyncio.wait({weather}, timeout=0.6)
        await engine.drain(storm.rng.choice([0, 0.2]))
        await weather
        engine = await storm.begin()
    await storm.weather(engine, 200)
    await asyncio.wait_for(_calm(engine), 120)
    report = await engine.parts.store.verify()
    stats = await engine.stats()
    views = [await engine.invocations.get(id) for id in storm.ids]
    assert report["problems"] == [] and stats.conservation_difference == 0
    assert {view.state for view in views} <= FINAL
    assert all(len(states) == 1 for states in storm.finals.values())
    assert all(item.reserved == item.claiming == 0 for item in engine.parts.lanes.all())
    assert not engine.parts.running and engine.parts.runtime.occupancy().in_use == 0
    assert Outcome.NOT_STARTED not in storm.sync
    await engine.drain(0)


async def _calm(engine: Engine) -> None:
    """Return when nothing waits, runs or is owed."""
    while True:
        stats = await engine.stats()
        pending = sum(function.deliveries_pending for function in stats.functions)
        if not stats.waiting and not stats.running and not pending:
            return
        try:
            await engine.notices.wait_for(InvocationSettled, seconds=0.2)
        except TimeoutError:
            continue  # a delivery, or the last one has just ended
