"""The journal: every committed change, in order."""

from __future__ import annotations

from thence.lifecycle.states import State
from thence.store.records import Claim, DeliveryResult

from .scene import NOW, Scene


async def test_the_journal_keeps_each_commit_in_order_as_it_was_told(scene: Scene) -> None:
    assert await scene.store.journal_bounds() == (0, 0)
    items = [scene.new(), scene.new(lease=scene.lease)]
    first = await scene.commit(accepts=items)
    second = await scene.commit(
        settles=[scene.settled(items[1], deliveries=(scene.owed(),))],
        claims=[Claim(1, 1, scene.lease, NOW)],
    )
    assert first.entry is not None and second.entry is not None
    assert await scene.store.journal(0, 10) == [first.entry, second.entry]
    assert await scene.store.journal(first.entry.seq, 10) == [second.entry]
    assert await scene.store.journal(0, 1) == [first.entry]
    assert await scene.store.journal_bounds() == (first.entry.seq, second.entry.seq)
    told = [t.state for t in second.entry.transitions]
    assert sorted(told) == ["delivery:pending", "running", "succeeded"]
    assert told.index("succeeded") < told.index("delivery:pending") < told.index("running")


async def test_a_batch_that_asks_for_no_journal_tells_its_changes_but_keeps_none(
    scene: Scene,
) -> None:
    answer = await scene.commit(accepts=[scene.new()], journal=False)
    assert answer.entry is not None and len(answer.entry.transitions) == 1
    assert await scene.store.journal(0, 10) == []


async def test_a_whole_life_can_be_read_from_the_journal(scene: Scene) -> None:
    item = await scene.run()
    await scene.commit(settles=[scene.retrying(item, NOW)])
    (claimed,) = await scene.claim()
    await scene.commit(settles=[scene.given_back(claimed, State.RETRYING)])
    (claimed,) = await scene.claim()
    owed = scene.owed()
    await scene.commit(settles=[scene.failed(claimed, deliveries=(owed,))])
    await scene.commit(
        delivery_results=[DeliveryResult(owed.id, 1, "dead", NOW, NOW, 1, reason="rejected")]
    )
    await scene.store.redrive_delivery(owed.id, NOW)
    await scene.store.stop_deliveries(item.id, NOW)
    entries = await scene.store.journal(0, 100)
    assert all(t.id == item.id for entry in entries for t in entry.transitions)
    told = [(t.state, t.attempt) for entry in entries for t in entry.transitions]
    assert [one for one in told if not one[0].startswith("delivery")] == [
        ("queued", 0),
        ("running", 1),
        ("retrying", 1),
        ("running", 2),
        ("retrying", 2),
        ("running", 2),
        ("failed", 2),
    ]
    assert [one[0] for one in told if one[0].startswith("delivery")] == [
        "delivery:pending",
        "delivery:dead",
        "delivery:pending",
        "delivery:stopped",
    ]
    assert [entry.seq for entry in entries] == sorted(entry.seq for entry in entries)
