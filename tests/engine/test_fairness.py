"""Fairness: whatever busy functions do, one that runs nothing starts at once."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from thence.catalog.control import Control
from thence.errors import Overloaded
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import State
from thence.runtimes.interface import kept_free, kept_short
from thence.testing import Ok, Service

from .processes import deploy, running

LONG = [Ok(seconds=20)]


@pytest.mark.parametrize(
    ("instances_max", "percent", "kept"),
    [
        (16, 25, 4),
        (8, 25, 2),
        (3, 25, 1),
        (2, 25, 1),
        (1, 25, 0),
        (16, 0, 0),
        (2, 90, 1),
    ],
)
def test_the_share_is_at_least_one_instance_and_leaves_one(
    instances_max: int, percent: int, kept: int
) -> None:
    assert kept_free(instances_max, percent) == kept


async def test_two_functions_with_long_runs_leave_room_for_a_third() -> None:
    async with Service(instances_max=16) as s:
        for name in ("a", "b"):  # at the default concurrency, together more than the node has
            await s.function(name, answers=LONG)
            for _ in range(50):
                await s.invoke(name)
        await s.function("quiet", answers=["ok"])
        for second in range(1, 100):
            await s.clock.advance(1)
            await s.invoke("quiet")
            await s.settle()
            assert s.starts("quiet")[-1] == second
        assert s.scripts.at_once["a"] + s.scripts.at_once["b"] >= 12


async def test_every_quiet_function_starts_as_on_an_idle_node() -> None:
    """p99 of 20 quiet functions while another has a hundred times their traffic."""
    waits: dict[str, list[float]] = {}
    for kind, busy in (("idle", False), ("busy", True)):
        async with Service(instances_max=16) as s:
            rng = random.Random(1)
            await s.function("busy", answers=[Ok(seconds=1)], concurrency=16)
            quiet = [f"quiet{n}" for n in range(20)]
            for name in quiet:
                await s.function(name, answers=[Ok(seconds=0.05)])
            calls = [(rng.uniform(0, 40), name) for name in quiet for _ in range(8)]
            calls += [(rng.uniform(0, 40), "busy") for _ in range(800 if busy else 0)]
            asked: dict[str, list[float]] = {}
            now = 0.0
            for at, name in sorted(calls):
                await s.clock.advance(round(at, 3) - now)
                now = round(at, 3)
                await s.invoke(name)
                asked.setdefault(name, []).append(now)
            await s.clock.advance(1)
            waits[kind] = sorted(
                start - at
                for name in quiet
                for start, at in zip(s.starts(name), asked[name], strict=True)
            )
            if busy:
                assert s.scripts.at_once["busy"] == 12 and (await s.engine.stats()).waiting > 100
    p99 = {kind: each[int(0.99 * len(each))] for kind, each in waits.items()}
    assert p99["busy"] <= 2 * p99["idle"]


async def test_all_versions_of_a_function_are_one_holder() -> None:
    async with Service(instances_max=16) as s:
        await s.function("many", answers=LONG)
        for n in range(1, 25):
            await s.ask(s.engine.functions.publish_version("many", version=str(n)))
            await s.invoke("many", qualifier=str(n))
        await s.function("quiet", answers=["ok"])
        await s.invoke("quiet")
        await s.settle()
        assert s.starts("quiet") == [0.0] and len(s.starts("many")) == 12
        await s.clock.advance(20)
        assert len(s.starts("many")) == 24


async def test_many_functions_with_long_runs_hold_one_instance_each_at_least() -> None:
    async with Service(instances_max=16) as s:
        names = [f"f{n}" for n in range(16)]
        for name in names:
            await s.function(name, answers=LONG)
        for _ in range(10):
            await s.invoke(names[0])
        for name in names[1:]:
            for _ in range(10):
                await s.invoke(name)
        await s.settle()
        # The first took what it may have; what is kept free went to as many others as it is, but for
        # the last, which is for those that are known to need it for a moment only.
        assert [len(s.starts(name)) for name in names[:8]] == [10, 2, 1, 1, 1, 0, 0, 0]
        # From then on whoever holds least comes first.
        await s.clock.advance(21)
        assert all(s.starts(name) for name in names)


async def test_shares_become_equal_when_another_comes() -> None:
    async with Service(instances_max=16) as s:
        await s.function("first", answers=[Ok(seconds=1)], concurrency=16)
        await s.function("second", answers=[Ok(seconds=1)], concurrency=16)
        for name in ("first", "second"):
            for _ in range(300):
                await s.invoke(name)
        await s.clock.advance(3.5)
        held = [s.runtime.held(s.engine.functions.get(name)) for name in ("first", "second")]
        assert held == [6, 6]


async def test_a_synchronous_call_finds_room_where_others_hold_all_they_may() -> None:
    async with Service(instances_max=4) as s:
        await s.function("slow", answers=LONG)
        for _ in range(10):
            await s.invoke("slow")
        await s.function("quiet", answers=["ok"])
        _, ended = await s.ask(s.engine.invoke("quiet", b"1", queue_seconds=0))
        assert ended.outcome is Outcome.OK
        # One of the function that holds them is another matter: it waits, or is refused.
        call = asyncio.ensure_future(s.engine.invoke("slow", b"1", queue_seconds=0))
        await s.settle()
        with pytest.raises(Overloaded):
            await call


async def test_on_a_node_of_two_instances_one_function_has_one() -> None:
    async with Service(instances_max=2) as s:
        await s.function("slow", answers=LONG)
        await s.function("quiet", answers=["ok"])
        for _ in range(3):
            await s.invoke("slow")
        await s.invoke("quiet")
        await s.settle()
        assert (s.starts("slow"), s.starts("quiet")) == ([0.0], [0.0])


async def test_on_a_node_of_one_instance_functions_take_turns() -> None:
    async with Service(instances_max=1) as s:
        await s.function("slow", answers=LONG)
        await s.function("quiet", answers=["ok"])
        for _ in range(3):
            await s.invoke("slow")
        await s.invoke("quiet")
        await s.clock.advance(60)
        assert (s.starts("slow"), s.starts("quiet")) == ([0.0, 20.0, 40.0], [20.0])


async def test_the_share_that_is_kept_free_is_a_setting() -> None:
    for percent, at_once in ((0, 8), (50, 4)):
        async with Service(instances_max=8, kept_free_percent=percent) as s:
            await s.function("slow", answers=LONG)
            for _ in range(20):
                await s.invoke("slow")
            await s.settle()
            assert len(s.starts("slow")) == at_once


async def test_it_says_that_the_rest_of_the_node_is_kept_free() -> None:
    async with Service(instances_max=8) as s:
        await s.function("slow", answers=LONG)
        ids = [await s.invoke("slow") for _ in range(7)]
        why = await s.why(ids[-1])
        assert why is not None and why.code == "node_share"
        assert "2 of its 8 instances" in why.text and "holds 6" in why.text
        occupancy = s.runtime.occupancy()
        assert (occupancy.in_use, occupancy.holders, occupancy.kept_free) == (6, 1, 2)
        assert len(s.engine.parts.dispatch.node_queue) == 1


async def test_with_real_instances_another_function_starts_beside_two_with_long_runs(
    tmp_path: Path,
) -> None:
    """Default concurrency, 16 instances; quiet functions come one after the other, each with an
    instance that has to start and another's that has to make way."""
    slow = "import time\ndef handler(event, context):\n    time.sleep(600)\n"
    fast = "def handler(event, context):\n    return event\n"
    async with running(tmp_path, instances_max=16, kept_free_percent=25) as engine:
        await deploy(engine, "a", slow)
        await deploy(engine, "b", slow)
        for name in ("a", "b"):
            await asyncio.gather(*(engine.accepted(name, b"1") for _ in range(30)))
        for n in range(20):
            await deploy(engine, f"quiet{n}", fast)
            accepted = await engine.accepted(f"quiet{n}", b"1")
            assert (await engine.invocations.wait(accepted.id, 60)).state is State.SUCCEEDED
            _, ended = await engine.invoke(f"quiet{n}", b"1")
            assert ended.outcome is Outcome.OK
        stats = await engine.stats()
        assert stats.succeeded == 20 and stats.running <= 16 - 4


@pytest.mark.parametrize(("kept", "short"), [(0, 0), (1, 0), (2, 1), (4, 1), (16, 4)])
def test_a_part_of_what_is_kept_free_is_for_short_runs(kept: int, short: int) -> None:
    assert kept_short(kept) == short


async def test_a_thousand_functions_with_long_runs_do_not_keep_a_short_one_waiting() -> None:
    """Each of them holds nothing most of the time, so that the share for such is theirs too."""
    async with Service(instances_max=16) as s:
        for name in ("quiet", "other"):  # they are known
            await s.function(name, answers=[Ok(seconds=0.05)])
            await s.invoke(name)
        await s.clock.advance(1)
        names = [f"long{n}" for n in range(300)]
        for name in names:
            await s.function(name, answers=LONG, concurrency=2)
            await s.invoke(name)
            await s.invoke(name)
        for second in range(1, 300, 7):
            for name in ("quiet", "other"):
                await s.invoke(name)
            await s.settle()
            assert s.starts("quiet")[-1] == second, "it waits for a long one to end"
            await s.clock.advance(1)
            assert s.starts("other")[-1] <= second + 0.05, "nor behind those that wait for the node"
            await s.clock.advance(6)
        # The long ones have all the rest, and take turns: what comes free goes to who waits longest.
        assert sum(len(s.starts(name)) for name in names) >= 15 * 300 // 20
        assert max(len(s.starts(name)) for name in names[20:]) == 1


async def test_why_says_that_what_is_left_is_for_short_runs() -> None:
    async with Service(instances_max=8) as s:
        for n in range(12):
            await s.function(f"long{n}", answers=LONG)
            await s.invoke(f"long{n}")
        await s.settle()
        occupancy = s.runtime.occupancy()
        assert (occupancy.in_use, occupancy.kept_free, occupancy.kept_short) == (7, 2, 1)
        waits = await s.invoke("long11")
        reason = s.engine.invocations.why(await s.show(waits))
        assert reason is not None and reason.code == "node_share"
        assert "keeps 1 of its 8 instances free" in reason.text
        assert "less than a second; those of this one are not known to" in reason.text


async def test_with_real_processes_what_is_left_is_for_who_is_known_to_be_short(
    tmp_path: Path,
) -> None:
    slow = "import time\ndef handler(event, context):\n    time.sleep(600)\n"
    fast = "def handler(event, context):\n    return event\n"
    async with running(tmp_path, instances_max=8, kept_free_percent=25) as engine:
        await deploy(engine, "quiet", fast)
        _, ended = await engine.invoke("quiet", b"1")  # with its import, which no mean knows of
        assert ended.outcome is Outcome.OK and engine.parts.runtime.short(
            engine.functions.get("quiet")
        )
        for n in range(12):
            await deploy(engine, f"slow{n}", slow)
            await engine.accepted(f"slow{n}", b"1")
        for _ in range(5):
            _, ended = await engine.invoke("quiet", b"1")
            assert ended.outcome is Outcome.OK
        stats = await engine.stats()
        assert (stats.running, stats.waiting) == (7, 5)
        # One that is cut off after a long time is long, whatever it was before.
        lane = engine.parts.runtime._lanes[engine.functions.get("quiet").id]  # type: ignore[attr-defined]
        lane.took(60_000_000)
        assert not engine.parts.runtime.short(engine.functions.get("quiet"))


async def no_timer(s: Service) -> None:
    """Nothing is looked at by the timer alone, as where claims wake its loop all the time."""
    s.engine.parts.dispatch.loop.interval_seconds = 1e6
    s.engine.parts.dispatch.loop.wake()
    await s.settle()


async def test_a_version_waits_no_longer_because_another_had_its_turn() -> None:
    """What the function holds falls when a run of the other version ends, which has no more calls."""
    async with Service(instances_max=4) as s:
        await no_timer(s)
        await s.function("f", answers=[Ok(seconds=1)])
        await s.ask(s.engine.functions.publish_version("f", version="2"))
        await s.invoke("f")
        for n in range(10):
            await s.function(f"busy{n}", answers=[Ok(seconds=1 + n / 10)])
            for _ in range(50):
                await s.invoke(f"busy{n}")
        await s.invoke("f", qualifier="2")
        await s.clock.advance(10)
        assert len(s.starts("f")) == 2


async def test_a_short_version_does_not_wait_behind_a_long_one_which_keeps_its_turn() -> None:
    async with Service(instances_max=8) as s:
        await no_timer(s)
        await s.function(
            "f", answers=lambda run: Ok(seconds=20 if run.function.version == "1" else 0.05)
        )
        for version in ("1", "2"):
            await s.ask(s.engine.functions.publish_version("f", version=version))
        await s.function("other", answers=[Ok(seconds=0.5)])
        await s.invoke("f", qualifier="2")
        await s.invoke("other")
        await s.clock.advance(1)
        for n in range(20):
            await s.function(f"long{n}", answers=LONG)
            for _ in range(20):
                await s.invoke(f"long{n}")
        long = await s.invoke("f", qualifier="1")
        await s.invoke("other")
        short = await s.invoke("f", qualifier="2")
        await s.clock.advance(0.5)  # the other's run ends
        view = await s.show(short)
        assert [attempt.started_at for attempt in view.attempts] == [view.accepted_at + 500]
        for _ in range(200):
            await s.invoke("f", qualifier="2")
            await s.clock.advance(0.5)
        assert (await s.show(long)).attempts, "it loses its place each time that the other runs"


@pytest.mark.parametrize("limit", [1, 2])
async def test_versions_take_turns_at_a_limit_of_all_of_them(limit: int) -> None:
    async with Service() as s:
        await s.function("f", answers=[Ok(seconds=1)])
        for version in ("1", "2"):
            await s.ask(s.engine.functions.publish_version("f", version=version))
        await s.engine.functions.put_control("f", Control(limit=limit))
        for version in ("1", "2"):
            for _ in range(20):
                await s.invoke("f", qualifier=version)
        await s.clock.advance(8)
        begun = [start.version for start in s.scripts.starts]
        assert len(begun) == 9 * limit and abs(begun.count("1") - begun.count("2")) <= 2


async def test_where_none_is_kept_for_short_runs_their_versions_have_no_other_turns() -> None:
    """Also where runs wait inside instances, so that more are handed over than the node has."""
    async with Service(instances_max=1, ahead=2) as s:
        await no_timer(s)
        await s.function(
            "f", answers=lambda run: Ok(seconds=2 if run.function.version == "1" else 0.05)
        )
        for version in ("1", "2"):
            await s.ask(s.engine.functions.publish_version("f", version=version))
        await s.invoke("f", qualifier="2")  # it is known to be short
        await s.clock.advance(1)
        for name in ("g", "h"):
            await s.function(name, answers=[Ok(seconds=2)])
        for _ in range(30):
            for name in ("g", "h"):
                await s.invoke(name)
        long = await s.invoke("f", qualifier="1")
        for _ in range(30):
            await s.invoke("f", qualifier="2")
        await s.clock.advance(30)
        assert (await s.show(long)).attempts


async def test_a_deleted_version_passes_its_turn_on_to_the_others(s: Service) -> None:
    """It was the next to be looked at when nothing could begin, and is forgotten meanwhile."""
    await no_timer(s)
    await s.function("f", answers=[Ok(seconds=1)])
    for version in ("1", "2"):
        await s.ask(s.engine.functions.publish_version("f", version=version))
    await s.engine.functions.put_control("f", Control(limit=1))
    for _ in range(2):
        await s.invoke("f", qualifier="1")
    waits = await s.invoke("f", qualifier="2")
    await s.ask(s.engine.functions.delete_version("f", "1"))  # one of it runs
    s.engine.parts.dispatch.hold_back(True)
    await s.clock.advance(1)
    s.engine.parts.retire.loop.wake()
    await s.settle()
    assert len(s.engine.parts.lanes.all()) == 2
    s.engine.parts.dispatch.hold_back(False)
    await s.clock.advance(1)
    assert (await s.show(waits)).state is State.SUCCEEDED
