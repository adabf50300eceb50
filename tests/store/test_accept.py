"""Accepting: what is written, and idempotency keys."""

from __future__ import annotations

import msgspec
import pytest

from thence.lifecycle.ids import IdSource
from thence.lifecycle.states import State
from thence.store.records import Body, Meta

from .scene import DAY, NOW, F, Scene


async def test_an_empty_batch_changes_nothing(scene: Scene) -> None:
    answer = await scene.commit()
    assert answer.entry is None
    assert answer.accepts == answer.settles == answer.claims == []


async def test_an_accepted_invocation_can_be_read_at_once_with_all_its_fields(scene: Scene) -> None:
    meta = Meta(content_type="application/json", traceparent="00-a-b-01")
    item = scene.new(due_at=NOW + 5, data=b"{}", meta=msgspec.json.encode(meta))
    await scene.accept(item)
    view = await scene.store.invocation(item.id)
    assert view is not None
    assert (view.id, view.function_id, view.state, view.attempt) == (item.id, F, State.QUEUED, 0)
    assert (view.accepted_at, view.due_at, view.expires_at) == (NOW, NOW + 5, NOW + DAY)
    assert (view.payload_bytes, view.result_bytes, view.ended_at, view.reason) == (
        2,
        None,
        None,
        None,
    )
    assert view.meta == meta and view.attempts == [] and view.deliveries == []
    assert await scene.store.payload(item.id) == (Body(b"{}", 2), "application/json")
    assert await scene.store.result(item.id) is None


async def test_an_empty_payload_is_kept_as_empty(scene: Scene) -> None:
    item = scene.new(data=b"")
    await scene.accept(item)
    assert await scene.store.payload(item.id) == (Body(b"", 0), "")


async def test_a_payload_in_the_blob_store_keeps_its_reference_size_and_digest(
    scene: Scene,
) -> None:
    body = Body(None, 70_000, "blob-1", "ab" * 32)
    item = scene.new(payload=body)
    await scene.accept(item)
    assert await scene.store.payload(item.id) == (body, "")
    (claimed,) = await scene.claim()
    assert claimed.payload == body


async def test_an_accept_with_a_lease_runs_at_once_as_its_first_attempt(scene: Scene) -> None:
    item = scene.new(lease=scene.lease)
    answer = await scene.commit(accepts=[item])
    assert answer.entry is not None
    assert [(t.state, t.attempt) for t in answer.entry.transitions] == [
        ("queued", 0),
        ("running", 1),
    ]
    view = await scene.store.invocation(item.id)
    assert view is not None and (view.state, view.attempt) == (State.RUNNING, 1)
    assert [(a.attempt, a.outcome, a.started_at) for a in view.attempts] == [(1, None, NOW)]
    assert await scene.claim() == []


@pytest.mark.parametrize("number", [1, 2, 63, 64, 65, 200])
async def test_a_batch_of_any_size_is_accepted_run_and_settled_whole(
    scene: Scene, number: int
) -> None:
    items = [scene.new(lease=scene.lease) for _ in range(number)]
    await scene.accept(*items)
    answer = await scene.commit(settles=[scene.settled(item) for item in items])
    assert answer.settles == [True] * number
    report = await scene.holds()
    assert (report["accepted"], report["succeeded"], report["running"]) == (number, number, 0)


async def test_another_random_half_of_an_id_is_another_invocation(scene: Scene) -> None:
    item = scene.new()
    await scene.accept(item)
    assert await scene.store.invocation(item.id ^ 1) is None
    assert await scene.store.payload(item.id ^ 1) is None


async def test_the_highest_id_is_the_floor_of_the_id_source(scene: Scene) -> None:
    assert await scene.store.highest_id() == 0
    items = [scene.new(), scene.new()]
    await scene.accept(*items)
    highest = await scene.store.highest_id()
    assert highest == items[1].id
    assert IdSource(floor=highest).next(NOW - DAY) > highest


async def test_a_repeated_key_answers_with_the_first_id_and_stores_nothing(scene: Scene) -> None:
    keyed = {"idempotency_key": "k", "fingerprint": b"f", "idempotency_expires_at": NOW + DAY}
    first, second, other = scene.new(**keyed), scene.new(**keyed), scene.new(function=2, **keyed)
    (answer,) = (await scene.commit(accepts=[first])).accepts
    assert (answer.id, answer.duplicate, answer.mismatch) == (first.id, False, False)
    answers = (await scene.commit(accepts=[second, other])).accepts
    assert (answers[0].id, answers[0].duplicate, answers[0].mismatch) == (first.id, True, False)
    assert (answers[1].id, answers[1].duplicate) == (other.id, False)  # keys are per function
    assert await scene.store.invocation(second.id) is None
    assert (await scene.holds())["accepted"] == 2


async def test_the_same_key_twice_in_one_batch_is_one_invocation(scene: Scene) -> None:
    keyed = {"idempotency_key": "k", "fingerprint": b"f", "idempotency_expires_at": NOW + DAY}
    first, second = scene.new(**keyed), scene.new(**keyed)
    answer = await scene.commit(accepts=[first, second])
    assert [(accept.id, accept.duplicate) for accept in answer.accepts] == [
        (first.id, False),
        (first.id, True),
    ]
    assert answer.entry is not None and len(answer.entry.transitions) == 1


async def test_a_key_of_another_request_is_a_mismatch(scene: Scene) -> None:
    expires = NOW + DAY
    first = scene.new(idempotency_key="k", fingerprint=b"a", idempotency_expires_at=expires)
    other = scene.new(idempotency_key="k", fingerprint=b"b", idempotency_expires_at=expires)
    (_, answer) = (await scene.commit(accepts=[first, other])).accepts
    assert answer.mismatch and answer.id == first.id
    assert await scene.store.invocation(other.id) is None


async def test_an_expired_key_may_be_used_again(scene: Scene) -> None:
    first = scene.new(idempotency_key="k", fingerprint=b"a", idempotency_expires_at=NOW + 10)
    later = scene.new(
        at=NOW + 10, idempotency_key="k", fingerprint=b"b", idempotency_expires_at=NOW + 20
    )
    repeat = scene.new(
        at=NOW + 11, idempotency_key="k", fingerprint=b"b", idempotency_expires_at=NOW + 21
    )
    await scene.accept(first)
    await scene.accept(later)
    assert (await scene.commit(accepts=[repeat])).accepts[0].id == later.id


async def test_a_key_is_one_within_its_scope_over_all_versions(scene: Scene) -> None:
    keyed = {"idempotency_key": "k", "fingerprint": b"f", "idempotency_expires_at": NOW + DAY}
    first = scene.new(function=5, key_scope=9, **keyed)
    again = scene.new(function=6, key_scope=9, **keyed)
    other = scene.new(function=5, **keyed)
    of_latest = scene.new(function=9, **keyed)
    answers = (await scene.commit(accepts=[first, again, other, of_latest])).accepts
    assert [(answer.id, answer.duplicate) for answer in answers] == [
        (first.id, False),
        (first.id, True),
        (other.id, False),
        (first.id, True),
    ]
