"""Lists of invocations: filters, cursors, dead letters."""

from __future__ import annotations

from typing import Any

import pytest

from thence.catalog.function import FunctionSpec
from thence.errors import InvalidInput
from thence.lifecycle.states import State
from thence.store.records import Filter, NewInvocation, StopMark

from .catalogue import put_function
from .scene import NOW, Scene


async def every(scene: Scene, filter: Filter, limit: int = 2) -> list[int]:
    """All pages of a list."""
    ids: list[int] = []
    cursor: str | None = None
    while True:
        page = await scene.store.invocations(filter, limit, cursor)
        assert len(page.items) <= limit
        ids += [row.id for row in page.items]
        cursor = page.cursor
        if cursor is None:
            return ids


async def one_of_each(scene: Scene) -> dict[State, NewInvocation]:
    items: dict[Any, NewInvocation] = {}
    for number, state in enumerate(State):
        waits = state in (State.QUEUED, State.STOPPED, State.EXPIRED, State.INVALID)
        items[state] = scene.new(at=NOW + number, lease=0 if waits else scene.lease)
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
    return items


async def test_a_list_is_newest_first_and_pages_through_everything_once(scene: Scene) -> None:
    items = [scene.new(at=NOW + n) for n in range(7)]
    await scene.accept(*items)
    assert await every(scene, Filter()) == [item.id for item in reversed(items)]


async def test_every_state_can_be_filtered_by(scene: Scene) -> None:
    items = await one_of_each(scene)
    for state, item in items.items():
        assert await every(scene, Filter(states=frozenset({state}))) == [item.id], state
    mixed = frozenset({State.QUEUED, State.RUNNING, State.FAILED})
    assert set(await every(scene, Filter(states=mixed))) == {items[s].id for s in mixed}
    assert await every(scene, Filter(states=frozenset())) == []
    await scene.holds()


async def test_dead_letters_are_failed_expired_and_invalid(scene: Scene) -> None:
    items = await one_of_each(scene)
    dead = [items[state].id for state in (State.INVALID, State.EXPIRED, State.FAILED)]
    assert await every(scene, Filter(dead=True)) == dead
    assert await every(scene, Filter(dead=True, states=frozenset({State.SUCCEEDED}))) == []
    assert await every(scene, Filter(dead=True, reason="retries_exhausted")) == [
        items[State.FAILED].id
    ]
    assert await every(scene, Filter(reason="no such reason")) == []


async def test_a_redriven_dead_letter_says_what_it_became(scene: Scene) -> None:
    items = await one_of_each(scene)
    dead, new = items[State.FAILED], scene.new()
    await scene.accept(new)
    assert len(await every(scene, Filter(dead=True, redriven=False))) == 3
    await scene.store.mark_redriven([(dead.id, new.id)])
    assert await every(scene, Filter(dead=True, redriven=True)) == [dead.id]
    assert len(await every(scene, Filter(dead=True, redriven=False))) == 2
    view = await scene.store.invocation(dead.id)
    assert view is not None and view.redriven_as == new.id


async def test_a_list_is_filtered_by_function_and_time_of_accept(scene: Scene) -> None:
    items = [scene.new(function=1 + n % 2, at=NOW + 10 * n) for n in range(6)]
    await scene.accept(*items)
    assert await every(scene, Filter(function_id=2)) == [items[n].id for n in (5, 3, 1)]
    window = Filter(since=NOW + 20, until=NOW + 40)
    assert await every(scene, window) == [items[n].id for n in (3, 2)]


@pytest.mark.parametrize("far", [1 << 47, 253_402_300_799_000, 1 << 62, 1 << 80])
async def test_instants_of_any_size_may_be_asked_for(scene: Scene, far: int) -> None:
    item = scene.new(at=NOW)
    await scene.accept(item)
    assert await every(scene, Filter(until=far)) == [item.id]
    assert await every(scene, Filter(since=-far)) == [item.id]
    assert await every(scene, Filter(since=far)) == await every(scene, Filter(until=-far)) == []


async def test_a_line_of_a_list_tells_the_essentials(scene: Scene) -> None:
    function = await put_function(scene.store, "unzip", FunctionSpec(), "d", 1, NOW)
    item = await scene.run(function=function.id)
    await scene.commit(settles=[scene.retrying(item, NOW + 77)])
    (row,) = (await scene.store.invocations(Filter(), 5, None)).items
    assert (row.id, row.function, row.state, row.attempt) == (item.id, "unzip", State.RETRYING, 1)
    assert (row.accepted_at, row.due_at, row.ended_at, row.reason) == (NOW, NOW + 77, None, None)


@pytest.mark.parametrize("cursor", ["x", "!!!!", "AAAA", "_" * 11, "ü"])
async def test_a_cursor_that_no_list_gave_is_refused(scene: Scene, cursor: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await scene.store.invocations(Filter(), 5, cursor)
    assert error.value.fields["field"] == "cursor"
