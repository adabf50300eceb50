"""Retention: what goes, what must stay, and that the counters stay exact."""

from __future__ import annotations

from typing import Any

from thence.catalog.function import FunctionSpec
from thence.lifecycle.states import State
from thence.store.records import Body, DeliveryResult

from .catalogue import delete_function, put_function
from .scene import DAY, NOW, Scene

LATER = NOW + DAY


async def prune(scene: Scene, limit: int = 100, **fields: Any) -> tuple[int, list[str]]:
    values = {
        "history_before": 0,
        "payload_before": 0,
        "result_before": 0,
        "journal_before": 0,
        "now": NOW,
    }
    return await scene.store.prune(limit=limit, **(values | fields))


async def test_history_goes_when_it_ended_before_and_the_counters_stay_exact(scene: Scene) -> None:
    old, retried = await scene.run(), await scene.run()
    await scene.commit(settles=[scene.settled(old), scene.retrying(retried, NOW)])
    (claimed,) = await scene.claim()
    await scene.commit(settles=[scene.failed(claimed, spent=claimed.spent)])
    young = await scene.run()
    await scene.commit(settles=[scene.settled(young, now=LATER)])
    assert await prune(scene, history_before=LATER) == (2, [])
    assert await scene.store.invocation(old.id) is None
    assert await scene.store.invocation(retried.id) is None
    assert await scene.state(young) is State.SUCCEEDED
    report = await scene.holds()
    assert (report["accepted"], report["succeeded"], report["failed"], report["pruned"]) == (
        3,
        2,
        1,
        2,
    )
    assert await prune(scene, history_before=LATER) == (0, [])


async def test_nothing_live_is_pruned_however_old(scene: Scene) -> None:
    waits, runs = scene.new(), await scene.run()
    await scene.accept(waits)
    far = NOW + 1000 * DAY
    changed, _ = await prune(scene, history_before=far, payload_before=far, result_before=far)
    assert changed == 0
    for item in (waits, runs):
        assert await scene.store.payload(item.id) == (item.payload, "")


async def test_what_still_owes_a_delivery_keeps_everything(scene: Scene) -> None:
    item, one = await scene.run(), scene.owed()
    await scene.commit(settles=[scene.settled(item, deliveries=(one,))])
    before = {"history_before": LATER, "payload_before": LATER, "result_before": LATER}
    assert await prune(scene, **before) == (0, [])
    assert one.id in await scene.store.delivery_sources([one.id])
    await scene.commit(delivery_results=[DeliveryResult(one.id, 1, "delivered", NOW, NOW, 1)])
    assert (await prune(scene, **before))[0] == 1
    assert await scene.store.delivery(one.id) is None
    report = await scene.holds()
    assert (report["deliveries_delivered"], report["deliveries_pending"]) == (1, 0)


async def test_bodies_go_before_the_history_and_their_size_stays(scene: Scene) -> None:
    item = await scene.run()
    await scene.commit(settles=[scene.settled(item)])
    assert await prune(scene, payload_before=LATER) == (1, [])
    assert await scene.store.payload(item.id) == (Body(None, 8), "")
    assert await scene.store.result(item.id) == Body(b'"done"', 6)
    assert await prune(scene, result_before=LATER) == (1, [])
    assert await scene.store.result(item.id) == Body(None, 6)
    assert await prune(scene, payload_before=LATER, result_before=LATER) == (0, [])
    await scene.holds()


async def test_bodies_of_what_ends_later_are_found_later(scene: Scene) -> None:
    slow, quick = await scene.run(), await scene.run()
    await scene.commit(settles=[scene.settled(quick)])
    assert (await prune(scene, payload_before=LATER))[0] == 1
    await scene.commit(settles=[scene.settled(slow)])
    assert (await prune(scene, payload_before=LATER))[0] == 1
    assert await scene.store.payload(slow.id) == (Body(None, 8), "")


async def test_a_blob_is_unused_when_the_last_that_refers_to_it_is_gone(scene: Scene) -> None:
    shared = Body(None, 70_000, "shared", "ab")
    one, two = (scene.new(payload=shared, lease=scene.lease) for _ in range(2))
    await scene.accept(one, two)
    result = Body(None, 90_000, "own", "cd")
    await scene.commit(settles=[scene.settled(one, result=result)])
    assert await prune(scene, history_before=LATER) == (1, ["own"])
    await scene.commit(settles=[scene.settled(two)])
    assert await prune(scene, payload_before=LATER) == (1, ["shared"])
    assert await prune(scene, history_before=LATER) == (1, [])


async def test_a_step_changes_about_its_limit_and_the_next_goes_on(scene: Scene) -> None:
    items = [await scene.run() for _ in range(5)]
    await scene.commit(settles=[scene.settled(item) for item in items])
    for part in ("payload_before", "result_before", "history_before"):
        counts = [(await prune(scene, limit=2, **{part: LATER}))[0] for _ in range(4)]
        assert counts == [2, 2, 1, 0], part
    assert (await scene.holds())["pruned"] == 5


async def test_keys_journal_and_nodes_go_when_their_time_is_over(scene: Scene) -> None:
    keyed = {"idempotency_key": "k", "fingerprint": b"f", "idempotency_expires_at": NOW + 10}
    await scene.accept(scene.new(**keyed))
    await scene.accept(scene.new(at=NOW + 5))
    gone = await scene.store.join("gone", NOW, NOW + 10)
    await scene.store.leave(gone)
    assert (await prune(scene, now=NOW + 9))[0] == 1  # the node
    assert (await prune(scene, now=NOW + 10))[0] == 1  # the key
    assert (await prune(scene, journal_before=NOW + 5))[0] == 1
    (kept,) = await scene.store.journal(0, 10)
    assert kept.transitions[0].at == NOW + 5
    assert (await prune(scene, journal_before=LATER))[0] == 0  # the newest says where it stands
    assert await scene.store.journal_bounds() == (kept.seq, kept.seq)
    item = scene.new(**keyed)
    assert (await scene.commit(accepts=[item])).accepts[0].duplicate is False
    assert await scene.store.renew(scene.lease, NOW + DAY) is True


async def test_a_deleted_function_is_forgotten_with_its_last_invocation(scene: Scene) -> None:
    function = await put_function(scene.store, "f", FunctionSpec(), "d", 1, NOW)
    item = await scene.run(function=function.id)
    await scene.commit(settles=[scene.settled(item)])
    await delete_function(scene.store, function.id, NOW)
    assert len(await scene.store.functions(deleted=True)) == 1
    await prune(scene, history_before=LATER)
    assert await scene.store.functions(deleted=True) == []


async def test_captured_output_goes_with_the_result_also_where_there_is_none(scene: Scene) -> None:
    retried, printed = await scene.run(), await scene.run()
    await scene.commit(
        settles=[
            scene.retrying(retried, NOW, log=b"first"),
            scene.settled(printed, result=None, log=b"printed"),
        ]
    )
    (claimed,) = await scene.claim()
    await scene.commit(settles=[scene.failed(claimed, spent=claimed.spent, log=b"last")])
    assert (await prune(scene, result_before=NOW))[0] == 0
    assert (await prune(scene, result_before=LATER))[0] == 2
    for id, attempt in ((retried.id, 1), (retried.id, 2), (printed.id, 1)):
        assert not await scene.store.log(id, attempt)
    view = await scene.store.invocation(retried.id)
    assert view is not None and [item.log_bytes for item in view.attempts] == [0, 0]
    assert (await prune(scene, result_before=LATER))[0] == 0
    assert (await scene.holds())["accepted"] == 2
