"""A store that was made by an earlier schema of the SQLite driver goes on with all its data."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from thence.catalog.function import FunctionSpec
from thence.lifecycle.states import State
from thence.store.records import Filter
from thence.store.sqlite import SqliteStore, connection

from .catalogue import delete_function, publish, put_function
from .scene import NOW, Scene

EARLIER = Path(__file__).parent


@pytest.fixture(params=sorted(EARLIER.glob("schema_*.sql")), ids=lambda path: path.stem)
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    path = tmp_path / "thence.db"
    with sqlite3.connect(path) as db:
        db.executescript(request.param.read_text("utf-8"))
    db.close()
    store = SqliteStore(path)
    await store.open()
    made = Scene(store)
    await made.begin()
    made.ids.above(await store.highest_id())
    yield made
    await store.close()


async def test_an_earlier_store_is_brought_to_the_present_schema(scene: Scene) -> None:
    assert isinstance(scene.store, SqliteStore)
    db = scene.store.work.db
    assert db is not None
    assert db.execute("PRAGMA user_version").fetchone() == (connection.SCHEMA,)
    await scene.holds()


async def test_the_functions_of_an_earlier_store_are_its_latest_ones(scene: Scene) -> None:
    (keep,) = await scene.store.functions()
    spec = FunctionSpec(handler="a.c", on_success="queue:done")
    assert (keep.id, keep.name, keep.revision, keep.spec) == (1, "keep", 2, spec)
    assert (keep.version, keep.family, keep.note) == ("latest", 1, "")
    assert [function.name for function in await scene.store.functions(deleted=True)] == [
        "gone",
        "keep",
    ]


async def test_the_invocations_of_an_earlier_store_are_there_and_go_on(scene: Scene) -> None:
    rows = (await scene.store.invocations(Filter(), 10, None)).items
    assert [(row.function, row.version, row.state) for row in rows] == [
        ("gone", "latest", State.FAILED),
        ("keep", "latest", State.SUCCEEDED),
        ("keep", "latest", State.RUNNING),
        ("keep", "latest", State.QUEUED),
    ]
    assert [item.id for item in await scene.store.lost(NOW, 10)] == [rows[2].id]
    (claimed,) = await scene.claim()
    assert claimed.id == rows[3].id
    answer = await scene.commit(settles=[scene.settled(claimed)])
    assert answer.settles == [True]
    (owed,) = (await scene.store.deliveries("pending", None, 10, None)).items
    assert owed.invocation_id == rows[1].id
    await scene.holds()


async def test_functions_of_an_earlier_store_can_be_published_replaced_and_deleted(
    scene: Scene,
) -> None:
    published = await publish(scene.store, 1, "1", "", NOW)
    replaced = await put_function(scene.store, "keep", FunctionSpec(), "d", 1, NOW + 9)
    assert (replaced.id, replaced.revision) == (1, 3)
    again = await put_function(scene.store, "gone", FunctionSpec(), "d", 1, NOW + 9)
    assert again.id > 2
    assert await scene.store.functions() == [again, replaced, published]
    assert await delete_function(scene.store, 1, NOW + 10) is True
    assert await scene.store.functions() == [again]
