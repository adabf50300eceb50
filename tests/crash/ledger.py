"""What must be true of a store after everything was accepted, run and delivered (design §2)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from thence.lifecycle.ids import format_id, parse_id
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import FINAL, Reason, State
from thence.store.records import Filter, InvocationView
from thence.store.sqlite import SqliteStore

from .functions import RETRIES, SUCCEEDING
from .load import Ledger

PAGE = 500


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(data / "store.db")
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def check(data: Path, ledger: Ledger) -> Counter[str]:
    """All of it, on the store of a server that has ended; how often each outcome occurred."""
    return asyncio.run(_check(data, ledger))


def ids_of(data: Path) -> list[InvocationView]:
    """Every invocation of a store."""

    async def read() -> list[InvocationView]:
        async with opened(data) as store:
            return await _all(store)

    return asyncio.run(read())


async def _check(data: Path, ledger: Ledger) -> Counter[str]:
    async with opened(data) as store:
        report = await store.verify()
        assert report["problems"] == []
        views = {format_id(view.id): view for view in await _all(store)}
        assert not ledger.wrong
        lost = [id for id in ledger.accepted if id not in views]
        assert not lost, f"{len(lost)} of {len(ledger.accepted)} accepted are gone: {lost[:3]}"
        for id, call in ledger.accepted.items():
            assert views[id].function == call.function
        for view in views.values():
            _check_ending(view)
        await _check_once(store, views.values())
        _check_keys(views.values(), ledger)
        await _check_deliveries(store, views)
        return Counter(str(attempt.outcome) for view in views.values() for attempt in view.attempts)


async def _all(store: SqliteStore) -> list[InvocationView]:
    views = []
    cursor: str | None = None
    while True:
        page = await store.invocations(Filter(), PAGE, cursor)
        for row in page.items:
            view = await store.invocation(row.id)
            assert view is not None
            views.append(view)
        cursor = page.cursor
        if cursor is None:
            return views


def _check_ending(view: InvocationView) -> None:
    """The right end, within the budgets; attempts <= retries + 1 + losses."""
    name = format_id(view.id)
    if view.function in (*SUCCEEDING, "sink"):
        assert (view.state, view.reason) == (State.SUCCEEDED, Reason.OK), (name, view)
    else:
        assert (view.state, view.reason) == (State.FAILED, Reason.RETRIES_EXHAUSTED), (name, view)
    outcomes = Counter(attempt.outcome for attempt in view.attempts)
    assert outcomes[None] == 0, (name, view.attempts)
    assert outcomes[Outcome.LOST] == view.spent.losses_used, (name, view.attempts)
    assert view.spent.retries_used <= RETRIES[view.function]
    assert view.attempt <= view.spent.retries_used + 1 + view.spent.losses_used, (name, view)
    assert len(view.attempts) == view.attempt, (name, view.attempts)
    if view.state is State.SUCCEEDED:
        assert outcomes[Outcome.OK] == 1, (name, view.attempts)


async def _check_once(store: SqliteStore, views: Iterable[InvocationView]) -> None:
    """By the journal: into a final state once, and nothing after it."""
    finals: Counter[int] = Counter()
    after, late = 0, []
    while entries := await store.journal(after, 200):
        for entry in entries:
            for transition in entry.transitions:
                if transition.state.startswith("delivery:"):
                    continue
                if finals[transition.id]:
                    late.append(transition)
                finals[transition.id] += transition.state in FINAL
        after = entries[-1].seq
    assert not late, f"changed after its end: {late[:3]}"
    assert {view.id for view in views} == {id for id, count in finals.items() if count == 1}


def _check_keys(views: Iterable[InvocationView], ledger: Ledger) -> None:
    """One key, one invocation, even where the caller never heard of it."""
    used = Counter(
        view.meta.idempotency_key for view in views if view.meta.idempotency_key in ledger.keys_used
    )
    assert [key for key, count in used.items() if count > 1] == []


async def _check_deliveries(store: SqliteStore, views: dict[str, InvocationView]) -> None:
    """What is owed was delivered: the mailbox has the record, the other function its invocation."""
    boxes = {name: await _records(store, name) for name in ("done", "sunk", "dead")}
    sunk = set()
    for message in await _messages(store, "sunk"):
        sunk.add(message["request_payload"]["invocation"]["id"])
    for id, view in views.items():
        assert len(view.deliveries) == 1, (id, view.deliveries)
        delivery = view.deliveries[0]
        assert delivery.state == "delivered", (id, delivery)
        box = {"quick": "done", "flaky": "done", "never": "dead", "sink": "sunk"}.get(view.function)
        if box is not None:
            assert id in boxes[box], f"{view.function} {id} has no record in {box}"
    slow = {id for id, view in views.items() if view.function == "slow"}
    assert slow == sunk
    # The other function was invoked once for each, however often the delivery was sent.
    assert len(slow) == sum(view.function == "sink" for view in views.values())


async def _messages(store: SqliteStore, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while messages := await store.mailbox_read("queue", name, after, PAGE):
        found.extend(json.loads(message.body) for message in messages)
        after = messages[-1].seq
    return found


async def _records(store: SqliteStore, name: str) -> set[str]:
    return {message["invocation"]["id"] for message in await _messages(store, name)}


def stored(data: Path, id: str) -> InvocationView:
    """One invocation of the store of a server that has ended."""
    number = parse_id(id)
    assert number is not None

    async def read() -> InvocationView:
        async with opened(data) as store:
            view = await store.invocation(number)
            assert view is not None
            return view

    return asyncio.run(read())
