"""Lists of functions: invocations by the ids that their callers gave."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from thence.catalog.function import FunctionSpec
from thence.errors import InvalidInput
from thence.lifecycle.ids import format_id
from thence.lifecycle.states import State
from thence.store.records import (
    Accepted,
    Body,
    DeliveryResult,
    InvocationView,
    ListFilter,
    Meta,
    NewInvocation,
    StopMark,
)

from .catalogue import publish, put_function
from .scene import DAY, NOW, Scene

FAMILY = 1


def listed(scene: Scene, caller_id: str | None = None, **fields: Any) -> NewInvocation:
    values: dict[str, Any] = {"listed_in": FAMILY, "caller_id": caller_id}
    return scene.new(**(values | fields))


async def every(
    scene: Scene, filter: ListFilter, *, family: int = FAMILY, limit: int = 2, up: bool = False
) -> list[int]:
    """All pages of a list."""
    ids: list[int] = []
    cursor: str | None = None
    while True:
        page = await scene.store.listed(family, filter, limit, cursor, ascending=up)
        assert len(page.items) <= limit
        ids += [item.id for item in page.items]
        cursor = page.cursor
        if cursor is None:
            return ids


# ---------------------------------------------------------------- accepting


async def test_a_caller_id_finds_its_invocation_in_its_list_alone(scene: Scene) -> None:
    one, other, none = listed(scene, "a"), listed(scene, "a", listed_in=2), scene.new()
    await scene.accept(one, other, none)
    assert await scene.store.by_caller_id(FAMILY, "a") == one.id
    assert await scene.store.by_caller_id(2, "a") == other.id
    assert await scene.store.by_caller_id(3, "a") is None
    assert await scene.store.by_caller_id(FAMILY, "A") is None
    assert await every(scene, ListFilter()) == [one.id]


async def test_without_an_id_of_the_callers_the_invocations_own_is_its_id(scene: Scene) -> None:
    item = listed(scene)
    await scene.accept(item)
    text = format_id(item.id)
    assert await scene.store.by_caller_id(FAMILY, text) == item.id
    (answer,) = (await scene.commit(accepts=[listed(scene, text)])).accepts
    assert answer == Accepted(item.id, taken=True)


async def test_a_taken_caller_id_answers_whose_it_is_and_stores_nothing(scene: Scene) -> None:
    first = listed(scene, "a", lease=scene.lease)
    await scene.accept(first)
    again = listed(
        scene, "a", function_id=2, payload=Body(None, 9, "blob"), idempotency_key="k",
        fingerprint=b"f", idempotency_expires_at=NOW + DAY,
    )  # fmt: skip
    free = scene.new(
        function=2, idempotency_key="k", fingerprint=b"f", idempotency_expires_at=NOW + DAY
    )
    answer = await scene.commit(accepts=[again])
    assert answer.accepts == [Accepted(first.id, taken=True)] and answer.entry is None
    assert await scene.store.invocation(again.id) is None
    assert (await scene.commit(accepts=[free])).accepts == [Accepted(free.id)]
    assert (await scene.holds())["accepted"] == 2
    await scene.commit(settles=[scene.settled(first)])
    assert (await scene.commit(accepts=[listed(scene, "a")])).accepts[0].taken is True


async def test_the_same_caller_id_twice_in_one_batch_is_one_invocation(scene: Scene) -> None:
    first, second, other = listed(scene, "a"), listed(scene, "a"), listed(scene, "b")
    answer = await scene.commit(accepts=[first, second, other])
    assert answer.accepts == [
        Accepted(first.id),
        Accepted(first.id, taken=True),
        Accepted(other.id),
    ]
    assert answer.entry is not None and len(answer.entry.transitions) == 2
    assert await scene.store.invocation(second.id) is None
    assert await every(scene, ListFilter()) == [other.id, first.id]
    assert (await scene.holds())["accepted"] == 2


async def test_a_repeated_idempotency_key_is_a_duplicate_before_its_caller_id_is_taken(
    scene: Scene,
) -> None:
    keyed = {"idempotency_key": "k", "fingerprint": b"f", "idempotency_expires_at": NOW + DAY}
    first, again = listed(scene, "a", **keyed), listed(scene, "a", **keyed)
    answer = await scene.commit(accepts=[first, again])
    assert answer.accepts == [Accepted(first.id), Accepted(first.id, duplicate=True)]


async def test_a_batch_that_fails_lists_nothing(scene: Scene) -> None:
    await scene.accept(item := scene.new())
    with pytest.raises(Exception, match="UNIQUE"):
        await scene.commit(accepts=[listed(scene, "a"), item])
    assert await scene.store.by_caller_id(FAMILY, "a") is None
    await scene.accept(listed(scene, "a"))


@pytest.mark.parametrize("number", [1, 64, 65, 200])
async def test_a_batch_of_any_size_is_listed_whole(scene: Scene, number: int) -> None:
    items = [listed(scene, None if n % 2 else f"id-{n}") for n in range(number)]
    await scene.accept(*items)
    assert await every(scene, ListFilter(), limit=70, up=True) == [item.id for item in items]


# ---------------------------------------------------------------- lists


async def test_a_list_is_newest_first_or_oldest_first_and_tells_of_each_once(
    scene: Scene,
) -> None:
    items = [listed(scene, at=NOW + n) for n in range(7)]
    await scene.accept(*items, scene.new(), listed(scene, listed_in=2))
    ids = [item.id for item in items]
    assert await every(scene, ListFilter()) == ids[::-1]
    assert await every(scene, ListFilter(), up=True) == ids
    assert await every(scene, ListFilter(), family=3) == []


async def test_a_page_goes_on_where_the_one_before_ended_whatever_came_since(
    scene: Scene,
) -> None:
    items = [listed(scene) for _ in range(5)]
    await scene.accept(*items[:3])
    down = await scene.store.listed(FAMILY, ListFilter(), 2, None)
    up = await scene.store.listed(FAMILY, ListFilter(), 2, None, ascending=True)
    await scene.accept(*items[3:])
    down = await scene.store.listed(FAMILY, ListFilter(), 9, down.cursor)
    up = await scene.store.listed(FAMILY, ListFilter(), 9, up.cursor, ascending=True)
    assert [found.id for found in down.items] == [items[0].id]
    assert [found.id for found in up.items] == [item.id for item in items[2:]]


async def one_of_each(scene: Scene) -> dict[State, NewInvocation]:
    """One of every state in the list, and as many that are in none and in another."""
    made: dict[State, NewInvocation] = {}
    for family in (FAMILY, 0, 2):
        items: dict[State, NewInvocation] = {}
        for state in State:
            waits = state in (State.QUEUED, State.STOPPED, State.EXPIRED, State.INVALID)
            items[state] = scene.new(listed_in=family, lease=0 if waits else scene.lease)
        await scene.accept(*items.values())
        await scene.commit(
            settles=[
                scene.retrying(items[State.RETRYING], NOW + 99),
                scene.settled(items[State.SUCCEEDED]),
                scene.failed(items[State.FAILED]),
            ],
            ends=[
                scene.ended(items[state], state)
                for state in (State.STOPPED, State.EXPIRED, State.INVALID)
            ],
            stops=[StopMark(items[State.STOPPING].id, 1, 1, NOW)],
        )
        made = made or items
    return made


async def test_every_state_and_mix_of_states_can_be_filtered_by(scene: Scene) -> None:
    items = await one_of_each(scene)
    mixes = [frozenset({state}) for state in State]
    mixes += [
        frozenset({State.QUEUED, State.RETRYING}),
        frozenset({State.RUNNING, State.STOPPING}),
        frozenset({State.FAILED, State.EXPIRED, State.INVALID}),
        frozenset({State.QUEUED, State.RUNNING, State.SUCCEEDED}),
    ]
    for mix in mixes:
        ids = sorted(items[state].id for state in mix)
        assert await every(scene, ListFilter(states=mix)) == ids[::-1], mix
        assert await every(scene, ListFilter(states=mix), up=True) == ids, mix
    assert await every(scene, ListFilter(states=frozenset())) == []


async def test_a_list_is_filtered_by_time_of_accept_with_both_ends(scene: Scene) -> None:
    items = [listed(scene, at=NOW + 10 * n) for n in range(6)]
    await scene.accept(*items)
    ids = [item.id for item in items]
    window = ListFilter(since=NOW + 20, until=NOW + 40)
    assert await every(scene, window) == ids[4:1:-1]
    assert await every(scene, window, up=True) == ids[2:5]
    assert await every(scene, window, limit=1, up=True) == ids[2:5]
    assert await every(scene, ListFilter(since=NOW + 41, until=NOW + 49)) == []
    assert await every(scene, ListFilter(since=NOW + 50)) == ids[5:]
    assert await every(scene, ListFilter(until=NOW)) == ids[:1]


@pytest.mark.parametrize("far", [1 << 47, 253_402_300_799_000, 1 << 62, 1 << 80])
@pytest.mark.parametrize("up", [False, True])
async def test_instants_of_any_size_may_be_asked_for(scene: Scene, far: int, up: bool) -> None:
    item = listed(scene, at=NOW)
    await scene.accept(item)
    assert await every(scene, ListFilter(until=far), up=up) == [item.id]
    assert await every(scene, ListFilter(since=-far), up=up) == [item.id]
    assert await every(scene, ListFilter(since=far), up=up) == []
    assert await every(scene, ListFilter(until=-far), up=up) == []


async def test_a_list_is_filtered_by_what_the_call_named(scene: Scene) -> None:
    items = [listed(scene, qualifier=name) for name in ("latest", "live", "2", "live")]
    await scene.accept(*items)
    assert await every(scene, ListFilter(qualifier="live")) == [items[3].id, items[1].id]
    assert await every(scene, ListFilter(qualifier="latest")) == [items[0].id]
    assert await every(scene, ListFilter(qualifier="Live")) == []


async def test_a_list_is_filtered_by_how_the_caller_id_begins(scene: Scene) -> None:
    items = [listed(scene, name) for name in ("ab", "abc", "Ab", "a%", "a_c", "é1")]
    await scene.accept(*items, own := listed(scene))
    ids = [item.id for item in items]
    for prefix, wanted in (
        ("ab", [ids[1], ids[0]]), ("a%", [ids[3]]), ("a_", [ids[4]]), ("é", [ids[5]]),
        ("abcd", []), (format_id(own.id)[:23], [own.id]),
    ):  # fmt: skip
        assert await every(scene, ListFilter(caller_id_prefix=prefix)) == wanted, prefix


async def test_filters_hold_together(scene: Scene) -> None:
    items = [
        listed(scene, name, at=NOW + n, qualifier=qualifier)
        for n, (name, qualifier) in enumerate(
            (("a1", "live"), ("a2", "live"), ("b1", "live"), ("a3", "latest"), ("a4", "live"))
        )
    ]
    await scene.accept(*items)
    await scene.commit(ends=[scene.ended(items[0], State.STOPPED)])
    both = ListFilter(frozenset({State.QUEUED}), "live", "a", NOW, NOW + 3)
    assert await every(scene, both) == [items[1].id]


async def test_each_of_a_list_is_complete_as_if_it_were_shown_alone(scene: Scene) -> None:
    function = await put_function(scene.store, "f", FunctionSpec(), "d", 1, NOW)
    version = await publish(scene.store, function.id, "1", "", NOW)
    meta = msgspec.json.encode(Meta(qualifier="live", caller_id="a"))
    items = [
        listed(scene, "a", function_id=version.id, meta=meta, lease=scene.lease),
        *(listed(scene, function_id=function.id, lease=scene.lease) for _ in range(3)),
        listed(scene, function_id=function.id),
    ]
    await scene.accept(*items)
    owed = [scene.owed(), scene.owed("other")]
    await scene.commit(
        settles=[
            scene.retrying(items[0], NOW),
            scene.settled(items[1], deliveries=(owed[0], owed[1])),
            scene.retrying(items[2], NOW),
        ]
    )
    (claimed,) = await scene.claim(function=version.id)
    await scene.commit(settles=[scene.failed(claimed, spent=claimed.spent, log=b"12")])
    await scene.commit(
        delivery_results=[
            DeliveryResult(owed[0].id, 1, "pending", NOW, NOW, 5, NOW + 9, 500, "busy"),
            DeliveryResult(owed[0].id, 2, "delivered", NOW, NOW, 5, 0, 200),
            DeliveryResult(owed[1].id, 1, "dead", NOW, NOW, 5, 0, 400, "no", "rejected"),
        ]
    )
    page = await scene.store.listed(FAMILY, ListFilter(), 9, None, ascending=True)
    alone = [await scene.store.invocation(item.id) for item in items]
    assert page.items == alone and page.cursor is None
    first, second = page.items[:2]
    assert isinstance(first, InvocationView)
    assert (first.version, first.qualifier, first.meta.caller_id) == ("1", "live", "a")
    assert [attempt.attempt for attempt in first.attempts] == [1, 2]
    assert [delivery.state for delivery in second.deliveries] == ["delivered", "dead"]
    assert [[attempt.status for attempt in each.attempts] for each in second.deliveries] == [
        [500, 200],
        [400],
    ]


async def test_a_page_is_one_snapshot_while_commits_go_on(scene: Scene) -> None:
    """Whatever a page shows as ended has its last attempt and its delivery, also when the ending
    is committed at the same time."""
    items = [listed(scene, lease=scene.lease) for _ in range(40)]
    await scene.accept(*items)

    async def settle() -> None:
        for item in items:
            await scene.commit(settles=[scene.settled(item, deliveries=(scene.owed(),))])

    ending = asyncio.create_task(settle())
    while True:
        await asyncio.sleep(0)
        over = ending.done()
        page = await scene.store.listed(FAMILY, ListFilter(), 40, None)
        done = [view.state is State.SUCCEEDED for view in page.items]
        assert [len(found.deliveries) == 1 for found in page.items] == done
        assert [view.attempts[0].outcome is not None for view in page.items] == done
        assert done == sorted(done)  # they are settled oldest first, and shown newest first
        if over:
            break
    await ending
    assert all(done)


@pytest.mark.parametrize("cursor", ["x", "!!!!", "AAAA", "_" * 11, "ü"])
async def test_a_cursor_that_no_list_gave_is_refused(scene: Scene, cursor: str) -> None:
    for up in (False, True):
        with pytest.raises(InvalidInput) as error:
            await scene.store.listed(FAMILY, ListFilter(), 5, cursor, ascending=up)
        assert error.value.fields["field"] == "cursor"


# ---------------------------------------------------------------- the end of it


async def test_an_invocation_leaves_its_list_with_the_history_and_its_caller_id_is_free(
    scene: Scene,
) -> None:
    old, young = listed(scene, "a", lease=scene.lease), listed(scene, "b", lease=scene.lease)
    await scene.accept(old, young)
    await scene.commit(settles=[scene.settled(old), scene.settled(young, now=NOW + DAY)])
    before = {"payload_before": 0, "result_before": 0, "journal_before": 0, "now": NOW}
    await scene.store.prune(history_before=NOW + DAY, limit=10, **before)
    assert await scene.store.by_caller_id(FAMILY, "a") is None
    assert await every(scene, ListFilter()) == [young.id]
    await scene.holds()
    await scene.accept(again := listed(scene, "a"))
    assert await scene.store.by_caller_id(FAMILY, "a") == again.id
