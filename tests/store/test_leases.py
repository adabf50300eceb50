"""Nodes, their leases, and finding what dead ones held."""

from __future__ import annotations

from thence.lifecycle.decide import Spent
from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import State
from thence.store.interface import Store
from thence.store.records import Claim, StopMark

from .scene import NOW, F, Scene


async def test_incarnations_grow_and_are_never_used_twice(store: Store) -> None:
    first = await store.join("a", NOW, NOW + 10)
    await store.leave(first)
    await store.prune(
        history_before=0, payload_before=0, result_before=0, journal_before=0, now=NOW, limit=10
    )
    assert await store.join("a", NOW, NOW + 10) > first


async def test_nothing_is_lost_while_its_lease_holds(scene: Scene) -> None:
    await scene.run()
    assert await scene.store.lost(NOW + 1000, 10) == []


async def test_what_a_node_held_is_lost_at_once_when_it_leaves(scene: Scene) -> None:
    item, waits = await scene.run(), scene.new()
    await scene.accept(waits)
    await scene.store.leave(scene.lease)
    (lost,) = await scene.store.lost(NOW, 10)
    assert (lost.id, lost.function_id, lost.attempt, lost.lease) == (item.id, F, 1, scene.lease)
    assert (lost.state, lost.spent, lost.accepted_at) == (State.RUNNING, Spent(), NOW)
    assert lost.expires_at == item.expires_at


async def test_a_lease_that_ran_out_is_lost_and_cannot_be_renewed(scene: Scene) -> None:
    other = await scene.store.join("there", NOW, NOW + 100)
    item = scene.new(lease=other)
    await scene.accept(item)
    assert await scene.store.renew(other, NOW + 200) is True
    assert await scene.store.lost(NOW + 199, 10) == []
    assert [found.id for found in await scene.store.lost(NOW + 200, 10)] == [item.id]
    assert await scene.store.renew(other, NOW + 900) is False
    assert [found.id for found in await scene.store.lost(NOW + 200, 10)] == [item.id]


async def test_a_lost_attempt_is_settled_once_and_the_node_that_held_it_comes_too_late(
    scene: Scene,
) -> None:
    item = await scene.run()
    await scene.store.leave(scene.lease)
    (lost,) = await scene.store.lost(NOW, 10)
    again = scene.retrying(
        item,
        NOW,
        outcome=Outcome.LOST,
        budget=Budget.LOSSES,
        spent=Spent(losses_used=1),
        lease=lost.lease,
    )
    assert (await scene.commit(settles=[again])).settles == [True]
    assert (await scene.commit(settles=[scene.settled(item)])).settles == [False]
    assert await scene.store.lost(NOW, 10) == []
    await scene.holds()


async def test_what_was_stopping_when_its_node_died_is_found_as_stopping(scene: Scene) -> None:
    item = await scene.run()
    await scene.commit(stops=[StopMark(item.id, F, 1, NOW)])
    await scene.store.leave(scene.lease)
    assert [view.state for view in await scene.store.lost(NOW, 10)] == [State.STOPPING]


async def test_of_two_stops_the_first_says_whether_its_function_was_disabled(scene: Scene) -> None:
    items = [await scene.run() for _ in range(2)]
    for aborted in (True, False):
        first, second = (StopMark(item.id, F, 1, NOW, item is items[aborted]) for item in items)
        await scene.commit(stops=[first, second])
    await scene.store.leave(scene.lease)
    assert [found.aborted for found in await scene.store.lost(NOW, 10)] == [False, True]


async def test_lost_attempts_come_in_bounded_steps(scene: Scene) -> None:
    items = [await scene.run() for _ in range(3)]
    await scene.store.leave(scene.lease)
    assert [item.id for item in await scene.store.lost(NOW, 2)] == [items[0].id, items[1].id]


async def test_a_node_that_still_holds_something_is_not_forgotten(scene: Scene) -> None:
    await scene.run()
    await scene.store.leave(scene.lease)
    await scene.store.prune(
        history_before=0, payload_before=0, result_before=0, journal_before=0, now=NOW, limit=10
    )
    assert (await scene.holds())["orphaned"] == 1
    assert len(await scene.store.lost(NOW, 10)) == 1


async def test_what_ran_beside_a_suspect_is_said_and_comes_before_it(scene: Scene) -> None:
    suspect = await scene.run()
    again = scene.retrying(
        suspect, NOW, outcome=Outcome.LOST, budget=Budget.LOSSES, spent=Spent(losses_used=1)
    )
    await scene.commit(settles=[again])
    await scene.commit(claims=[Claim(F, 1, scene.lease, NOW, suspects=True)])
    beside = await scene.run()
    elsewhere = await scene.store.join("there", NOW, NOW + 100)
    apart = scene.new(lease=elsewhere)
    await scene.accept(apart)
    for lease in (scene.lease, elsewhere):
        await scene.store.leave(lease)
    found = await scene.store.lost(NOW, 10)
    assert [(item.id, item.beside_suspect) for item in found] == [
        (beside.id, True),
        (apart.id, False),
        (suspect.id, False),
    ]
