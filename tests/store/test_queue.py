"""Claims and what the engine asks of the live queue."""

from __future__ import annotations

from typing import Any

import msgspec

from thence.lifecycle.decide import Spent
from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import State
from thence.store.records import Claim, Meta, NewInvocation

from .scene import DAY, NOW, F, Scene

G = F + 1


async def test_a_claim_takes_the_oldest_due_first_and_no_more_than_its_limit(scene: Scene) -> None:
    late, early, middle = (scene.new(due_at=NOW + wait) for wait in (30, 10, 20))
    await scene.accept(late, early, middle)
    taken = await scene.claim(limit=2, now=NOW + 100)
    assert [item.id for item in taken] == [early.id, middle.id]
    assert [item.id for item in await scene.claim(now=NOW + 100)] == [late.id]
    assert await scene.claim(now=NOW + 100) == []


async def test_claims_of_the_same_due_time_come_in_the_order_of_acceptance(scene: Scene) -> None:
    items = [scene.new() for _ in range(100)]
    await scene.accept(*items)
    assert [found.id for found in await scene.claim(limit=100)] == [item.id for item in items]


async def test_a_claim_carries_what_the_run_needs(scene: Scene) -> None:
    meta = msgspec.json.encode(Meta(content_type="text/plain"))
    item = scene.new(data=b"hello", meta=meta)
    await scene.accept(item)
    answer = await scene.commit(claims=[Claim(1, 5, scene.lease, NOW + 7)])
    ((claimed,),) = answer.claims
    assert (claimed.payload.data, claimed.payload.bytes, claimed.meta) == (b"hello", 5, meta)
    assert (claimed.accepted_at, claimed.due_at, claimed.expires_at) == (NOW, NOW, NOW + DAY)
    assert answer.entry is not None
    assert [(t.at, t.state, t.attempt) for t in answer.entry.transitions] == [
        (NOW + 7, "running", 1)
    ]
    view = await scene.store.invocation(item.id)
    assert view is not None and view.attempts[0].started_at == NOW + 7


async def test_a_claim_leaves_what_is_not_due_or_past_its_age_or_of_another_function(
    scene: Scene,
) -> None:
    due, later, old = scene.new(), scene.new(due_at=NOW + 1), scene.new(expires_at=NOW)
    other = scene.new(function=2)
    await scene.accept(old, due, later, other)
    assert [item.id for item in await scene.claim()] == [due.id]
    assert await scene.state(old) is State.QUEUED


async def test_two_claims_of_one_batch_take_different_invocations(scene: Scene) -> None:
    items = [scene.new() for _ in range(3)]
    await scene.accept(*items)
    claim = Claim(1, 2, scene.lease, NOW)
    first, second = (await scene.commit(claims=[claim, claim])).claims
    assert [found.id for found in first + second] == [item.id for item in items]


async def test_what_was_accepted_in_a_batch_can_be_claimed_by_it(scene: Scene) -> None:
    item = scene.new()
    answer = await scene.commit(accepts=[item], claims=[Claim(1, 1, scene.lease, NOW)])
    assert [claim.id for claim in answer.claims[0]] == [item.id]


async def test_the_earliest_due_time_is_told_per_function(scene: Scene) -> None:
    await scene.accept(
        scene.new(due_at=NOW + 9), scene.new(due_at=NOW + 4), scene.new(function=3, due_at=NOW + 6)
    )
    await scene.run(function=5)
    assert await scene.store.next_due([1, 2, 3, 5]) == {1: NOW + 4, 3: NOW + 6}
    assert await scene.store.next_due([]) == {}
    assert await scene.store.due_functions() == {1: NOW + 4, 3: NOW + 6}


async def test_functions_with_work_are_told_in_parts(scene: Scene) -> None:
    await scene.accept(*(scene.new(function=id, due_at=NOW + id) for id in (7, 3, 9, 5)))
    assert await scene.store.due_functions(0, 3) == {3: NOW + 3, 5: NOW + 5, 7: NOW + 7}
    assert await scene.store.due_functions(7, 3) == {9: NOW + 9}
    assert await scene.store.due_functions(9, 3) == {}


async def test_what_waits_or_runs_of_functions_is_live(scene: Scene) -> None:
    assert await scene.store.live([1, 2, 3]) == set()
    ended = await scene.run(function=4)
    await scene.accept(scene.new(due_at=NOW + 9), scene.new(function=6))
    await scene.run(function=3)
    await scene.commit(settles=[scene.settled(ended)])
    assert await scene.store.live([1, 2, 3, 4]) == {1, 3}
    assert await scene.store.live([]) == set()


async def test_expiring_gives_the_oldest_expiry_first_and_only_what_waits(scene: Scene) -> None:
    assert await scene.store.next_expiry() is None
    later, first = scene.new(expires_at=NOW + 20), scene.new(expires_at=NOW + 10)
    await scene.accept(later, first, scene.new(expires_at=NOW + 30))
    await scene.run(expires_at=NOW + 1)
    assert await scene.store.next_expiry() == NOW + 10
    assert [w.id for w in await scene.store.expiring(NOW + 20, 10)] == [first.id, later.id]
    assert [w.id for w in await scene.store.expiring(NOW + 20, 1)] == [first.id]
    assert await scene.store.expiring(NOW + 9, 10) == []


async def test_waiting_lists_one_function_by_due_time(scene: Scene) -> None:
    late, early = scene.new(due_at=NOW + 20), scene.new(due_at=NOW + 10)
    retried = await scene.run()
    await scene.accept(late, early, scene.new(function=2))
    await scene.commit(settles=[scene.retrying(retried, NOW + 15)])
    listed = await scene.store.waiting(1, 10)
    assert [(w.id, w.state) for w in listed] == [
        (early.id, State.QUEUED),
        (retried.id, State.RETRYING),
        (late.id, State.QUEUED),
    ]
    assert [w.id for w in await scene.store.waiting(1, 10, due_before=NOW + 15)] == [early.id]
    assert len(await scene.store.waiting(1, 2)) == 2


async def test_counts_tell_what_waits_is_delayed_and_runs_per_function(scene: Scene) -> None:
    # The oldest that is due, not the oldest that was accepted: that one is delayed.
    delayed = scene.new(at=NOW - 10_000, due_at=NOW + 200)
    oldest = scene.new(at=NOW - 500)
    await scene.accept(delayed, oldest, scene.new(due_at=NOW + 100), scene.new(function=2))
    done = await scene.run(function=2)
    await scene.run(function=2)
    await scene.commit(settles=[scene.settled(done)])
    one, two = sorted(await scene.store.counts(NOW), key=lambda counts: counts.function_id)
    assert (one.waiting, one.delayed, one.running, one.accepted) == (3, 2, 0, 3)
    assert one.oldest_due_at == NOW - 500
    assert (await scene.store.counts(NOW - 1000))[0].oldest_due_at is None
    assert (two.waiting, two.delayed, two.running, two.accepted, two.succeeded) == (1, 0, 1, 3, 1)
    assert [counts.delayed for counts in await scene.store.counts()] == [0, 0]


async def test_what_a_call_named_is_told_of_the_waiting_the_expiring_and_the_lost(
    scene: Scene,
) -> None:
    named = msgspec.json.encode(Meta(content_type="text/plain", qualifier="live"))
    plain = msgspec.json.encode(Meta(content_type="text/plain"))
    kinds = ((named, "live"), (plain, ""), (None, ""))
    items = [scene.new(meta=meta) for meta, _ in kinds]
    running = [scene.new(meta=meta, lease=scene.lease) for meta, _ in kinds]
    await scene.accept(*items, *running)
    wanted = [qualifier for _, qualifier in kinds]
    assert [item.qualifier for item in await scene.store.waiting(1, 10)] == wanted
    assert [item.qualifier for item in await scene.store.expiring(NOW + DAY, 10)] == wanted
    await scene.store.leave(scene.lease)
    assert [item.qualifier for item in await scene.store.lost(NOW, 10)] == wanted


async def lost_before(scene: Scene, due_at: int = NOW, **fields: Any) -> NewInvocation:
    """One that waits and was lost once."""
    item = await scene.run(**fields)
    again = scene.retrying(
        item, due_at, outcome=Outcome.LOST, budget=Budget.LOSSES, spent=Spent(losses_used=1)
    )
    assert (await scene.commit(settles=[again])).settles == [True]
    return item


async def test_suspects_are_claimed_by_claims_of_suspects_only(scene: Scene) -> None:
    suspects = [await lost_before(scene, NOW + late) for late in (2, 1, 0)]
    other = scene.new(at=NOW + 3)
    await scene.accept(other)
    now = NOW + 5
    claim = Claim(F, 2, scene.lease, now, suspects=True)
    (claimed,) = (await scene.commit(claims=[claim])).claims
    assert [item.id for item in claimed] == [suspects[2].id, suspects[1].id]
    assert [(view.attempt, view.spent) for view in claimed] == [(2, Spent(losses_used=1))] * 2
    assert [item.id for item in await scene.claim(now=now)] == [other.id]
    (left,) = (await scene.commit(claims=[claim])).claims
    assert [item.id for item in left] == [suspects[0].id]
    await scene.holds()


async def test_when_suspects_are_due_is_told_apart_from_the_others(scene: Scene) -> None:
    await lost_before(scene, NOW + 7)
    await lost_before(scene, NOW + 6)
    await lost_before(scene, NOW + 5, function=G)
    await scene.accept(scene.new(at=NOW + 9))
    assert await scene.store.suspects() == {F: NOW + 6, G: NOW + 5}
    assert await scene.store.suspects(F) == {F: NOW + 6}
    assert await scene.store.suspects(77) == {}
    assert await scene.store.due_functions() == {F: NOW + 9, G: None}
    assert await scene.store.next_due([F, G]) == {F: NOW + 9}
