"""The clock's mark, and jumps of time."""

from __future__ import annotations

from thence.clock import ClockMark
from thence.lifecycle.decide import Spent
from thence.store.interface import Store
from thence.store.records import DeliveryClaim, DeliveryResult

from .scene import DAY, NOW, Scene

MARK = ClockMark(NOW, 5, "boot", 6, 7, 8, 9)


async def test_a_new_store_has_no_mark(store: Store) -> None:
    assert await store.clock_mark() is None


async def test_the_mark_is_kept_with_each_sign_of_life_and_never_goes_back(store: Store) -> None:
    lease = await store.join("a", NOW, NOW + 10, MARK)
    assert await store.clock_mark() == MARK
    later = ClockMark(NOW + 5, 10, "boot")
    await store.renew(lease, NOW + 20, later)
    assert await store.clock_mark() == later
    await store.renew(lease, NOW + 20, MARK)
    await store.renew(lease, NOW + 20)
    assert await store.clock_mark() == later
    last = ClockMark(NOW + 6, 11, "boot")
    await store.leave(lease, last)
    assert await store.clock_mark() == last


async def test_a_jump_moves_what_ends_and_leaves_what_is_due(scene: Scene) -> None:
    store, jump = scene.store, 40 * DAY
    waiting = scene.new(
        idempotency_key="k", fingerprint=b"f", idempotency_expires_at=NOW + DAY, due_at=NOW + 5
    )
    running, done = await scene.run(), await scene.run()
    await scene.accept(waiting)
    spent = Spent(platform_tries=1, platform_since=NOW)
    again = await scene.run()
    owed = scene.owed()
    await scene.commit(
        settles=[
            scene.retrying(again, NOW + 10, spent=spent),
            scene.settled(done, deliveries=(owed,)),
        ]
    )
    await scene.commit(delivery_claims=[DeliveryClaim("k", 5, NOW + 2000, NOW + 9000)])
    result = DeliveryResult(owed.id, 1, "pending", NOW + 2000, NOW + 2000, 1, due_at=NOW + 3000)
    await scene.commit(delivery_results=[result])
    await store.shift_ages(jump, MARK)
    assert await store.clock_mark() == MARK
    assert await store.expiring(NOW + DAY, 10) == []
    assert await store.next_expiry() == NOW + DAY + jump
    assert await store.due_functions() == {1: NOW + 5}
    view = await store.invocation(again.id)
    assert view is not None and view.spent.platform_since == NOW + jump
    delivery = await store.delivery(owed.id)
    assert delivery is not None
    assert (delivery.due_at, delivery.since) == (NOW + 3000, NOW + 2000 + jump)
    await scene.commit(settles=[scene.retrying(running, NOW + 20)])
    assert await store.next_expiry() == NOW + DAY + jump
    same = scene.new(
        at=NOW + jump, idempotency_key="k", fingerprint=b"f",
        idempotency_expires_at=NOW + jump + DAY,
    )  # fmt: skip
    answer = await scene.commit(accepts=[same])
    assert answer.accepts[0].duplicate and answer.accepts[0].id == waiting.id
