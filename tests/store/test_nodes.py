"""Several nodes over the same data: who may declare whom dead, and what one sees of another."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from thence.lifecycle.decide import Spent
from thence.lifecycle.ids import IdSource
from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import State
from thence.store.interface import Store

from .drivers import NODES
from .scene import NOW, F, Scene

MakeNode = Callable[[str], Awaitable[Scene]]
LEASE_MS = 30_000


@pytest.fixture
async def make_node(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MakeNode]:
    stores: list[Store] = []
    # One source for all: SQLite tells rows apart by the upper half of an id alone.
    ids = IdSource(random.Random(7))

    async def make(name: str) -> Scene:
        """A node of that name that has opened the data and joined for LEASE_MS from NOW."""
        store = NODES[request.param](tmp_path, name)
        stores.append(store)
        await store.open()
        scene = Scene(store)
        scene.ids = ids
        scene.lease = await store.join(name, NOW, NOW + LEASE_MS)
        return scene

    yield make
    for store in stores:
        await store.close()


pytestmark = pytest.mark.parametrize("make_node", sorted(NODES), indirect=True)


async def test_who_opens_declares_nobody_dead_that_may_live(make_node: MakeNode) -> None:
    first = await make_node("first")
    runs = await first.run()
    second = await make_node("second")
    assert await second.store.lost(NOW + LEASE_MS - 1, 10) == []
    assert await first.store.renew(first.lease, NOW + 2 * LEASE_MS)
    assert (await first.commit(settles=[first.settled(runs)])).settles == [True]


async def test_what_a_node_held_is_found_by_another_once_its_lease_has_ended(
    make_node: MakeNode,
) -> None:
    first, second = await make_node("first"), await make_node("second")
    runs = await first.run()
    await second.store.renew(second.lease, NOW + 9 * LEASE_MS)
    (lost,) = await second.store.lost(NOW + LEASE_MS, 10)
    assert (lost.id, lost.lease, lost.attempt) == (runs.id, first.lease, 1)
    assert not await first.store.renew(first.lease, NOW + 9 * LEASE_MS)
    again = second.retrying(
        runs, NOW, outcome=Outcome.LOST, budget=Budget.LOSSES, spent=Spent(losses_used=1),
        lease=lost.lease,
    )  # fmt: skip
    assert (await second.commit(settles=[again])).settles == [True]
    # It comes back, and answers too late.
    assert (await first.commit(settles=[first.settled(runs)])).settles == [False]
    assert await second.state(runs) is State.RETRYING


async def test_a_node_that_begins_anew_is_known_to_be_dead_before_and_the_others_are_not(
    make_node: MakeNode,
) -> None:
    first, other = await make_node("first"), await make_node("other")
    cut_off, runs_on = await first.run(), await other.run()
    again = await make_node("first")
    assert [item.id for item in await again.store.lost(NOW, 10)] == [cut_off.id]
    assert not await first.store.renew(first.lease, NOW + 9 * LEASE_MS)
    assert await other.store.renew(other.lease, NOW + 9 * LEASE_MS)
    assert await other.state(runs_on) is State.RUNNING


async def test_joining_declares_nobody_dead(make_node: MakeNode) -> None:
    first = await make_node("first")
    await first.run()
    await first.store.join("first", NOW, NOW + LEASE_MS)
    assert await first.store.lost(NOW, 10) == []


async def test_each_invocation_is_claimed_by_one_of_them(make_node: MakeNode) -> None:
    first, second = await make_node("first"), await make_node("second")
    items = [first.new() for _ in range(3)]
    await first.accept(*items)
    assert (await second.store.due_functions()).keys() == {F}
    taken = [*await second.claim(limit=2), *await first.claim(limit=2)]
    assert sorted(found.id for found in taken) == sorted(item.id for item in items)


async def test_a_key_is_taken_once_among_all_of_them(make_node: MakeNode) -> None:
    first, second = await make_node("first"), await make_node("second")
    keyed = {"idempotency_key": "k", "fingerprint": b"f", "idempotency_expires_at": NOW + 9}
    item = first.new(**keyed)
    await first.accept(item)
    (answer,) = (await second.commit(accepts=[second.new(**keyed)])).accepts
    assert (answer.id, answer.duplicate) == (item.id, True)
