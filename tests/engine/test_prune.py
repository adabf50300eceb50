"""Retention: payload, result, history and events each have their own."""

from __future__ import annotations

import pytest

from thence.errors import InvocationNotFound
from thence.lifecycle.states import State
from thence.store.records import Filter
from thence.testing import Error, Forever, Service
from thence.testing.service import number

HOUR = 3600.0
HOOK = "https://hooks.example.com/x"


def service(**options: float) -> Service:
    return Service(
        **{
            "payload_retention_seconds": HOUR,
            "result_retention_seconds": 2 * HOUR,
            "history_retention_seconds": 3 * HOUR,
            "events_retention_seconds": HOUR / 2,
            "lease_seconds": 600.0,
            **options,
        }
    )


@pytest.mark.parametrize("size", [10, 100_000])
async def test_each_class_goes_after_its_own_time(size: int) -> None:
    async with service() as s:
        await s.function("f", answers=["y" * size])
        id = await s.invoke("f", "x" * size)
        await s.settle()

        async def kept() -> tuple[bool, bool]:
            payload, result = await s.store.payload(number(id)), await s.store.result(number(id))
            return (
                payload[0].data is not None or payload[0].ref is not None,
                result is not None and (result.data is not None or result.ref is not None),
            )

        await s.clock.advance(HOUR - 60)
        assert await kept() == (True, True)
        await s.clock.advance(180)
        assert await kept() == (False, True)
        await s.clock.advance(HOUR)
        assert await kept() == (False, False)
        assert (await s.show(id)).state is State.SUCCEEDED
        await s.clock.advance(HOUR)
        with pytest.raises(InvocationNotFound):
            await s.show(id)
        assert list((s.directory / "blobs").rglob("*.*")) == []
        assert await s.verify() == []
        stats = await s.engine.stats()
        assert (stats.accepted, stats.succeeded, stats.conservation_difference) == (1, 1, 0)


async def test_what_runs_waits_or_owes_a_delivery_is_never_pruned() -> None:
    async with service(delivery_budget_seconds=10 * HOUR) as s:
        s.receiver(HOOK).down()
        await s.function("runs", answers=[Forever()], timeout_seconds=86_400)
        await s.function("waits", answers=["ok"])
        await s.function("owes", answers=["ok"], on_success=HOOK)
        runs = await s.invoke("runs", "x")
        waits = await s.invoke("waits", "x", delay_seconds=9 * HOUR)
        owes = await s.invoke("owes", "x")
        await s.clock.advance(5 * HOUR)
        for id in (runs, waits, owes):
            payload, _ = await s.store.payload(number(id))
            assert payload.data == b'"x"'
        assert await s.verify() == []


async def test_the_journal_goes_and_the_stream_goes_on() -> None:
    async with service() as s:
        await s.function("f", answers=["ok"])
        for _ in range(5):
            await s.invoke("f")
        await s.clock.advance(HOUR)
        assert len(await s.store.journal(0, 10)) == 1  # the newest says how far it has come
        await s.invoke("f")
        await s.settle()
        entries = await s.store.journal(0, 10)
        assert entries and entries[0].seq > 5


async def test_thousands_go_in_small_steps_that_leave_room_for_callers() -> None:
    async with service() as s:
        await s.function("f", answers=[Error()], max_retries=0)
        for _ in range(1200):
            await s.invoke("f")
        await s.clock.advance(3 * HOUR + 180)
        assert (await s.store.invocations(Filter(), 10, None)).items == []
        assert await s.verify() == []
