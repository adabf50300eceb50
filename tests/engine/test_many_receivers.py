"""Ten thousand receivers: what one delivery costs does not grow with them."""

from __future__ import annotations

import asyncio
from typing import Any

from thence.catalog.destination import encode_destination
from thence.catalog.kinds import parse_destination
from thence.engine import deliver
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import Reason, State
from thence.store.records import Batch, Body, NewDelivery, NewInvocation, Settle
from thence.testing import Service

from .test_turns import Lines

FILES = ("deliver.py", "turns.py", "delivery_attempts.py", "alarm.py")
GOOD = "https://good.example.com/x"
FAR_MS = 3_600_000
PIECE = 500


def dead(number: int) -> str:
    return f"https://dead{number}.example.com/x"


async def owe(s: Service, count: int, due_in_ms: int) -> None:
    """One pending delivery to each of so many receivers, as if they were all down."""
    function, now = s.engine.parts.lanes.all()[0].function, s.clock.now()
    for start in range(0, count, PIECE):
        batch = Batch()
        for number in range(start, min(start + PIECE, count)):
            destination = parse_destination(dead(number))
            new = NewInvocation(
                s.engine.parts.ids.next(now), function.id, now, now, now + FAR_MS, Body(b"{}", 2),
                s.engine.parts.node.incarnation,
            )  # fmt: skip
            owed = NewDelivery(
                s.engine.parts.ids.next(now), destination.receiver(),
                encode_destination(destination), "success", now + due_in_ms,
            )  # fmt: skip
            batch.accepts.append(new)
            batch.settles.append(
                Settle(new.id, function.id, 1, new.lease, Outcome.OK, State.SUCCEEDED, now,
                       now, 1, Reason.OK, Body(b"1", 1), deliveries=(owed,))
            )  # fmt: skip
        await s.store.commit(batch)


class Steps:
    """Counts the steps of SQLite's machine, in hundreds, and the calls of `receivers_owed`."""

    def __init__(self, s: Service) -> None:
        self.hundreds = 0
        self.walks = 0
        work = s.incarnation.driver.work  # type: ignore[union-attr]
        work.db.set_progress_handler(self._count, 100)
        work._reading._connection().set_progress_handler(self._count, 100)
        walk = s.store.receivers_owed

        async def counted() -> Any:
            self.walks += 1
            return await walk()

        s.store.receivers_owed = counted

    def _count(self) -> int:
        self.hundreds += 1
        return 0


async def one_delivery(count: int) -> tuple[int, int, int]:
    """(lines of our code, hundreds of steps of SQLite, walks over all keys) of one delivery to a
    good receiver and one failed try of a dead one, with so many receivers that wait."""
    async with Service() as s:
        await s.function("f", answers=["ok"], on_success=GOOD)
        await owe(s, count, FAR_MS)
        s.receiver(dead(0)).down()
        await s.restart()
        assert s.engine.parts.deliver.receivers == count
        await s.invoke("f")  # the good one is known, statements are prepared
        await s.settle()
        steps = Steps(s)
        before = len(s.receiver(GOOD).got)
        with Lines(*FILES) as lines:
            await s.invoke("f")
            await s.settle()
        assert len(s.receiver(GOOD).got) == before + 1
        assert s.engine.parts.deliver.receivers == count + 1
        return lines.count, steps.hundreds, steps.walks


async def test_a_delivery_costs_the_same_with_ten_thousand_receivers_that_wait() -> None:
    few, many = await one_delivery(10), await one_delivery(10_000)
    assert many[0] <= few[0] * 1.5, "lines of the delivery loop"
    assert many[1] <= few[1] * 2 + 5, "steps of SQLite"
    assert many[2] == few[2] == 0, "walks over all keys"


async def test_the_next_instant_of_all_receivers_is_found_without_looking_at_them() -> None:
    costs = {}
    for count in (10, 10_000):
        async with Service() as s:
            await s.function("f", answers=["ok"], on_success=GOOD)
            await owe(s, count, FAR_MS)
            await s.restart()
            s.engine.parts.deliver.note("webhook:nobody", s.clock.now() + 1000)
            with Lines(*FILES) as lines:
                s.engine.parts.deliver._ring(s.clock.now() + 1000)
            costs[count] = lines.count
            await s.settle()
    assert costs[10_000] <= costs[10] * 1.5


async def test_all_tries_under_way_have_a_bound_and_a_prompt_receiver_always_finds_room() -> None:
    async with Service(delivery_attempts_max=40) as s:
        await s.function("f", answers=["ok"], on_success=GOOD)
        await s.invoke("f")
        await s.settle()  # it answered promptly: it is known
        send, barrier, most = s.engine.parts.deliver.attempts.send, asyncio.Event(), [0]
        under_way: list[str] = []

        async def hangs(delivery: Any, *parts: Any) -> Any:
            under_way.append(delivery.receiver)
            most[0] = max(most[0], len(under_way))
            if "dead" in delivery.receiver:
                await barrier.wait()
            try:
                return await send(delivery, *parts)
            finally:
                under_way.remove(delivery.receiver)

        s.engine.parts.deliver.attempts.send = hangs
        await owe(s, 100, 0)
        for number in range(100):
            s.receiver(dead(number)).down()
            s.engine.parts.deliver.note(
                f"webhook:https://dead{number}.example.com:443", s.clock.now()
            )
        await s.settle()
        assert len(under_way) == 20  # new ones have half
        for _ in range(5):
            await s.invoke("f")
        await s.settle()
        assert len(s.receiver(GOOD).got) == 6 and most[0] <= 40
        barrier.set()
        await s.clock.advance(2 * 3600)
        assert all(s.receiver(dead(number)).tries for number in range(100))
        assert s.engine.parts.deliver.receivers == 0


async def test_what_is_kept_of_receivers_goes_when_nothing_is_owed_to_them() -> None:
    async with Service() as s:
        await s.function("f", answers=["ok"], on_success=GOOD)
        await owe(s, 200, 1000)
        await s.restart()
        assert s.engine.parts.deliver.receivers == 200
        await s.clock.advance(300)
        assert s.engine.parts.deliver.receivers == 0
        assert len(s.engine.parts.deliver._waits) == 0
        assert len(s.engine.parts.deliver._idle) == 200  # how they answered, up to IDLE_MAX


async def test_only_so_many_idle_receivers_are_remembered(monkeypatch: Any) -> None:
    monkeypatch.setattr(deliver, "IDLE_MAX", 50)
    async with Service() as s:
        await s.function("f", answers=["ok"], on_success=GOOD)
        await owe(s, 200, 1000)
        await s.restart()
        await s.clock.advance(300)
        assert len(s.engine.parts.deliver._idle) == 50 and s.engine.parts.deliver.receivers == 0


async def test_while_the_store_is_away_nobody_is_asked_for_again_and_again() -> None:
    async with Service() as s:
        await s.function("f", answers=["ok"], on_success=GOOD)
        await owe(s, 400, 0)
        asked, ask = [0], s.engine.parts.writer.claim_deliveries

        def counted(claim: Any, done: Any) -> None:
            asked[0] += 1
            ask(claim, done)

        s.engine.parts.writer.claim_deliveries = counted
        s.disk_full(30)
        for number in range(400):
            s.engine.parts.deliver.note(
                f"webhook:https://dead{number}.example.com:443", s.clock.now()
            )
        await s.clock.advance(29)
        assert asked[0] <= 30 * 128  # as many as may be under way, once a second
        await s.clock.advance(10)
        assert all(s.receiver(dead(number)).got for number in range(400))
