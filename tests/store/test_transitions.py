"""Every write of an invocation's state × every state it may be in: what is not in the table of
transitions is never written, and everything in the table can be."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

import pytest

from thence.lifecycle.decide import Spent
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import (
    ACTIVE,
    FINAL,
    TRANSITIONS,
    WAITING,
    ForbiddenTransition,
    Reason,
    State,
    allowed,
)
from thence.store.interface import Store
from thence.store.records import End, NewInvocation, Settle, StopMark

from .scene import NOW, F, Scene

Write = Callable[[Scene, NewInvocation, int], Awaitable[None]]


async def in_state(scene: Scene, state: State) -> tuple[NewInvocation, int]:
    """An invocation in that state, and the number of the attempt that it makes or last made."""
    if state is State.QUEUED:
        item = scene.new()
        await scene.accept(item)
        return item, 1
    item = await scene.run()
    if state is State.RETRYING:
        await scene.commit(settles=[scene.retrying(item, NOW)])
    elif state is State.STOPPING:
        await scene.commit(stops=[StopMark(item.id, F, 1, NOW)])
    elif state in FINAL:
        await scene.commit(settles=[ending(scene, item, 1, state)])
    return item, 1


def ending(scene: Scene, item: NewInvocation, attempt: int, state: State) -> Settle:
    if state is State.SUCCEEDED:
        return scene.settled(item, attempt=attempt)
    if state in WAITING:
        return scene.retrying(item, NOW, attempt=attempt, state=state)
    return scene.failed(item, attempt=attempt, state=state, reason=Reason.NOT_RETRYABLE)


def settles(state: State) -> Write:
    async def write(scene: Scene, item: NewInvocation, attempt: int) -> None:
        await scene.commit(settles=[ending(scene, item, attempt, state)])

    return write


def ends(state: State) -> Write:
    async def write(scene: Scene, item: NewInvocation, attempt: int) -> None:
        await scene.commit(ends=[End(item.id, F, state, Reason.NOT_RETRYABLE, NOW)])

    return write


async def gives_back(scene: Scene, item: NewInvocation, attempt: int) -> None:
    await scene.commit(settles=[scene.given_back(item)])


async def stops(scene: Scene, item: NewInvocation, attempt: int) -> None:
    await scene.commit(stops=[StopMark(item.id, F, attempt, NOW)])


async def claims(scene: Scene, item: NewInvocation, attempt: int) -> None:
    await scene.claim()


async def accepts_again(scene: Scene, item: NewInvocation, attempt: int) -> None:
    await scene.commit(accepts=[item])


async def leaves(scene: Scene, item: NewInvocation, attempt: int) -> None:
    await scene.store.leave(scene.lease)


async def prunes(scene: Scene, item: NewInvocation, attempt: int) -> None:
    before = NOW + 1 if await scene.state(item) not in FINAL else 0
    await scene.store.prune(
        history_before=before, payload_before=before, result_before=before,
        journal_before=0, now=NOW, limit=100,
    )  # fmt: skip


WRITES: dict[str, Write] = {
    **{f"settle as {state}": settles(state) for state in State},
    **{f"end as {state}": ends(state) for state in State},
    "give back": gives_back,
    "stop": stops,
    "claim": claims,
    "accept the same again": accepts_again,
    "leave": leaves,
    "prune": prunes,
}


async def change(scene: Scene, before: State, write: Write) -> State:
    """The state after that write. A write that is a mistake of the program may raise."""
    item, attempt = await in_state(scene, before)
    assert await scene.state(item) is before
    with contextlib.suppress(Exception):
        await write(scene, item, attempt)
    after = await scene.state(item)
    problems = (await scene.store.verify())["problems"]
    assert problems == [], (before, after, problems)
    return after


@pytest.mark.parametrize("before", State)
async def test_what_the_table_does_not_have_is_never_written_and_everything_else_can_be(
    store: Store, before: State
) -> None:
    seen = set()
    for name, write in WRITES.items():
        scene = Scene(store)
        await scene.begin()
        scene.ids.above(await store.highest_id())
        after = await change(scene, before, write)
        assert after is before or allowed(before, after), (before, name, after)
        if after is not before:
            seen.add(after)
        await store.leave(scene.lease)
        await clear(scene)
    assert seen == TRANSITIONS[before]


async def clear(scene: Scene) -> None:
    """Nothing waits or runs any more, so that the next write is about its own invocation alone."""
    for lost in await scene.store.lost(NOW, 100):
        change = Settle(
            lost.id, F, lost.attempt, lost.lease, Outcome.LOST, State.FAILED, NOW,
            reason=Reason.SUSPECTED_POISON, spent=Spent(losses_used=4),
        )  # fmt: skip
        await scene.commit(settles=[change])
    for waits in await scene.store.waiting(F, 100):
        await ends(State.STOPPED)(scene, scene.new(id=waits.id), 1)


async def test_a_settle_or_an_end_that_can_never_be_is_a_mistake_and_nothing_of_it_is_written(
    scene: Scene,
) -> None:
    runs, waits = await scene.run(), scene.new()
    await scene.accept(waits)
    for state in sorted(ACTIVE):
        with pytest.raises(ForbiddenTransition, match=state.value):
            await settles(state)(scene, runs, 1)
        with pytest.raises(ForbiddenTransition, match=state.value):
            await ends(state)(scene, waits, 1)
    with pytest.raises(ForbiddenTransition, match="succeeded"):
        await ends(State.SUCCEEDED)(scene, waits, 1)
    assert [await scene.state(item) for item in (runs, waits)] == [State.RUNNING, State.QUEUED]
    await scene.holds()


async def test_what_is_stopping_does_not_expire_nor_become_invalid(scene: Scene) -> None:
    """A stop may be committed while an ending that does not know of it is on its way."""
    item = await scene.run()
    await scene.commit(stops=[StopMark(item.id, F, 1, NOW)])
    for state in (State.EXPIRED, State.INVALID):
        refused = scene.failed(item, state=state, reason=Reason.EVENT_AGE_EXCEEDED)
        other = await scene.run()
        answer = await scene.commit(settles=[refused, scene.settled(other)])
        assert answer.settles == [False, True]
        assert await scene.state(item) is State.STOPPING
    await scene.holds()
