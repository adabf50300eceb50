"""Controls: a limit over all versions, and the switch that disables a function."""

from __future__ import annotations

import asyncio

import pytest

from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.catalog.control import Control
from thence.errors import FunctionDisabled, FunctionNotFound, InvalidInput, ThenceError, Throttled
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import State
from thence.store.records import Accepted
from thence.testing import Forever, Ok, Service


async def published(s: Service, **spec: object) -> None:
    await s.function("f", **spec)
    await s.engine.functions.publish_version("f")


async def limit(s: Service, number: int | None) -> None:
    await s.engine.functions.put_control("f", Control(limit=number))


async def off(s: Service, reason: str = "by its owner", *, abort: bool = False) -> None:
    await s.engine.functions.put_control("f", Control(disabled=reason), abort=abort)
    await s.settle()


async def on(s: Service) -> None:
    await s.engine.functions.put_control("f", Control())
    await s.settle()


# ---------------------------------------------------------------- the limit


@pytest.mark.parametrize("ahead", [0, 4])
async def test_all_versions_together_never_have_more_slots_than_the_limit(ahead: int) -> None:
    async with Service(ahead=ahead) as s:
        await published(s, answers=[Ok(seconds=1)], concurrency=5)
        await limit(s, 3)
        for _ in range(15):
            await s.invoke("f")
            await s.invoke("f", qualifier="1")
        await s.clock.advance(60)
        assert s.scripts.at_once["f"] == 3
        # And never fewer while something waits.
        assert s.starts("f") == [float(second) for second in range(10) for _ in range(3)]
        first = {start.version for start in s.scripts.starts[:6]}
        assert first == {"latest", "1"}  # neither waits for the other's whole backlog


async def test_a_version_keeps_its_own_concurrency_below_the_limit(s: Service) -> None:
    await published(s, answers=[Ok(seconds=1)], concurrency=2)
    await limit(s, 3)
    for _ in range(4):
        await s.invoke("f", qualifier="1")
    await s.settle()
    assert len(s.starts("f")) == 2


async def test_synchronous_calls_take_of_the_limit(s: Service) -> None:
    await published(s, answers=[Forever()], concurrency=5)
    await limit(s, 2)
    await s.invoke("f")
    work = asyncio.ensure_future(s.engine.invoke("f", b"", qualifier="1"))
    await s.settle()
    id = await s.invoke("f")
    await s.settle()
    assert len(s.starts("f")) == 2
    why = await s.why(id)
    assert why is not None and (why.code, why.text) == (
        "function_limit",
        "limit of all versions 2/2",
    )
    with pytest.raises(Throttled, match="2/2 slots"):
        await s.engine.invoke("f", b"", queue_seconds=0)
    work.cancel()
    await s.settle()
    assert len(s.starts("f")) == 3  # its slot goes to what waits


async def test_another_limit_counts_at_once(s: Service) -> None:
    await published(s, answers=[Forever()], concurrency=5)
    await limit(s, 1)
    for _ in range(3):
        await s.invoke("f")
        await s.invoke("f", qualifier="1")
    await s.settle()
    assert len(s.starts("f")) == 1
    await limit(s, 4)
    await s.settle()
    assert len(s.starts("f")) == 4
    await limit(s, 2)
    await s.clock.advance(60)  # their time limit: two of four are followed
    assert len(s.starts("f")) == 6 and len(s.runtime.running()) == 2
    await limit(s, None)
    await s.clock.advance(5)  # the four have backed off
    assert len(s.runtime.running()) == 6


async def test_a_limit_of_0_pauses(s: Service) -> None:
    await published(s, answers=["ok"])
    await limit(s, 0)
    id = await s.invoke("f", qualifier="1")
    await s.clock.advance(60)
    why = await s.why(id)
    assert why is not None and why.code == "paused" and s.starts("f") == []
    with pytest.raises(Throttled) as refused:
        await s.engine.invoke("f", b"")  # at once: nobody waits for what does not come
    assert refused.value.fields["limit"] == 0
    await limit(s, None)
    await s.settle()
    assert (await s.show(id)).state is State.SUCCEEDED


async def test_a_limited_function_does_not_make_others_wait() -> None:
    async with Service(instances_max=2, kept_free_percent=0) as s:
        await s.function("other", answers=[Ok(seconds=1)], concurrency=5)
        for n in range(4):  # they wait, yet for no instance
            await s.function(f"f{n}")
            await s.engine.functions.put_control(f"f{n}", Control(limit=0))
            await s.invoke(f"f{n}")
        await s.invoke("other")
        await s.clock.advance(0.5)
        for _ in range(9):
            await s.invoke("other")
        await s.clock.advance(10)
        assert s.starts("other") == [half / 2 for half in range(10)]


async def test_a_restart_keeps_the_control(s: Service) -> None:
    await published(s, answers=[Ok(seconds=1)], concurrency=5)
    await limit(s, 1)
    for _ in range(3):
        await s.invoke("f")
    await s.restart()
    assert s.engine.functions.control("f").limit == 1
    await s.clock.advance(10)
    assert s.scripts.at_once["f"] == 1
    await off(s)
    await s.crash()
    assert s.engine.functions.control("f").disabled == "by its owner"
    with pytest.raises(FunctionDisabled):
        await s.invoke("f")


async def test_a_control_that_cannot_be_is_refused(s: Service) -> None:
    await s.function("f")
    for number in (-1, 1001):
        with pytest.raises(InvalidInput) as refused:
            await s.engine.functions.put_control("f", Control(limit=number))
        assert refused.value.fields["field"] == "limit"
    with pytest.raises(FunctionNotFound):
        await s.engine.functions.put_control("g", Control())
    assert s.engine.functions.control("f") == Control()


# ---------------------------------------------------------------- the switch


async def test_a_disabled_function_takes_no_calls_and_says_why(s: Service) -> None:
    await published(s, answers=["ok"])
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    await off(s)
    for qualifier in ("latest", "1", "prod"):
        with pytest.raises(FunctionDisabled) as refused:
            await s.invoke("f", qualifier=qualifier)
        assert refused.value.fields == {"name": "f", "reason": "by its owner"}
        with pytest.raises(FunctionDisabled):
            await s.engine.invoke("f", b"", qualifier=qualifier)
    await on(s)
    await s.invoke("f")


async def test_what_waits_for_a_disabled_function_starts_when_it_is_enabled(s: Service) -> None:
    await published(s, answers=[Ok(seconds=10)], concurrency=1)
    running = await s.invoke("f")
    waiting = await s.invoke("f")
    delayed = await s.invoke("f", qualifier="1", delay_seconds=20)
    await s.settle()
    await off(s)
    await s.clock.advance(100)
    assert (await s.show(running)).state is State.SUCCEEDED  # what runs may finish
    assert len(s.starts("f")) == 1
    for id in (waiting, delayed):
        why = await s.why(id)
        assert why is not None
        assert (why.code, why.text) == ("disabled", "function disabled: by its owner")
    await on(s)
    assert s.starts("f") == [0.0, 100.0, 100.0]


async def test_what_waits_for_the_switch_spends_no_budget_but_its_age() -> None:
    async with Service(platform_budget_seconds=50) as s:
        await s.function("f", answers=[Ok(seconds=5)], concurrency=1, max_event_age_seconds=200)
        await s.invoke("f")
        id = await s.invoke("f")
        await s.settle()
        await off(s)
        await s.clock.advance(100)  # longer than the budget for what is throttled
        assert (await s.show(id)).state is State.QUEUED
        await s.clock.advance(101)
        assert (await s.show(id)).state is State.EXPIRED


async def test_what_was_claimed_is_given_back_when_the_switch_comes_first(s: Service) -> None:
    await s.function("f", answers=["ok"])
    family, ids = s.engine.parts.catalogue.family("f"), []

    def accepted(answer: Accepted, error: ThenceError | None) -> None:
        # It is on disk as running, and is about to be handed over.
        ids.append(answer.id)
        family.take(Control(disabled="now"))

    s.engine.accept("f", b"1", accepted)
    await s.settle()
    view = await s.show(ids[0])
    assert (view.state, view.attempt, s.starts("f")) == (State.QUEUED, 0, [])
    await on(s)
    assert (await s.show(ids[0])).state is State.SUCCEEDED


async def test_abort_stops_what_runs_and_leaves_what_waits(s: Service) -> None:
    await published(s, answers=[Forever()], concurrency=1)
    config = AsyncConfig(on_failure="queue:dead", stop_notifies=True)
    await s.engine.functions.put_async_config("f", "latest", config)
    await s.function("other", answers=[Forever()])
    ids = [await s.invoke("f", qualifier=q) for q in ("latest", "1")]
    waiting = [await s.invoke("f", qualifier=q) for q in ("latest", "1")]
    other = await s.invoke("other")
    await s.settle()
    await off(s, abort=True)
    assert {(await s.show(id)).state for id in ids} == {State.STOPPED}
    assert {(await s.show(id)).state for id in waiting} == {State.QUEUED}
    assert (await s.show(other)).state is State.RUNNING
    assert len(await s.mail("queue:dead")) == 1
    await on(s)
    assert {(await s.show(id)).state for id in waiting} == {State.RUNNING}


@pytest.mark.parametrize("crash", [True, False])
@pytest.mark.parametrize("first", ["caller", "switch"])
async def test_whoever_stopped_it_first_is_told_also_after_a_crash(
    s: Service, monkeypatch: pytest.MonkeyPatch, first: str, crash: bool
) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=600)
    id = await s.invoke("f")
    await s.settle()
    if crash:  # the stop is on disk, and the instance is not ended yet
        monkeypatch.setattr(s.runtime, "stop", lambda id: False)
    if first == "caller":
        await s.stop(id)
    await off(s, abort=True)
    if crash:
        assert (await s.show(id)).state is State.STOPPING
        await s.crash()
        await s.clock.advance(60)
    view = await s.show(id)
    wanted = "stopped_by_caller" if first == "caller" else "function_disabled"
    assert (view.state, view.reason) == (State.STOPPED, wanted)


async def test_abort_leaves_the_deliveries_of_what_has_just_ended(s: Service) -> None:
    s.receiver("https://example.com/hook").down()
    await s.function("f", answers=[Ok(seconds=1)], on_success="https://example.com/hook")
    id = await s.invoke("f")
    await s.settle()
    s.disk_full(5)
    await s.clock.advance(2)  # it has ended, but that cannot be written yet
    work = asyncio.ensure_future(s.engine.parts.stop.abort_all(s.engine.functions.get("f").id))
    await s.clock.advance(10)
    await work
    view = await s.show(id)
    assert (view.state, view.deliveries[0].state) == (State.SUCCEEDED, "pending")


async def test_abort_ends_synchronous_calls(s: Service) -> None:
    await s.function("f", answers=[Forever()], concurrency=1)
    running = asyncio.ensure_future(s.engine.invoke("f", b""))
    waiting = asyncio.ensure_future(s.engine.invoke("f", b""))
    await s.settle()
    await off(s, abort=True)
    assert (await running)[1].outcome is Outcome.STOPPED
    await s.clock.advance(60)
    with pytest.raises(FunctionDisabled):
        await waiting
