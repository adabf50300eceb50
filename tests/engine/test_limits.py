"""Limits, fairness, and the answer to "why does it wait?"."""

from __future__ import annotations

from thence.lifecycle.states import State
from thence.runtimes.interface import Run
from thence.store.records import Accepted
from thence.testing import Error, Forever, Lost, Ok, PlatformError, Service


async def test_never_more_attempts_at_once_than_the_function_allows(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1)], concurrency=3)
    ids = [await s.invoke("f") for _ in range(30)]
    await s.clock.advance(10)
    assert s.scripts.at_once["f"] == 3
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED}
    # A slot that is free is taken in the same instant.
    assert s.starts("f") == [float(second) for second in range(10) for _ in range(3)]


async def test_one_that_is_asked_for_by_another_s_answer_finds_its_slot_taken(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1)], concurrency=1)
    await s.settle()
    ids: list[int] = []

    def accepted(answer: Accepted, _: object) -> None:
        ids.append(answer.id)
        if len(ids) < 3:
            s.engine.accept("f", b"1", accepted)

    s.engine.accept("f", b"1", accepted)
    await s.settle()
    assert [(await s.show(id)).state for id in ids] == [State.RUNNING, State.QUEUED, State.QUEUED]
    await s.clock.advance(5)
    assert s.starts("f") == [0.0, 1.0, 2.0]


async def test_what_waits_starts_in_the_order_of_its_arrival(s: Service) -> None:
    order: list[bytes] = []
    await s.function(
        "f", answers=lambda run: order.append(run.payload) or Ok(seconds=1), concurrency=1
    )
    for n in range(20):
        await s.invoke("f", n)
        await s.clock.advance(0.001)
    await s.clock.advance(60)
    assert order == [str(n).encode() for n in range(20)]


async def test_raising_the_limit_starts_what_waits(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=10)], concurrency=0)
    for _ in range(4):
        await s.invoke("f")
    await s.clock.advance(60)
    assert s.starts("f") == []
    await s.function("f", concurrency=2)
    await s.settle()
    assert s.starts("f") == [60.0, 60.0]
    await s.function("f", concurrency=4)
    await s.settle()
    assert s.starts("f") == [60.0] * 4


async def test_a_backlog_of_500_of_one_function_does_not_starve_another() -> None:
    async with Service(instances_max=4, kept_free_percent=0) as s:
        await s.function("busy", answers=[Ok(seconds=1)], concurrency=10)
        await s.function("quiet", answers=[Ok(seconds=1)], concurrency=10)
        for _ in range(500):
            await s.invoke("busy")
        await s.clock.advance(5.5)
        id = await s.invoke("quiet")
        await s.clock.advance(1.5)
        # It got the first slot that came free.
        assert s.starts("quiet") == [6.0]
        await s.clock.advance(1)
        assert (await s.show(id)).state is State.SUCCEEDED
        await s.clock.advance(200)
        assert len(s.starts("busy")) == 500 and await s.verify() == []


async def test_two_busy_functions_share_the_node_about_equally() -> None:
    async with Service(instances_max=4, kept_free_percent=0) as s:
        await s.function("a", answers=[Ok(seconds=1)], concurrency=10)
        await s.function("b", answers=[Ok(seconds=1)], concurrency=10)
        for _ in range(200):
            await s.invoke("a")
        for _ in range(200):
            await s.invoke("b")
        await s.clock.advance(50)
        a, b = len(s.starts("a")), len(s.starts("b"))
        assert a + b >= 196 and 0.5 <= a / b <= 2.0


async def test_a_slow_function_slows_no_other(s: Service) -> None:
    await s.function("slow", answers=[Forever()], concurrency=5, timeout_seconds=3600)
    await s.function("fast", answers=["ok"])
    for _ in range(100):
        await s.invoke("slow")
    ids = [await s.invoke("fast") for _ in range(100)]
    await s.settle()
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED}


async def test_the_memory_of_a_lane_does_not_grow_with_its_backlog(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    for _ in range(300):
        await s.invoke("f")
    engine = s.engine
    assert not engine.parts.running and engine.parts.dispatch._look == {}
    assert not engine.parts.dispatch._turn and not engine.parts.dispatch.node_queue.buckets
    assert engine.parts.lanes.all()[0].waiting == 300


# ---------------------------------------------------------------- why


async def why(s: Service, id: str) -> tuple[str, str]:
    found = await s.why(id)
    assert found is not None
    return found.code, found.text


async def test_it_says_that_it_is_delayed_and_until_when(s: Service) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f", delay_seconds=90)
    assert await why(s, id) == ("delayed", "delayed until 2026-01-01T00:01:30.000Z")


async def test_it_says_that_the_function_is_at_its_limit(s: Service) -> None:
    await s.function("f", answers=[Forever()], concurrency=5, timeout_seconds=3600)
    ids = [await s.invoke("f") for _ in range(6)]
    assert await why(s, ids[5]) == ("function_limit", "function limit 5/5")
    assert await s.why(ids[0]) is None


async def test_it_says_that_the_node_is_full() -> None:
    async with Service(instances_max=1) as s:
        await s.function("f", answers=[Forever()], timeout_seconds=3600)
        await s.function("g", answers=["ok"])
        await s.invoke("f")
        assert (await why(s, await s.invoke("g")))[0] == "node_limit"


async def test_it_says_that_the_function_is_paused(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    code, text = await why(s, await s.invoke("f"))
    assert code == "paused" and "thence deploy --concurrency" in text
    await s.ask(
        s.engine.functions.publish_version("f", version="v1")
    )  # and deploying does not change that
    code, text = await why(s, await s.invoke("f", qualifier="v1"))
    assert (code, text) == (
        "paused",
        "paused: the concurrency of version v1 is 0 and stays so: what waits of it never runs; publish "
        "another one and call that",
    )


async def test_it_says_what_it_backs_off_after(s: Service) -> None:
    wait = {"first_seconds": 10, "jitter": "none"}
    for name, answer, text in (
        ("f", Error(), "after function_error (retry 1)"),
        ("p", PlatformError(retry_after_seconds=10), "(platform error 1, not counted as a retry)"),
    ):
        await s.function(name, answers=[answer], retry_wait=wait)
        id = await s.invoke(name)
        await s.settle()
        code, sentence = await why(s, id)
        assert code == "backing_off" and text in sentence and "00:00:10.000Z" in sentence


async def test_it_says_that_no_further_attempt_fits_into_its_age(s: Service) -> None:
    await s.function(
        "f", answers=[PlatformError()], max_event_age_seconds=2, contract="functiongraph"
    )
    id = await s.invoke("f")
    await s.clock.advance(1.9)
    code, text = await why(s, id)
    assert (code, text) == (
        "backing_off",
        "until its event age ends at 2026-01-01T00:00:02.000Z: no further attempt fits in after "
        "platform_error",
    )
    await s.clock.advance(0.1)
    view = await s.show(id)
    assert (view.state, view.ended_at, view.attempt) == (State.EXPIRED, view.expires_at, 3)
    assert s.starts("f") == [0.0, 0.5, 1.5]


async def test_it_says_that_the_store_cannot_write(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1), Forever()], concurrency=1, timeout_seconds=3600)
    await s.invoke("f")
    id = await s.invoke("f")
    s.disk_full(60)
    await s.clock.advance(5)
    assert (await why(s, id))[0] == "store"


async def test_it_says_that_the_node_shuts_down(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=0)
    id = await s.invoke("f")
    s.engine._life.draining = True
    assert (await why(s, id))[0] == "draining"
    s.engine._life.draining = False


async def test_what_does_not_wait_has_no_why(s: Service) -> None:
    await s.function("f", answers=[Lost(), "ok"])
    id = await s.invoke("f")
    await s.settle()
    assert (await s.show(id)).state is State.SUCCEEDED and await s.why(id) is None


async def test_a_slot_stays_kept_while_a_large_payload_is_fetched(s: Service) -> None:
    await s.function("f", answers=[Ok(seconds=1)], concurrency=2)
    submit, rooms = s.runtime.submit, []

    def submit_with_room(run: Run) -> None:
        rooms.append(s.runtime.room(run.function))
        submit(run)

    s.runtime.submit = submit_with_room
    ids = [await s.invoke("f", b"x" * 100_000) for _ in range(8)]
    await s.clock.advance(10)
    assert {(await s.show(id)).state for id in ids} == {State.SUCCEEDED}
    assert len(rooms) == 8 and min(rooms) > 0  # nothing was claimed that had to be given back


async def test_a_payload_that_cannot_even_be_asked_for_ends_its_attempt(s: Service) -> None:
    async def broken(ref: str, digest: str) -> bytes:
        raise ValueError("not a blob reference")

    await s.function("f", answers=[Ok(seconds=1)], concurrency=1)
    first, second = await s.invoke("f"), await s.invoke("f", b"x" * 100_000)
    get, s.engine.parts.blobs.get = s.engine.parts.blobs.get, broken
    await s.clock.advance(1.2)
    view = await s.show(second)
    assert view.attempts[0].error_type == "PayloadUnreadable" and view.spent.platform_tries == 1
    s.engine.parts.blobs.get = get
    await s.clock.advance(10)
    assert (await s.show(first)).state is (await s.show(second)).state is State.SUCCEEDED
