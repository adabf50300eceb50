"""accept: on disk before it is answered, checked before anything is stored."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest

from thence.engine.lanes import UNKNOWN
from thence.errors import (
    FunctionNotFound,
    IdempotencyMismatch,
    InvalidInput,
    PayloadTooLarge,
    QualifierNotFound,
    Throttled,
)
from thence.lifecycle.states import State
from thence.store.sqlite.store import SqliteStore
from thence.testing import Error, Forever, Ok, Service
from thence.testing.service import gather_now


def on_disk(s: Service) -> int:
    """Invocations as another program sees them: committed only."""
    other = sqlite3.connect(s.directory / "thence.db")
    try:
        return int(other.execute("SELECT count(*) FROM invocation").fetchone()[0])
    finally:
        other.close()


async def test_an_accept_is_answered_only_after_its_commit_is_on_disk(s: Service) -> None:
    await s.function("f", answers=["ok"])
    seen: list[tuple[Any, int]] = []
    s.engine.accept("f", b"{}", lambda accepted, error: seen.append((error, on_disk(s))))
    assert seen == [] and on_disk(s) == 0
    await s.settle()
    assert seen == [(None, 1)]


async def test_the_function_runs_only_after_the_commit_that_claims_it(s: Service) -> None:
    seen: list[int] = []
    await s.function("f", answers=lambda run: seen.append(on_disk(s)))
    await s.invoke("f")
    await s.settle()
    assert seen == [1]


async def test_an_id_can_be_queried_in_the_same_instant(s: Service) -> None:
    await s.function("f", answers=[Forever()])
    id = await s.invoke("f", {"n": 1})
    view = await s.show(id)
    assert view.state is State.RUNNING
    assert view.accepted_at == s.clock.now()


async def test_what_is_refused_is_not_stored(s: Service) -> None:
    await s.function("f", answers=["ok"])
    refused = [
        (FunctionNotFound, s.invoke("g")),
        (QualifierNotFound, s.invoke("f", qualifier="v1")),
        (PayloadTooLarge, s.invoke("f", b"x" * (1024 * 1024 + 1))),
        (InvalidInput, s.invoke("f", delay_seconds=30 * 86_400 + 1)),
        (InvalidInput, s.invoke("f", delay_seconds=-1)),
        (InvalidInput, s.invoke("f", delay_seconds=float("nan"))),
        (InvalidInput, s.invoke("f", idempotency_key="")),
        (InvalidInput, s.invoke("f", idempotency_key="x" * 256)),
    ]
    for kind, call in refused:
        with pytest.raises(kind):
            await call
    assert on_disk(s) == 0


async def test_a_payload_of_exactly_the_limit_is_taken(s: Service) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f", b"x" * (1024 * 1024))
    await s.settle()
    assert (await s.show(id)).state is State.SUCCEEDED


async def test_a_delay_starts_it_at_its_instant_and_not_before(s: Service) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f", delay_seconds=90)
    await s.clock.advance(89.999)
    assert s.starts("f") == [] and (await s.show(id)).state is State.QUEUED
    await s.clock.advance(0.001)
    assert s.starts("f") == [90.0] and (await s.show(id)).state is State.SUCCEEDED


async def test_a_delay_holds_over_a_restart(s: Service) -> None:
    await s.function("f", answers=["ok"])
    await s.invoke("f", delay_seconds=90)
    await s.crash()
    await s.clock.advance(100)
    assert s.starts("f") == [90.0]


# ---------------------------------------------------------------- idempotency


async def test_the_same_key_and_body_answer_the_same_invocation(s: Service) -> None:
    await s.function("f", answers=["ok"])
    first = await s.invoke("f", {"n": 1}, idempotency_key="k")
    await s.settle()
    assert await s.invoke("f", {"n": 1}, idempotency_key="k") == first
    await s.crash()
    assert await s.invoke("f", {"n": 1}, idempotency_key="k") == first
    await s.settle()
    assert len(s.starts("f")) == 1


async def test_the_same_key_with_another_body_is_refused_and_named(s: Service) -> None:
    await s.function("f", answers=["ok"])
    first = await s.invoke("f", {"n": 1}, idempotency_key="k")
    with pytest.raises(IdempotencyMismatch) as refused:
        await s.invoke("f", {"n": 2}, idempotency_key="k")
    assert refused.value.fields["invocation"] == first
    with pytest.raises(IdempotencyMismatch):
        await s.invoke("f", {"n": 1}, idempotency_key="k", delay_seconds=5)
    assert on_disk(s) == 1


async def test_the_same_key_at_another_function_is_another_request(s: Service) -> None:
    await s.function("f", answers=["ok"])
    await s.function("g", answers=["ok"])
    first = await s.invoke("f", {"n": 1}, idempotency_key="k")
    assert await s.invoke("g", {"n": 1}, idempotency_key="k") != first


async def test_many_requests_of_one_key_at_once_are_one_invocation(s: Service) -> None:
    await s.function("f", answers=["ok"])
    calls = [s.invoke("f", {"n": 1}, idempotency_key="k") for _ in range(20)]
    answers = await gather_now(s, *calls)
    assert len(set(answers)) == 1 and on_disk(s) == 1 and len(s.starts("f")) == 1


async def test_a_repeated_request_does_not_keep_the_slot_it_was_promised(s: Service) -> None:
    await s.function("f", answers=["ok"], concurrency=1)
    await s.invoke("f", {"n": 1}, idempotency_key="k")
    await s.settle()
    # The repeated one holds the only slot while it is written; the other has to wait for it.
    await gather_now(s, s.invoke("f", {"n": 1}, idempotency_key="k"), s.invoke("f", {"n": 2}))
    assert len(s.starts("f")) == 2


async def test_an_idempotency_key_is_free_again_after_its_time() -> None:
    async with Service(idempotency_seconds=3600) as s:
        await s.function("f", answers=["ok"])
        first = await s.invoke("f", {"n": 1}, idempotency_key="k")
        await s.clock.advance(3601)
        assert await s.invoke("f", {"n": 2}, idempotency_key="k") != first
        assert await s.verify() == []


# ---------------------------------------------------------------- bodies, caps


async def test_large_bodies_go_to_the_blob_store_and_come_back(s: Service) -> None:
    large, answer = {"n": "x" * 100_000}, {"y": "z" * 200_000}
    seen: list[bytes] = []
    await s.function("f", answers=lambda run: seen.append(run.payload) or answer)
    id = await s.invoke("f", large)
    await s.settle()
    await s.restart()
    body, _ = await s.store.payload(int(id.replace("-", ""), 16))
    assert body.data is None and body.ref is not None
    assert await s.engine.invocations.body(body) == seen[0]
    assert await s.result(id) == answer
    assert len(list((s.directory / "blobs").rglob("*.*"))) == 2


async def test_a_large_body_waits_for_its_turn_and_is_fetched_then(s: Service) -> None:
    sizes: list[int] = []
    await s.function("f", answers=lambda run: sizes.append(len(run.payload)), concurrency=1)
    for _ in range(3):
        await s.invoke("f", b"x" * 100_000)
    await s.settle()
    assert sizes == [100_000] * 3


async def test_the_blob_of_a_repeated_request_is_not_kept(s: Service) -> None:
    await s.function("f", answers=["ok"])
    for _ in range(3):
        await s.invoke("f", b"x" * 100_000, idempotency_key="k")
    await s.settle()
    assert len(list((s.directory / "blobs").rglob("*.*"))) == 1


async def test_over_the_cap_of_waiting_invocations_an_accept_is_throttled() -> None:
    async with Service(waiting_max=2) as s:
        await s.function("f", answers=[Forever(), Error()], concurrency=1)
        for _ in range(3):
            await s.invoke("f")
        with pytest.raises(Throttled) as refused:
            await s.invoke("f")
        assert refused.value.fields["limit"] == 2


async def test_what_waits_from_before_a_restart_counts_towards_the_cap() -> None:
    async with Service(waiting_max=2) as s:
        await s.function("f", answers=["ok"])
        for _ in range(2):
            await s.invoke("f", delay_seconds=3600)
        await s.crash()
        with pytest.raises(Throttled):
            await s.invoke("f", delay_seconds=3600)
        await s.clock.advance(3700)
        await s.invoke("f", delay_seconds=3600)


async def test_what_begins_during_a_start_does_not_count_as_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = SqliteStore.counts

    async def counted_late(store: SqliteStore, now: int | None = None) -> Any:
        found = await count(store, now)  # in a thread of its own, as in the real program
        for _ in range(50):
            await asyncio.sleep(0)
        return found

    async with Service(waiting_max=2) as s:
        await s.function("f", answers=["ok"])
        for _ in range(2):
            await s.invoke("f", delay_seconds=10)
        await s.kill()
        await s.clock.advance(20)
        monkeypatch.setattr(SqliteStore, "counts", counted_late)
        await s.start()
        await s.settle()
        assert s.engine.parts.lanes.all()[0].waiting == 0
        for _ in range(2):
            await s.invoke("f", delay_seconds=10)


async def test_what_is_accepted_runs_even_when_its_caller_cannot_be_told(s: Service) -> None:
    await s.function("f", answers=["ok"])
    ids = []

    def cannot_be_told(accepted: Any, error: object) -> None:
        ids.append(accepted.id)
        raise ConnectionError("the caller has gone")

    s.engine.accept("f", b"{}", cannot_be_told)
    await s.settle()
    assert (await s.engine.invocations.get(ids[0])).state is State.SUCCEEDED


async def test_what_was_accepted_beside_an_empty_claim_is_not_overtaken(s: Service) -> None:
    """A claim looks at what was due when it was made; what is accepted until it is answered waits,
    and a later call does not take its place."""
    await s.function("f", answers=[Ok(seconds=5)], concurrency=1)
    engine, loop = s.engine, asyncio.get_running_loop()
    lane, now = engine.parts.catalogue.lane("f"), s.clock.now()
    engine.parts.dispatch.note(lane, now, now, UNKNOWN)
    engine.parts.dispatch.pump()  # the claim is on its way, and finds nothing that was due by now
    s.clock.skip(0.001)

    def second(answer: Any, error: Any) -> None:
        assert error is None
        loop.call_soon(engine.accept, "f", b"2", lambda answer, error: None)

    engine.accept("f", b"1", second)
    await s.clock.advance(20)
    assert [start.payload for start in s.scripts.starts] == [b"1", b"2"]
