"""The stream of transitions and the long poll."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from thence.engine.events import Event
from thence.errors import InvalidInput, InvocationNotFound
from thence.lifecycle.states import State
from thence.testing import Error, Forever, Ok, Service
from thence.testing.service import number

HOOK = "https://hooks.example.com/x"


class Reader:
    """Follows the stream in a task of its own, like a client of GET /v1/events."""

    def __init__(self, s: Service, after: str | None) -> None:
        self.seen: list[Event] = []
        self._task = asyncio.ensure_future(self._read(s, after))

    async def _read(self, s: Service, after: str | None) -> None:
        async for event in s.engine.events.read(after):
            self.seen.append(event)

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


def states(events: list[Event]) -> list[str]:
    return [event.transition.state for event in events if event.transition is not None]


async def everything(s: Service) -> list[str]:
    entries = await s.store.journal(0, 100_000)
    return [f"{entry.seq}.{n}" for entry in entries for n in range(len(entry.transitions))]


async def test_a_reader_sees_every_transition_from_now_on_in_order(s: Service) -> None:
    await s.function("f", answers=["ok"])
    await s.invoke("f")
    await s.settle()
    reader = Reader(s, None)
    await s.settle()
    await s.invoke("f")
    await s.settle()
    assert states(reader.seen) == ["queued", "running", "succeeded"]
    await reader.stop()


async def test_the_stream_resumes_over_a_restart_without_gap_or_duplicate(s: Service) -> None:
    await s.function("f", answers=[Error(), Ok(seconds=1)], concurrency=3)
    seen: list[str] = []
    after: str | None = "0.0"
    for turn in range(6):
        reader = Reader(s, after)
        for _ in range(7):
            await s.invoke("f")
        await s.clock.advance(1.5)
        # A client is cut off anywhere: it may have taken a part of an entry only.
        taken = [item.id for item in reader.seen][: -turn or None]
        seen += taken
        after = taken[-1] if taken else after
        await reader.stop()
        await (s.crash() if turn % 2 else s.restart())
    reader = Reader(s, after)
    await s.clock.advance(600)
    seen += [item.id for item in reader.seen]
    await reader.stop()
    assert seen == await everything(s)


async def test_a_slow_reader_of_a_long_backlog_gets_all_of_it(s: Service) -> None:
    await s.function("f", answers=["ok"])
    for _ in range(500):
        await s.invoke("f")
    await s.settle()
    reader = Reader(s, "0.0")
    await s.settle()
    assert [item.id for item in reader.seen] == await everything(s)
    await reader.stop()


async def test_a_reader_that_comes_back_too_late_is_told_of_the_gap() -> None:
    async with Service(events_retention_seconds=3600, history_retention_seconds=1e9) as s:
        await s.function("f", answers=["ok"])
        for _ in range(5):
            await s.invoke("f")
            await s.clock.advance(1)
        await s.clock.advance(7200)
        await s.invoke("f")
        await s.settle()
        reader = Reader(s, "1.0")
        await s.settle()
        assert reader.seen[0].gap
        assert states(reader.seen) == ["succeeded", "queued", "running", "succeeded"]
        await reader.stop()


async def test_a_reader_that_is_slower_than_the_retention_is_told_of_the_gap() -> None:
    async with Service(events_retention_seconds=3600, history_retention_seconds=1e9) as s:
        await s.function("f", answers=["ok"])
        await s.invoke("f")
        await s.settle()
        events = s.engine.events.read("0.0")
        seen = [await anext(events) for _ in range(3)]
        for _ in range(5):
            await s.invoke("f")
            await s.clock.advance(1)
        await s.clock.advance(7200)
        kept = await everything(s)
        following = await anext(events)
        assert following.gap and [not item.gap for item in seen] == [True] * 3
        assert (await anext(events)).id == kept[0]
        await events.aclose()


async def test_who_saw_all_of_a_stream_that_is_pruned_since_has_missed_nothing() -> None:
    async with Service(events_retention_seconds=3600, history_retention_seconds=1e9) as s:
        await s.function("f", answers=["ok"])
        await s.invoke("f")
        await s.settle()
        last = (await everything(s))[-1]
        await s.clock.advance(7200)
        for after in (last, None):
            reader = Reader(s, after)
            await s.settle()
            await s.invoke("f")
            await s.settle()
            assert states(reader.seen) == ["queued", "running", "succeeded"]
            assert not any(item.gap for item in reader.seen)
            await reader.stop()
            last = (await everything(s))[-1]
            await s.clock.advance(7200)


async def test_a_delivery_that_is_sent_again_is_seen_at_once(s: Service) -> None:
    s.receiver(HOOK).answers(404)
    await s.function("f", answers=["ok"], on_success=HOOK)
    id = await s.invoke("f")
    await s.settle()
    s.receiver(HOOK).down()
    reader = Reader(s, None)
    await s.settle()
    await s.ask(s.engine.redrive.delivery((await s.show(id)).deliveries[0].id))
    await s.settle()
    await s.stop(id)
    await s.settle()
    assert states(reader.seen)[0] == "delivery:pending"
    assert states(reader.seen)[-1] == "delivery:stopped"
    await reader.stop()


async def test_an_id_of_another_store_is_a_gap_and_not_silence(s: Service) -> None:
    await s.function("f", answers=["ok"])
    reader = Reader(s, "999999.0")
    await s.settle()
    assert reader.seen[0].gap
    await s.invoke("f")
    await s.settle()
    assert states(reader.seen) == ["queued", "running", "succeeded"]
    await reader.stop()


async def test_a_last_event_id_that_is_none_is_refused(s: Service) -> None:
    for wrong in ("x", "1.x", "-1", "", "1" * 50):
        with pytest.raises(InvalidInput):
            await anext(aiter(s.engine.events.read(wrong)))


# ---------------------------------------------------------------- the long poll


async def test_a_long_poll_answers_in_the_instant_of_the_end(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=7)])
    id = number(await s.invoke("f"))
    poll = asyncio.ensure_future(s.engine.invocations.wait(id, 60))
    await s.clock.advance(6.999)
    assert not poll.done()
    await s.clock.advance(0.001)
    assert poll.done() and (await poll).state is State.SUCCEEDED
    assert len(s.engine.invocations.waits) == 0


async def test_a_long_poll_ends_with_its_time_and_says_how_it_is(s: Service) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=3600)
    id = number(await s.invoke("f"))
    poll = asyncio.ensure_future(s.engine.invocations.wait(id, 10))
    await s.clock.advance(10)
    assert poll.done() and (await poll).state is State.RUNNING
    assert len(s.engine.invocations.waits) == 0


async def test_a_long_poll_of_what_is_over_answers_at_once(s: Service) -> None:
    await s.function("f", answers=["ok"])
    id = number(await s.invoke("f"))
    await s.settle()
    assert (await s.engine.invocations.wait(id, 60)).state is State.SUCCEEDED
    with pytest.raises(InvocationNotFound):
        await s.engine.invocations.wait(1 << 64, 60)


async def test_a_long_poll_sees_a_stop_and_an_expiry_too(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0, max_event_age_seconds=30)
    first, second = number(await s.invoke("f")), number(await s.invoke("f"))
    polls = [asyncio.ensure_future(s.engine.invocations.wait(id, 60)) for id in (first, second)]
    await s.settle()
    await s.stop(first)
    await s.clock.advance(30)
    assert [(await poll).state for poll in polls] == [State.STOPPED, State.EXPIRED]


async def test_a_long_poll_that_is_cancelled_leaves_nothing_behind(s: Service) -> None:
    await s.function("f", answers=[Forever()])
    poll = asyncio.ensure_future(s.engine.invocations.wait(number(await s.invoke("f")), 60))
    await s.settle()
    poll.cancel()
    await s.settle()
    assert len(s.engine.invocations.waits) == 0
