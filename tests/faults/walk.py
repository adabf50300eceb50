"""A random walk over a service, by seed, against a small model of what must hold.

The model knows what callers were told: ids that were answered, final states that were seen. The
service may crash, lose its store, be redeployed and drained; at the end the faults stop, time
passes, and every promise of design §2 is looked up in the store.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import Struct

from thence.errors import (
    Conflict,
    DeliveryNotFound,
    FunctionNotFound,
    InvocationNotFound,
    StoreUnavailable,
    ThenceError,
    Unavailable,
)
from thence.lifecycle.outcome import Budget
from thence.lifecycle.states import DEAD, FINAL, State
from thence.store.records import Filter
from thence.testing import (
    Crash,
    Error,
    Forever,
    Lost,
    Ok,
    PlatformError,
    Service,
    Throttle,
)
from thence.testing.clock import VirtualClock
from thence.testing.service import number

NAMES = ("f", "g", "h")
NEXT = {"f": ["function:g", "function:h"], "g": ["function:h"], "h": []}
HOOK = "https://hooks.example.com/ok"
DEAD_HOOK = "https://hooks.example.com/dead"
RETRIES_MAX = 8
LOSSES_MAX = 3
EXPECTED = (Unavailable, FunctionNotFound, Conflict, ConnectionResetError, DeliveryNotFound)


class Known(Struct):
    """An accepted invocation as its caller knows it."""

    function: str
    final: tuple[Any, ...] | None = None


class Walk:
    expected: tuple[type[BaseException], ...] = EXPECTED

    def __init__(self, service: Service, rng: random.Random) -> None:
        self.s = service
        self.rng = rng
        self.known: dict[str, Known] = {}
        self.keys: dict[str, tuple[str, Any, str]] = {}
        self.deployed: set[str] = set()
        self.calls: list[asyncio.Task[Any]] = []
        self.done: list[str] = []
        self.calm = False
        self.asked = 0
        self.revive: Callable[[], None] = lambda: None

    # ------------------------------------------------------------ what functions answer

    def answer(self, run: Any) -> Any:
        rng = self.rng
        if self.calm:
            return Ok("calm", seconds=rng.choice([0, 0, 1]))
        seconds = rng.choice([0, 0, 0, 0.2, 3, 40])
        return rng.choices(
            [
                Ok("x" * rng.choice([1, 1, 1, 70_000]), seconds),
                Error(seconds=seconds),
                Crash(seconds),
                PlatformError(),
                Throttle(rng.choice([None, 5])),
                Lost(seconds),
                Forever(),
            ],
            [10, 4, 1, 2, 1, 1, 1],
        )[0]

    def spec(self, name: str) -> dict[str, Any]:
        rng = self.rng
        return {
            "concurrency": rng.choice([0, 1, 2, 5]),
            "max_retries": rng.choice([0, 1, 3]),
            "timeout_seconds": 60,
            "max_event_age_seconds": rng.choice([30, 600, 7_200]),
            # A function may call the next one, so that there is no circle.
            "on_success": rng.choice([HOOK, HOOK, *NEXT[name]]),
            "on_failure": rng.choice([DEAD_HOOK, DEAD_HOOK, *NEXT[name]]),
        }

    # ------------------------------------------------------------ steps

    async def step(self) -> None:
        kind = self.rng.choices(
            [
                self.accept, self.again, self.stop, self.advance, self.crash, self.restart,
                self.outage, self.receivers, self.redrive, self.redrive_many, self.resend,
                self.deploy, self.delete,
            ],
            [14, 2, 3, 10, 1, 1, 1, 1, 2, 0.5, 1, 1.5, 0.5],
        )[0]  # fmt: skip
        self.done.append(kind.__name__)
        await kind()

    def call(self, work: Coroutine[Any, Any, Any]) -> None:
        """A caller of its own, who may wait long for the answer."""
        self.calls.append(asyncio.ensure_future(work))

    async def accept(self) -> None:
        rng, name = self.rng, self.rng.choice(NAMES)
        for _ in range(rng.choice([1, 1, 1, 5])):
            payload = {"n": rng.random(), "x": "x" * rng.choice([0, 0, 0, 70_000])}
            settings: dict[str, Any] = {}
            if rng.random() < 0.2:
                settings["delay_seconds"] = rng.choice([0.5, 20, 900])
            self.asked += 1
            key = f"k{self.asked}" if rng.random() < 0.2 else None
            self.call(self._accept(name, payload, key, settings))
        await self.s.settle()

    async def _accept(
        self, name: str, payload: Any, key: str | None, settings: dict[str, Any]
    ) -> None:
        if key is not None:
            settings["idempotency_key"] = key
        id = await self.s.invoke(name, payload, **settings)
        self.known[id] = Known(name)
        if key is not None:
            self.keys[key] = (name, (payload, settings), id)

    async def again(self) -> None:
        if self.keys:
            self.call(self._again(*self.keys[self.rng.choice(sorted(self.keys))]))
            await self.s.settle()

    async def _again(self, name: str, request: Any, id: str) -> None:
        before = next(entry for entry in self.keys.values() if entry[2] == id)
        lane = self.s.engine.parts.catalogue
        same = name in lane.names() and (await self.s.show(id)).function_id == lane.get(name).id
        payload, settings = request
        answer = await self.s.invoke(name, payload, **settings)
        if (
            same
            and self.s.engine.parts.catalogue.get(name).id == (await self.s.show(id)).function_id
        ):
            assert answer == before[2], "one key, two invocations"
        self.known.setdefault(answer, Known(name))

    def some(self) -> str | None:
        return self.rng.choice(sorted(self.known)) if self.known else None

    async def stop(self) -> None:
        id = self.some()
        if id is not None:
            self.call(self.s.stop(id))
            await self.s.settle()

    async def advance(self) -> None:
        await self.s.clock.advance(self.rng.choice([0.05, 0.5, 1, 1, 5, 5, 30, 300, 2000]))

    async def crash(self) -> None:
        await self.s.kill()
        await self.begin()

    async def restart(self) -> None:
        await self.s.stop_service(self.rng.choice([0.1, 5, 60]))
        await self.begin()

    async def begin(self) -> None:
        """Start again; a store that does not answer is asked until it does."""
        while True:
            try:
                await self.s.start()
                return
            except StoreUnavailable:
                self.revive()
                await self.s.clock.advance(0.5)

    async def outage(self) -> None:
        seconds = self.rng.choice([0.4, 3, 45])
        self.rng.choice([self.s.disk_full, self.s.store_down])(seconds)
        await self.s.settle()

    async def receivers(self) -> None:
        receiver = self.s.receiver(self.rng.choice([HOOK, DEAD_HOOK]))
        if self.rng.random() < 0.5:
            receiver.down(self.rng.choice([1, 60, 3000]))
        else:
            receiver.answers(*self.rng.choices([500, 404, 503, 0, 200], k=3))

    async def redrive(self) -> None:
        id = self.some()
        if id is not None:
            self.call(self._redrive(id))
            await self.s.settle()

    async def _redrive(self, id: str) -> None:
        self.known.setdefault(await self.s.redrive(id), Known(self.known[id].function))

    async def redrive_many(self) -> None:
        rate = self.rng.choice([None, 0.5, 10])
        self.call(
            self.s.ask(self.s.engine.redrive.dead_letters(Filter(dead=True), rate_per_second=rate))
        )
        await self.s.settle()

    async def resend(self) -> None:
        id = self.some()
        if id is not None:
            self.call(self._resend(id))
            await self.s.settle()

    async def _resend(self, id: str) -> None:
        for delivery in (await self.s.show(id)).deliveries:
            await self.s.ask(self.s.engine.redrive.delivery(delivery.id))

    async def deploy(self) -> None:
        name = self.rng.choice(NAMES)
        self.call(self._deploy(name))
        await self.s.settle()

    async def _deploy(self, name: str, **more: Any) -> None:
        await self.s.function(name, **{**self.spec(name), **more})

    async def delete(self) -> None:
        self.call(self.s.ask(self.s.engine.functions.delete(self.rng.choice(NAMES))))
        await self.s.settle()

    def alive(self) -> bool:
        """Whether the process runs and answers."""
        return self.s.running and not self.s.incarnation.dead

    # ------------------------------------------------------------ what must hold

    def callers(self) -> None:
        """Nobody was answered with anything but an answer or an honest error."""
        waiting = []
        for task in self.calls:
            if not task.done():
                waiting.append(task)
            elif not task.cancelled() and (error := task.exception()) is not None:
                assert isinstance(error, self.expected), error
        self.calls = waiting

    async def look(self) -> None:
        """The invariants that hold at every moment."""
        self.callers()
        try:
            for id, known in self.known.items():
                await self._one(id, known)
            stats = await self.s.ask(self.s.engine.stats())
            counts = await self.s.ask(self.s.engine.parts.store.counts())
        except InvocationNotFound as lost:
            raise AssertionError(f"acknowledged and lost: {lost}") from lost
        except (ThenceError, ConnectionResetError):
            return  # the store is away: look again later
        assert stats.conservation_difference == 0
        self._counted({item.function_id: item.waiting for item in counts})
        twice = Counter((start.id, start.attempt) for start in self.s.scripts.starts)
        assert not [key for key, count in twice.items() if count > 1], "an attempt ran twice"

    def _counted(self, stored: dict[int, int]) -> None:
        """What is compared to limits.waiting_max is what waits in the store, by function id."""
        for lane in self.s.engine.parts.lanes.all():
            assert lane.waiting == stored.get(lane.function.id, 0), lane.function.name
        for family in self.s.engine.parts.lanes.families():
            assert family.waiting == sum(stored.get(item.function.id, 0) for item in family.lanes)

    async def _one(self, id: str, known: Known) -> None:
        view = await self.s.ask(self.s.show(id))
        seen = (view.state, view.reason, view.ended_at, view.attempt, view.result_bytes)
        if known.final is not None:
            assert seen == known.final, f"a final state changed: {known.final} -> {seen}"
        elif view.state in FINAL:
            known.final = seen
        budgets = Counter(
            attempt.budget for attempt in view.attempts if attempt.outcome is not None
        )
        assert budgets[Budget.FUNCTION_ERRORS] <= RETRIES_MAX + 1
        assert budgets[Budget.LOSSES] <= LOSSES_MAX + 1
        assert len(view.attempts) <= sum(budgets.values()) + 1
        assert view.spent.retries_used <= budgets[Budget.FUNCTION_ERRORS]
        assert view.spent.losses_used == budgets[Budget.LOSSES]
        assert [attempt.attempt for attempt in view.attempts] == list(range(1, view.attempt + 1))

    async def finish(self) -> None:
        """No more faults: everything reaches its end, and what is owed is delivered or dead."""
        s, self.calm = self.s, True
        s.outage.full_until = s.outage.gone_until = 0
        for url in (HOOK, DEAD_HOOK):
            s.receiver(url).up()
            s.receiver(url).answers()
        for name in s.engine.parts.catalogue.names():
            await self._deploy(name, concurrency=5)
        await s.clock.advance(7200)
        assert not [task for task in self.calls if not task.done()], "a caller waits for ever"
        self.callers()
        await s.clock.advance(7_200 if await self._unfinished() else 0)
        await self.look()
        page = await s.store.invocations(Filter(), 10_000, None)
        got = Counter(
            entry["delivery_id"] for url in (HOOK, DEAD_HOOK) for entry in s.receiver(url).got
        )
        for row in page.items:
            await self._ended(row.id, got)
        assert set(map(number, self.known)) <= {row.id for row in page.items}
        assert await s.verify() == []

    async def _unfinished(self) -> bool:
        stats = await self.s.engine.stats()
        return bool(stats.waiting + stats.running)

    async def _ended(self, id: int, got: Counter[str]) -> None:
        view = await self.s.show(id)
        assert view.state in FINAL, f"not over: {view}"
        owed = {"success"} if view.state is State.SUCCEEDED else set()
        owed |= {"failure"} if view.state in DEAD else set()
        assert [item.condition for item in view.deliveries] == list(owed), "owed, not committed"
        for delivery in view.deliveries:
            assert delivery.state in ("delivered", "dead", "stopped"), delivery
            if delivery.state == "delivered" and delivery.receiver.startswith("webhook:"):
                from thence.lifecycle.ids import format_id

                assert got[format_id(delivery.id)] >= 1, "delivered, never received"


async def take(
    service: Service, seed: int, steps: int, kind: type[Walk] = Walk, **hooks: Any
) -> Walk:
    """Walk `steps` steps and finish. hooks: `before` is called before each step."""
    walk = kind(service, random.Random(seed))
    before = hooks.get("before")
    async with service:
        service.scripts = service.scripts
        for name in NAMES:
            service.scripts.set(name, walk.answer)
            await service.function(name, **walk.spec(name))
        for _ in range(steps):
            if before is not None:
                await before(walk)
            await walk.step()
            if walk.alive():
                await walk.look()
        if hooks.get("after") is not None:
            await hooks["after"](walk)
        await walk.finish()
    return walk


__all__ = ["VirtualClock", "Walk", "take"]
