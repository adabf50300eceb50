"""invoke: a synchronous call takes a slot before the backlog, and waits a bounded time for one."""

from __future__ import annotations

import asyncio

import pytest

from thence.catalog.alias import Alias
from thence.catalog.control import Control
from thence.errors import (
    Draining,
    FunctionNotFound,
    Overloaded,
    PayloadTooLarge,
    QualifierNotFound,
    Throttled,
)
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import State
from thence.runtimes.interface import Ended, Run
from thence.testing import Error, Forever, Ok, Service


async def test_it_answers_directly_and_stores_nothing(s: Service) -> None:
    await s.function("f", answers=[Ok({"n": 2}), Error()])
    _, ended = await s.engine.invoke("f", b"{}")
    assert (ended.outcome, ended.result) == (Outcome.OK, b'{"n":2}')
    _, ended = await s.engine.invoke("f", b"{}")
    await s.clock.advance(60)
    assert ended.outcome is Outcome.FUNCTION_ERROR and len(s.starts("f")) == 2
    assert (await s.engine.stats()).accepted == 0


async def test_what_cannot_be_is_refused(s: Service) -> None:
    await s.function("f")
    for kind, call in (
        (FunctionNotFound, s.engine.invoke("g", b"")),
        (QualifierNotFound, s.engine.invoke("f", b"", qualifier="v1")),
        (PayloadTooLarge, s.engine.invoke("f", b"x" * (1 << 21))),
    ):
        with pytest.raises(kind):
            await call
    await s.function("f", concurrency=0)
    with pytest.raises(Throttled, match="concurrency is 0; deploy it with another "):
        await s.engine.invoke("f", b"")
    engine = s.engine
    await s.stop_service()
    with pytest.raises(Draining):
        await engine.invoke("f", b"")
    await s.start()


async def test_it_goes_before_the_backlog(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1)], concurrency=1)
    for _ in range(10):
        await s.invoke("f", "waits")
    call = asyncio.ensure_future(s.engine.invoke("f", b'"direct"'))
    await s.clock.advance(2)
    assert call.done() and s.scripts.starts[1].payload == b'"direct"'
    await s.clock.advance(60)
    assert len(s.starts("f")) == 11


async def test_it_waits_for_a_slot_and_gives_up_after_its_time(s: Service) -> None:
    await s.function("f", answers=[Forever()], concurrency=1, timeout_seconds=3600)
    await s.invoke("f")
    call = asyncio.ensure_future(s.engine.invoke("f", b""))
    await s.clock.advance(9.999)
    assert not call.done()
    await s.clock.advance(0.001)
    with pytest.raises(Throttled):
        await call
    assert s.engine.parts.lanes.all()[0].reserved == 0


async def test_each_call_may_say_how_long_it_waits_for_a_slot(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=30)], concurrency=1)
    await s.invoke("f")
    await s.settle()
    with pytest.raises(Throttled):
        await s.engine.invoke("f", b"1", queue_seconds=0)
    patient = asyncio.ensure_future(s.engine.invoke("f", b"1", queue_seconds=40))
    short = asyncio.ensure_future(s.engine.invoke("f", b"1", queue_seconds=2))
    await s.clock.advance(2)
    with pytest.raises(Throttled):
        await short
    await s.clock.advance(60)
    assert (await patient)[1].outcome is Outcome.OK


async def test_the_run_knows_the_alias_and_whether_to_measure(s: Service) -> None:
    seen: list[tuple[str, str, bool]] = []
    await s.function("f", answers=lambda run: seen.append(facts(run)))
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    await s.engine.invoke("f", b"1", qualifier="prod", measure=True)
    await s.engine.invoke("f", b"1", qualifier="1")
    await s.engine.invoke("f", b"1")
    await s.invoke("f", 1, qualifier="prod")
    await s.settle()
    assert seen == [
        ("1", "prod", True),
        ("1", "", False),
        ("latest", "", False),
        ("1", "prod", False),
    ]


def facts(run: Run) -> tuple[str, str, bool]:
    return run.function.version, run.qualifier, run.measure


async def test_each_call_may_have_its_own_limit_of_bytes(s: Service) -> None:
    await s.function("f", answers=["ok"])
    large = b"1" * (s.options.payload_bytes_max + 1)
    with pytest.raises(PayloadTooLarge):
        await s.engine.invoke("f", large)
    assert (await s.engine.invoke("f", large, payload_bytes_max=len(large)))[1].result == b'"ok"'
    with pytest.raises(PayloadTooLarge) as refused:
        await s.engine.invoke("f", b"123", payload_bytes_max=2)
    assert refused.value.fields["limit_bytes"] == 2


async def test_a_caller_that_goes_away_ends_its_run_and_frees_the_slot(s: Service) -> None:
    await s.function("f", answers=[Forever(), "ok"], concurrency=1, timeout_seconds=3600)
    call = asyncio.ensure_future(s.engine.invoke("f", b""))
    await s.settle()
    id = await s.invoke("f")
    assert len(s.starts("f")) == 1
    call.cancel()
    await s.settle()
    assert str((await s.show(id)).state) == "succeeded"


async def test_a_caller_that_goes_away_with_its_promised_slot_frees_it(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1)], concurrency=1)
    await s.invoke("f")
    call = asyncio.ensure_future(s.engine.invoke("f", b""))
    await s.settle()
    ids = [await s.invoke("f") for _ in range(2)]
    # It goes away in the very instant in which the slot is promised to it.
    lane = s.engine.parts.lanes.all()[0]
    promise = next(iter(lane.sync_waiters))
    lane.drop_call(promise)
    lane.queue_call(lambda: (promise(), call.cancel()))
    await s.clock.advance(10)
    assert [str((await s.show(id)).state) for id in ids] == ["succeeded"] * 2
    assert lane.reserved == 0


async def test_a_call_that_never_began_gets_another_place_for_as_long_as_it_may_wait(
    s: Service,
) -> None:
    await s.function("f", answers=["ok"])
    submit, given_back = s.runtime.submit, []

    def give_back_twice(run: Run) -> None:
        if len(given_back) == 2:
            submit(run)
            return
        given_back.append(run)
        asyncio.get_running_loop().call_soon(run.done, run, Ended(Outcome.NOT_STARTED))

    s.runtime.submit = give_back_twice
    _, ended = await s.engine.invoke("f", b"{}")
    assert ended.outcome is Outcome.OK and len(given_back) == 2

    def give_back_always(run: Run) -> None:
        s.clock.call_at(s.clock.now() + 900, lambda: run.done(run, Ended(Outcome.NOT_STARTED)))

    s.runtime.submit = give_back_always
    call = asyncio.ensure_future(s.engine.invoke("f", b"{}"))
    await s.clock.advance(11)
    # Nine of its slots are free: it is not at its limit.
    with pytest.raises(Throttled, match="found no free instance: 0/10 slots run"):
        await call


async def test_a_call_that_never_began_is_told_at_once_that_its_function_is_deleted(
    s: Service,
) -> None:
    await s.function("f", answers=["ok"])

    def give_back(run: Run) -> None:
        s.clock.call_at(s.clock.now() + 900, lambda: run.done(run, Ended(Outcome.NOT_STARTED)))

    s.runtime.submit = give_back
    call = asyncio.ensure_future(s.engine.invoke("f", b"{}"))
    await s.settle()
    await s.delete("f")
    await s.clock.advance(1)
    assert call.done()
    with pytest.raises(FunctionNotFound, match="was deleted before the call began"):
        await call


async def test_a_call_that_could_not_begin_leaves_its_slot_of_all_versions(s: Service) -> None:
    """Of such the runtime tells no end."""
    s.engine.parts.dispatch.loop.interval_seconds = 1e6  # no timer helps
    s.engine.parts.dispatch.loop.wake()
    await s.function("f", answers=["ok"])
    await s.ask(s.engine.functions.publish_version("f", version="1"))
    await s.engine.functions.put_control("f", Control(limit=1))
    submit = s.runtime.submit

    def no_instance(run: Run) -> None:
        if run.function.version != "1":
            submit(run)
            return
        ended = Ended(Outcome.NO_RESOURCES)
        s.clock.call_at(s.clock.now() + 900, lambda: run.done(run, ended))

    s.runtime.submit = no_instance
    call = asyncio.ensure_future(s.engine.invoke("f", b"{}", qualifier="1"))
    await s.settle()
    waits = await s.invoke("f")
    await s.clock.advance(1)
    assert (await call)[1].outcome is Outcome.NO_RESOURCES
    assert (await s.show(waits)).state is State.SUCCEEDED


async def test_a_full_node_is_told_apart_from_the_functions_own_limit() -> None:
    async with Service(instances_max=1) as s:
        await s.function("other", answers=[Forever()], timeout_seconds=600)
        await s.function("f", answers=["ok"], concurrency=5)
        await s.invoke("other")
        await s.settle()
        call = asyncio.ensure_future(s.engine.invoke("f", b""))
        await s.clock.advance(10)
        with pytest.raises(Overloaded, match=r"found no instance.*runtime\.instances_max"):
            await call
        await s.engine.functions.put_control("other", Control(limit=1))
        call = asyncio.ensure_future(s.engine.invoke("other", b""))
        await s.clock.advance(10)
        with pytest.raises(Throttled, match="at its limit"):
            await call


async def test_what_a_drain_cuts_off_is_told_so(s: Service) -> None:
    await s.function("f", answers=[Forever()])
    call = asyncio.ensure_future(s.engine.invoke("f", b"{}"))
    await s.clock.advance(1)
    await s.restart(grace_seconds=0)
    _, ended = await call
    assert (ended.outcome, ended.error_type) == (Outcome.DRAINED, "NodeDrained")


async def test_a_call_that_waits_for_a_slot_when_the_node_leaves_is_told_at_once(
    s: Service,
) -> None:
    await s.function("f", answers=[Forever()], concurrency=1)
    await s.invoke("f")
    await s.settle()
    call = asyncio.ensure_future(s.engine.invoke("f", b"{}"))
    await s.settle()
    assert not call.done()
    told: list[int] = []
    call.add_done_callback(lambda _: told.append(s.clock.now()))
    began = s.clock.now()
    await s.stop_service(grace_seconds=5)
    with pytest.raises(Draining):
        await asyncio.wait_for(call, 1)
    assert told[0] < began + 1000, "what runs has 5 s"
