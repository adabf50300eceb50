"""Damage is said as damage: whichever page of the file is hit, while the service runs and at a start."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from thence.cli.app import run
from thence.errors import (
    CallerIdTaken,
    StoreCorrupt,
    StoreDamaged,
    StoreUnavailable,
    ThenceError,
)
from thence.lifecycle.states import State
from thence.notices import Notice, StoreBack, StoreHit, StoreLost
from thence.store.records import Filter, ListFilter
from thence.store.sqlite import SqliteStore, damage, work
from thence.testing import Error, Forever, Lost, Ok, Service

from .pages import flip, overwrite, overwrite_under, trees

HOOK = "https://hooks.example.com/x"
TREES = trees()
DATA = b"0123456789abcdef" * 64


async def a_days_work(s: Service, number: int = 0) -> list[ThenceError]:
    """Every kind of thing once; the refusals on the way."""
    refused: list[ThenceError] = []

    async def tried(work: Awaitable[Any]) -> Any:
        try:
            return await work
        except CallerIdTaken:
            raise
        except ThenceError as error:
            refused.append(error)
            return None

    store, engine = s.store, s.engine
    s.receiver(HOOK).answers(500, 500)
    await tried(s.function("f", answers=["ok"], on_success=HOOK))
    await tried(
        s.function(
            "g", answers=[Error(), "ok", Error(), Error()], max_retries=1, on_success="queue:done",
            on_failure="bucket:bad",
        )
    )  # fmt: skip
    await tried(s.function("slow", answers=[Forever()], concurrency=1, timeout_seconds=3600))
    await tried(s.function("lost", answers=[Lost(), "ok"]))
    await tried(s.invoke("lost"))
    await tried(engine.functions.put_entry("kind", "owner", f"e{number}", b"{}"))
    await tried(engine.functions.publish_version("f", "", str(number + 1)))
    key = f"k{number}"
    first = await tried(s.invoke("f", DATA, idempotency_key=key, caller_id=key, listed=True))
    second = await tried(s.invoke("g", b"y" * 100_000))
    await tried(s.invoke("g", b"z"))
    for _ in range(3):
        await tried(s.invoke("slow", DATA))
    await tried(s.invoke("f", delay_seconds=7200))
    await s.clock.advance(150)
    for id in (first, second):
        if id is not None:
            await tried(s.show(id))
            await tried(s.result(id))
            await tried(store.log(int(id.replace("-", ""), 16)))
            await tried(engine.stop(int(id.replace("-", ""), 16)))
    family = engine.parts.catalogue.family("f").id
    for look in (
        store.invocations(Filter(), 50, None),
        store.invocations(Filter(dead=True), 50, None),
        store.invocations(Filter(states=frozenset({State.FAILED, State.EXPIRED})), 50, None),
        store.listed(family, ListFilter(), 50, None),
        store.by_caller_id(family, key),
        store.deliveries(None, None, 50, None),
        store.deliveries("dead", None, 50, None),
        store.mailbox_names(),
        store.mailbox_read("queue", "done", 0, 50),
        store.mailbox_receive("done", 5, s.clock.now(), 1000),
        store.counts(s.clock.now()),
        store.minutes(0, 1 << 60),
        store.minutes(0, 1 << 60, function="f"),
        store.journal(0, 5000),
        store.entries(),
        store.functions(),
        store.lost(s.clock.now(), 10),
    ):
        await tried(look)
    engine.minutes.count("f", "accepted")
    await s.clock.advance(150)
    return refused


def said(s: Service) -> list[Notice]:
    found: list[Notice] = []
    for kind in (StoreHit, StoreLost, StoreBack):
        s.notices.on(kind, found.append)
    return found


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with something in every table."""

    async def live(folder: Path) -> None:
        async with Service(folder, inline_bytes_max=65_536, prune_interval_seconds=60) as s:
            refused = await a_days_work(s)
            assert [item for item in refused if isinstance(item, StoreUnavailable)] == []
            await s.stop_service(1)

    folder = tmp_path_factory.mktemp("lived")
    asyncio.run(live(folder))
    return folder


@pytest.fixture
def folder(lived: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(lived, tmp_path / "data")


@pytest.mark.parametrize("tree", TREES)
async def test_damage_under_a_running_service_is_said_once_with_its_table_and_ends_accepting(
    tree: str, folder: Path
) -> None:
    async with Service(folder, inline_bytes_max=65_536, prune_interval_seconds=60) as s:
        notices = said(s)
        overwrite_under(s.incarnation.driver, tree)  # type: ignore[arg-type]
        await a_days_work(s, 1)
        damaged = s.engine.parts.writer.outage.damaged
        assert isinstance(damaged, StoreDamaged), "nobody noticed"
        assert tree in damaged.fields["tables"] and tree in damaged.detail
        assert "verify" in damaged.detail and damaged.code == "store_corrupt"
        for _ in range(3):
            with pytest.raises(StoreDamaged) as error:
                await s.invoke("f", b"late")
            assert tree in error.value.detail
        await s.clock.advance(600)
        await s.store.tend()
        assert damage.noted(folder / "thence.db"), "the next start reads every page"
        assert [type(notice) for notice in notices if not isinstance(notice, StoreHit)] in (
            [],
            [StoreLost],
        )
        assert 1 <= sum(isinstance(notice, StoreHit) for notice in notices) <= 2
        # What does not need the hit page is served.
        readable = 0
        for look in (s.store.functions(), s.store.entries(), s.store.journal(0, 10)):
            try:
                await look
                readable += 1
            except StoreUnavailable:
                pass  # that one is on the page
        assert readable >= 2


@pytest.mark.parametrize("inline", [True, False])
async def test_damage_is_noted_when_it_is_found_also_where_the_process_is_killed_then(
    inline: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found while a service left was noted at its end only."""
    path = folder / "thence.db"
    is_noted = threading.Event()

    def note(path: Path) -> None:
        damage.note(path)
        is_noted.set()

    monkeypatch.setattr(work, "note", note)
    store = SqliteStore(path, inline=inline)
    await store.open()
    await store.tend()
    assert not damage.noted(path)
    overwrite_under(store, "mailbox")
    with pytest.raises(StoreDamaged):
        await store.mailbox_names()
    # Nothing else is done: neither a look at the files nor an end.
    assert await asyncio.to_thread(is_noted.wait, 20) and damage.noted(path)
    await store.close()


@pytest.mark.parametrize("served", [True, False])
async def test_damage_that_is_found_just_before_the_end_of_a_service_is_noted_too(
    served: bool, folder: Path
) -> None:
    """A stop within a second of it, or what was read while leaving: the next start did not look."""
    path = folder / "thence.db"
    store = SqliteStore(path)
    await store.open()
    if served:
        await store.tend()
    store.work.condemn(StoreDamaged("it is damaged", tables=["mailbox"], why="noise"))
    await store.close()
    assert damage.noted(path) == served, "whoever only looks changes nothing"


@pytest.mark.parametrize("tree", [*TREES, "sqlite_master"])
async def test_a_start_on_a_damaged_store_says_what_is_hit_and_changes_nothing(
    tree: str, folder: Path
) -> None:
    path = folder / "thence.db"
    overwrite(path, tree)
    before = path.read_bytes()
    store = SqliteStore(path)
    with pytest.raises(StoreCorrupt) as error:
        await store.open()
    assert tree in error.value.detail and "restore a backup" in error.value.detail
    assert path.read_bytes() == before


@pytest.mark.parametrize("tree", ["mailbox", "invocation", "waiting_due"])
async def test_a_start_after_damage_was_found_reads_every_page_until_it_is_gone(
    tree: str, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the middle of a table a glance does not see it: a simple restart took work again."""
    path = folder / "thence.db"
    whole = path.read_bytes()
    overwrite(path, tree)
    monkeypatch.setattr(damage, "glance", lambda _: None)
    store = SqliteStore(path)
    await store.open()
    await store.close()
    damage.note(path)
    for _ in range(2):
        with pytest.raises(StoreCorrupt) as error:
            await SqliteStore(path).open()
        assert tree in error.value.detail and "thence verify" in error.value.detail
    assert "every page is read" in caplog.text
    path.write_bytes(whole)
    await store.open()
    await store.close()
    assert not damage.noted(path)


@pytest.mark.parametrize("tree", TREES)
async def test_verify_names_the_damaged_tree_and_still_looks_at_all_the_others(
    tree: str, folder: Path
) -> None:
    path = folder / "thence.db"
    overwrite(path, tree)
    other = "mailbox" if tree != "mailbox" else "invocation"
    with sqlite3.connect(path) as db:
        column = "headers" if other == "mailbox" else "meta"
        db.execute(f"UPDATE {other} SET {column} = x'ff' WHERE rowid > 0")
    db.close()
    store = SqliteStore(path)
    await store.open_to_look()
    problems = (await store.verify())["problems"]
    await store.close()
    assert any(tree in problem for problem in problems), problems
    assert any(f"row of {other}" in problem for problem in problems), problems


def test_the_service_and_verify_end_with_2_on_what_cannot_be_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def make() -> None:
        store = SqliteStore(tmp_path / "store.db")
        await store.open()
        await store.close()

    asyncio.run(make())
    overwrite(tmp_path / "store.db", "waiting")
    assert run(["serve", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0"]) == 2
    told = capsys.readouterr().err
    assert "store_corrupt" in told and "waiting" in told
    assert run(["verify", "--data-dir", str(tmp_path)]) == 1
    overwrite(tmp_path / "store.db", "sqlite_master")
    assert run(["verify", "--data-dir", str(tmp_path)]) == 2


async def a_payload(s: Service) -> str:
    await s.function("f", answers=[Ok(seconds=5)], concurrency=1)
    await s.invoke("f", b"first")
    return await s.invoke("f", DATA)


async def test_a_payload_of_which_64_bytes_changed_is_not_run_and_is_said(tmp_path: Path) -> None:
    async with Service(tmp_path) as s:
        id = await a_payload(s)
        await s.kill()
        flip(tmp_path / "thence.db", DATA)
        await s.start()
        await s.clock.advance(60)
        damaged = s.engine.parts.writer.outage.damaged
        assert damaged is not None and damaged.fields["tables"] == ["invocation"]
        assert DATA[:8] not in b"".join(start.payload[:8] for start in s.scripts.starts)
        assert (await s.show(id)).state is State.QUEUED
        with pytest.raises(StoreDamaged):
            await s.store.payload(int(id.replace("-", ""), 16))


@pytest.mark.parametrize("what", ["payload", "result", "message"])
async def test_verify_finds_64_changed_bytes_in(what: str, tmp_path: Path) -> None:
    async with Service(tmp_path) as s:
        answer = DATA.decode() if what != "payload" else "ok"
        target = "queue:done" if what == "message" else None
        await s.function("f", answers=[answer], on_success=target)
        await s.invoke("f", DATA if what == "payload" else b"1")
        await s.clock.advance(5)
        if what == "message":
            await s.clock.advance(5)
            (mail,) = await s.mail("queue:done")
            assert mail
        await s.stop_service(1)
    path = tmp_path / "thence.db"
    found, table = DATA, {"payload": "invocation", "result": "ended", "message": "mailbox"}[what]
    with sqlite3.connect(path) as db:
        if what == "message":
            found = db.execute("SELECT body FROM mailbox").fetchone()[0]
            db.execute("UPDATE ended SET result = NULL")
    db.close()
    flip(path, found, 64)
    store = SqliteStore(path)
    await store.open()
    problems = (await store.verify())["problems"]
    await store.close()
    assert len(problems) == 1 and f"row of {table}" in problems[0], problems


async def test_a_failing_disk_passes_and_is_not_said_as_damage() -> None:
    async with Service() as s:
        await s.function("f", answers=["ok"])
        notices = said(s)
        s.disk_full(5)
        with pytest.raises(StoreUnavailable) as error:
            await s.invoke("f")
        assert not isinstance(error.value, StoreDamaged)
        await s.clock.advance(6)
        assert [type(notice) for notice in notices] == [StoreLost, StoreBack]
        await s.invoke("f")
