"""The journal: every committed change, in order."""

from __future__ import annotations

import pytest

from thence.lifecycle.ids import format_id
from thence.lifecycle.states import State
from thence.store import history
from thence.store.history import History
from thence.store.records import Claim, DeliveryResult, JournalEntry, Transition

from .scene import NOW, F, Scene


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
    assert [found for found in told if not found[0].startswith("delivery")] == [
        ("queued", 0),
        ("running", 1),
        ("retrying", 1),
        ("running", 2),
        ("retrying", 2),
        ("running", 2),
        ("failed", 2),
    ]
    assert [found[0] for found in told if found[0].startswith("delivery")] == [
        "delivery:pending",
        "delivery:dead",
        "delivery:pending",
        "delivery:stopped",
    ]
    assert [entry.seq for entry in entries] == sorted(entry.seq for entry in entries)


def followed(*states: str, ids: tuple[int, ...] = (1,)) -> list[str]:
    """What is said of a journal in which each of `ids` goes through `states`, an entry each."""
    history, found = History(), []
    for seq, state in enumerate(states, 1):
        entry = JournalEntry(seq, [Transition(NOW, id, F, state, 1) for id in ids])
        found += history.forbidden(entry)
    return found


def test_a_way_that_no_invocation_may_go_is_found_in_the_journal() -> None:
    assert followed("queued", "running", "retrying", "running", "succeeded") == []
    (problem,) = followed("queued", "succeeded")
    assert problem == (
        f"Invocation {format_id(1)} went from queued to succeeded (journal entry 2), which no "
        "invocation may."
    )
    assert len(followed("running", "failed", "succeeded", ids=(1, 2))) == 2
    assert len(followed("running", "stopping", "retrying", "running")) == 1


def test_what_was_before_the_journal_begins_is_not_guessed() -> None:
    assert followed("succeeded") == [] and followed("running", "succeeded") == []


def test_following_the_journal_remembers_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "FOLLOWED_MAX", 2)
    followed_ids = History()
    for seq, state in enumerate(("queued", "running", "queued"), 1):
        list(followed_ids.forbidden(JournalEntry(seq, [Transition(NOW, seq, F, state, 1)])))
    # The first is forgotten: nothing is said of it. The last is not.
    again = JournalEntry(4, [Transition(NOW, id, F, "succeeded", 1) for id in (1, 3)])
    (problem,) = followed_ids.forbidden(again)
    assert format_id(3) in problem
