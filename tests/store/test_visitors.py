"""Other programs on the SQLite file: their locks, their long reads, and files that they take away."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from thence.engine import tend as tend_loop
from thence.errors import StoreDamaged, StoreLocked
from thence.notices import Notice, Notices, StoreLogLong, StoreMoved
from thence.store.sqlite import SqliteStore, connection, tending, work
from thence.testing import VirtualClock

from .scene import NOW, Scene


def bytes_of(path: Path) -> int:
    return path.stat().st_size


def make_empty(name: str) -> None:
    Path(name).write_bytes(b"")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "thence.db"


@pytest_asyncio.fixture
async def scene(path: Path) -> AsyncIterator[Scene]:
    store = SqliteStore(path)
    await store.open()
    made = Scene(store)
    await made.begin()
    yield made
    await store.close()


@pytest.fixture
def visitor(path: Path, scene: Scene) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


async def test_while_a_visitor_holds_the_write_lock_the_event_loop_goes_on_and_nothing_is_refused(
    scene: Scene, visitor: sqlite3.Connection
) -> None:
    running = await scene.run()
    visitor.execute("BEGIN IMMEDIATE")
    item = scene.new()
    accepting = asyncio.ensure_future(
        scene.commit(accepts=[item], settles=[scene.settled(running)])
    )
    for _ in range(50):
        await asyncio.sleep(0)  # the loop turns, or this would not come to its end
    assert not accepting.done()
    visitor.execute("ROLLBACK")  # on this very thread: a loop that waited would never get here
    assert (await accepting).settles == [True]
    visitor.execute("BEGIN IMMEDIATE")
    joining = asyncio.ensure_future(scene.store.join("b", NOW, NOW))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not joining.done()
    visitor.execute("ROLLBACK")
    assert await joining > 0
    assert (await scene.holds())["accepted"] == 2


async def test_a_settle_that_lost_its_fence_waits_for_the_lock_too(
    scene: Scene, visitor: sqlite3.Connection
) -> None:
    running = await scene.run()
    late = scene.settled(running, attempt=9)
    visitor.execute("BEGIN IMMEDIATE")
    settling = asyncio.ensure_future(scene.commit(settles=[late, scene.settled(running)]))
    for _ in range(50):
        await asyncio.sleep(0)
    visitor.execute("ROLLBACK")
    assert (await settling).settles == [False, True]


async def test_a_lock_that_is_held_for_long_is_said_in_words_and_changes_nothing(
    scene: Scene, visitor: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BUSY_SECONDS", 0.05)
    visitor.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLocked, match="Another program holds the write lock"):
        await scene.accept(scene.new())
    assert await scene.store.healthy() is False
    visitor.execute("ROLLBACK")
    assert await scene.store.healthy() is True
    assert (await scene.holds())["accepted"] == 0


async def test_a_start_under_a_long_lock_ends_and_says_what_to_do(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (work, connection):
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    store = SqliteStore(path)
    await store.open()
    await store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as visitor:
        visitor.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked, match="End that program"):
            await store.open()
    await store.open()
    await store.close()


async def test_a_log_that_a_reader_made_long_is_not_moved_by_a_commit_but_beside_them(
    scene: Scene, visitor: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "WAL_BYTES_KEPT", 100_000)
    store = scene.store
    assert isinstance(store, SqliteStore) and store.work.db is not None
    db = store.work.db
    visitor.execute("BEGIN")
    visitor.execute("SELECT * FROM node").fetchall()
    await scene.accept(*(scene.new(data=b"x" * 50_000) for _ in range(20)))
    tended = await store.tend()
    assert tended.log_bytes > 1_000_000
    assert db.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    inside = bytes_of(path)
    visitor.execute("ROLLBACK")
    await scene.accept(scene.new())
    assert bytes_of(path) == inside  # that commit moved nothing
    await store.tend()
    assert bytes_of(path) > inside + 900_000
    assert db.execute("PRAGMA wal_autocheckpoint").fetchone() == (tending.WAL_PAGES,)
    assert (await scene.holds())["accepted"] == 21


async def test_without_its_shm_it_goes_on_and_says_so(scene: Scene, path: Path) -> None:
    assert (await scene.store.tend()).moved == ()
    os.unlink(f"{path}-shm")
    assert (await scene.store.tend()).moved == ("thence.db-shm",)
    item = scene.new()
    await scene.accept(item)
    assert await scene.store.invocation(item.id) is not None


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("replaced", [False, True])
async def test_without_its_file_or_log_nothing_more_is_promised(
    scene: Scene, path: Path, suffix: str, replaced: bool
) -> None:
    told: list[StoreDamaged] = []
    scene.store.on_damage(told.append)
    await scene.accept(scene.new())
    await scene.store.tend()
    os.rename(f"{path}{suffix}", f"{path}{suffix}.away")
    if replaced:
        make_empty(f"{path}{suffix}")
    assert (await scene.store.tend()).moved == (f"thence.db{suffix}",)
    assert (
        len(told) == 1 and f"deleted or replaced while in use: thence.db{suffix}." in told[0].detail
    )
    with pytest.raises(StoreDamaged):
        await scene.accept(scene.new())
    await scene.store.tend()
    assert len(told) == 1


async def test_what_a_log_held_that_was_taken_away_is_in_the_file(scene: Scene, path: Path) -> None:
    item = scene.new()
    await scene.accept(item)
    await scene.store.tend()
    os.unlink(f"{path}-wal")
    await scene.store.tend()
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    assert db.execute("SELECT count(*) FROM invocation").fetchone() == (1,)
    db.close()


async def test_a_connection_that_was_made_anew_is_no_false_alarm(scene: Scene) -> None:
    store = scene.store
    assert isinstance(store, SqliteStore)
    await store.tend()
    store.work._undo(renew=True)
    await scene.accept(scene.new())
    assert (await store.tend()).moved == ()
    await scene.accept(scene.new())


async def test_a_long_log_and_missing_files_are_said_once_and_not_every_second() -> None:
    from thence.store.records import Tended

    class Files:
        tended = Tended()

        async def tend(self) -> Tended:
            return self.tended

    files, notices, seen = Files(), Notices(), list[Notice]()
    notices.on(StoreLogLong, seen.append)
    notices.on(StoreMoved, seen.append)
    loop = tend_loop.Tend(files, VirtualClock(), notices)  # type: ignore[arg-type]
    large = tend_loop.LOG_BYTES_SAID
    for size in (0, large - 1, large, large + 5, 2 * large - 1, 2 * large, 5, large):
        files.tended = Tended(size)
        await loop.once()
    assert [item.bytes for item in seen if isinstance(item, StoreLogLong)] == [
        large,
        2 * large,
        large,
    ]
    seen.clear()
    for moved in ((), ("a",), ("a",), ()):
        files.tended = Tended(0, moved)
        await loop.once()
    assert seen == [StoreMoved(("a",))]
