"""Opening, closing, restarting; commits and reads side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from thence.errors import StoreInUse, StoreUnavailable
from thence.lifecycle.states import State
from thence.store.interface import Store
from thence.store.records import Batch

from .scene import NOW, Scene

MakeStore = Callable[[], Store]


async def test_everything_is_there_again_after_a_restart(make_store: MakeStore) -> None:
    store = make_store()
    await store.open()
    scene = Scene(store)
    await scene.begin()
    waits, runs, done = scene.new(), await scene.run(), await scene.run()
    await scene.accept(waits)
    answer = await scene.commit(settles=[scene.settled(done)])
    highest = await store.highest_id()
    await store.close()
    store = make_store()
    await store.open()
    scene.store = store
    assert await store.highest_id() == highest
    assert [await scene.state(item) for item in (waits, runs, done)] == [
        State.QUEUED,
        State.RUNNING,
        State.SUCCEEDED,
    ]
    assert answer.entry is not None
    assert (await store.journal_bounds())[1] == answer.entry.seq
    await scene.holds()
    await store.close()


async def test_a_second_store_on_the_same_data_is_refused(
    store: Store, make_store: MakeStore
) -> None:
    second = make_store()
    with pytest.raises(StoreInUse) as error:
        await second.open()
    assert "in use" in error.value.detail
    await second.close()
    assert await store.healthy()


async def test_opening_twice_is_an_error_and_closing_twice_is_none(make_store: MakeStore) -> None:
    store = make_store()
    await store.open()
    with pytest.raises(RuntimeError):
        await store.open()
    await store.close()
    await store.close()
    await store.open()
    assert await store.healthy()
    await store.close()


async def test_a_closed_store_says_that_it_is_unavailable(make_store: MakeStore) -> None:
    store = make_store()
    await store.open()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.commit(Batch())
    with pytest.raises(StoreUnavailable):
        await store.highest_id()
    assert await store.healthy() is False


async def test_reads_and_other_writes_may_run_beside_a_commit(scene: Scene) -> None:
    items = [scene.new() for _ in range(50)]
    await asyncio.gather(
        scene.commit(accepts=items),
        *(scene.store.counts(NOW) for _ in range(5)),
        *(scene.store.join(f"n{n}", NOW, NOW + 9) for n in range(5)),
        scene.store.renew(scene.lease, NOW + 99),
        scene.store.invocation(items[0].id),
    )
    assert (await scene.holds())["waiting"] == 50


async def test_a_cancelled_commit_leaves_the_store_usable(scene: Scene) -> None:
    committing = asyncio.ensure_future(scene.commit(accepts=[scene.new()]))
    await asyncio.sleep(0)
    committing.cancel()
    await asyncio.gather(committing, return_exceptions=True)
    await scene.accept(scene.new())
    assert (await scene.holds())["waiting"] in (1, 2)
