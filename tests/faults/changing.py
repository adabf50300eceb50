"""The same walk where functions change all the time: versions and aliases come and go, functions are
deleted and deployed again while calls of them run, wait, are delayed, or wait for an answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.catalog.control import Control
from thence.engine.entries import DELETED
from thence.errors import FunctionDisabled, QualifierNotFound
from thence.lifecycle.ids import format_id

from .walk import DEAD_HOOK, EXPECTED, HOOK, NAMES, Known, Walk

ALIASES = ("blue", "green")


class Changing(Walk):
    expected = (*EXPECTED, QualifierNotFound, FunctionDisabled)

    async def step(self) -> None:
        if self.rng.random() < 0.5:
            await super().step()
            return
        kind = self.rng.choices(
            [
                self.publish, self.delete_version, self.put_alias, self.delete_alias, self.configure,
                self.control, self.call_now, self.call_version, self.delete, self.deploy,
            ],
            [3, 3, 3, 1, 1, 1, 3, 8, 2, 2],
        )[0]  # fmt: skip
        self.done.append(kind.__name__)
        await kind()

    def qualifier(self, name: str) -> str:
        family = self.s.engine.parts.catalogue.find(name)
        known = [] if family is None else [*family.rows, *family.aliases]
        return self.rng.choice(["latest", *sorted(known)])

    async def change(self, work: Any) -> None:
        self.call(self.s.ask(work))
        await self.s.settle()

    async def publish(self) -> None:
        await self.change(self.s.engine.functions.publish_version(self.rng.choice(NAMES)))

    async def delete_version(self) -> None:
        name = self.rng.choice(NAMES)
        family = self.s.engine.parts.catalogue.find(name)
        rows = [] if family is None else sorted(set(family.rows) - {"latest"})
        if rows:
            await self.change(self.s.engine.functions.delete_version(name, self.rng.choice(rows)))

    async def put_alias(self) -> None:
        name, rng = self.rng.choice(NAMES), self.rng
        family = self.s.engine.parts.catalogue.find(name)
        rows = [] if family is None else sorted(family.rows)
        if rows:
            main, other = rng.choice(rows), rng.choice(rows)
            weights = {} if main == other else {other: 0.5}
            alias = Alias(rng.choice(ALIASES), main, weights)
            create = alias.name not in family.aliases
            await self.change(self.s.engine.functions.put_alias(name, alias, create=create))

    async def delete_alias(self) -> None:
        name = self.rng.choice(NAMES)
        await self.change(self.s.engine.functions.delete_alias(name, self.rng.choice(ALIASES)))

    async def configure(self) -> None:
        name = self.rng.choice(NAMES)
        config = AsyncConfig(
            max_retries=self.rng.choice([0, 2]), on_success=HOOK, on_failure=DEAD_HOOK
        )
        await self.change(
            self.s.engine.functions.put_async_config(name, self.qualifier(name), config)
        )

    async def control(self) -> None:
        control = Control(
            limit=self.rng.choice([None, None, 0, 1, 3]),
            disabled=self.rng.choice([None, None, "off"]),
        )
        abort = self.rng.random() < 0.3
        await self.change(
            self.s.engine.functions.put_control(self.rng.choice(NAMES), control, abort=abort)
        )

    async def call_now(self) -> None:
        for _ in range(self.rng.choice([1, 1, 4])):
            name = self.rng.choice(NAMES)
            work = self.s.engine.invoke(name, b"{}", qualifier=self.qualifier(name))
            self.call(self.s.ask(work))
        await self.s.settle()

    async def call_version(self) -> None:
        for _ in range(self.rng.choice([1, 3])):
            name = self.rng.choice(NAMES)
            delay = self.rng.choice([0, 0, 0, 20, 900])
            self.call(self._call_version(name, self.qualifier(name), delay))
        if self.rng.random() < 0.3:  # it is deleted while they are on their way
            for _ in range(self.rng.choice([0, 1, 2, 3, 5, 8])):
                await asyncio.sleep(0)
            await self.rng.choice([self.delete, self.delete_version])()
        await self.s.settle()

    async def _call_version(self, name: str, qualifier: str, delay: float) -> None:
        body = json.dumps({"x": "x" * self.rng.choice([0, 0, 70_000])}).encode()
        accepted = await self.s.ask(
            self.s.engine.accepted(name, body, qualifier=qualifier, delay_seconds=delay)
        )
        self.known[format_id(accepted.id)] = Known(name)

    # ------------------------------------------------------------ what must hold

    async def finish(self) -> None:
        for name in self.s.engine.parts.catalogue.names():
            await self.release(name)
        await super().finish()
        await self.books()

    async def release(self, name: str) -> None:
        self.s.outage.full_until = self.s.outage.gone_until = 0
        await self.s.clock.advance(1)
        if (
            self.s.engine.parts.catalogue.find(name) is not None
        ):  # a delete may have been on its way
            await self.s.ask(self.s.engine.functions.put_control(name, Control()))

    async def books(self) -> None:
        """Everything has ended: nothing is counted, promised or kept any more."""
        await self.s.clock.advance(30)
        engine = self.s.engine
        lanes = engine.parts.lanes.all()
        assert not [item.function.name for item in lanes if item.deleted], "kept for ever"
        families = engine.parts.lanes.families()
        assert {item.family for item in lanes} == set(families)
        for lane in lanes:
            assert lane in lane.family.lanes and lane.idle, lane.function.name
            assert not lane.waiting, (lane.function.name, lane.waiting)
            # What has no concurrency is asked for in vain; it is never claimed.
            assert not lane.ready or not lane.function.spec.concurrency, lane.function.name
        for family in families:
            counted = (family.used, family.under_way, family.waiting, family.sync_waiting)
            assert counted == (0, 0, 0, 0), (family.name, counted)
            assert set(family.rows.values()) == set(family.lanes)
            assert not family.parked and not family.in_line and not family.keeps
        assert not len(engine.parts.dispatch.node_queue)
        assert not engine.parts.dispatch._turn and not engine.parts.dispatch._look
        first = engine.parts.suspects._due.first()
        assert first is None or not first[0].function.spec.concurrency
        assert not engine.parts.dispatch.held_back
        assert not engine.parts.catalogue.entries.all(DELETED)
        assert engine.parts.runtime.occupancy().in_use == 0
