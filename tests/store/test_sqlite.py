"""What only the SQLite driver promises: its file, its faults, its plans, and that verify sees damage."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from thence.errors import StoreCorrupt, StoreInUse, StoreTooNew, StoreUnavailable
from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import Reason, State
from thence.store import codes, cursors
from thence.store.records import DeliveryResult, Filter, ListFilter
from thence.store.sqlite import SqliteStore, connection, prune, read_listed
from thence.store.sqlite import store as sqlite_store
from thence.store.sqlite.statements import Many, load

from .catalogue import put_entry
from .scene import DAY, NOW, F, Scene


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "thence.db"


@pytest.fixture
async def made(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def sqlite_scene(made: SqliteStore) -> Scene:
    scene = Scene(made)
    await scene.begin()
    return scene


async def make(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.close()


def change(path: Path, *statements: str) -> None:
    """Behind the store's back."""
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def test_every_word_has_a_number_and_every_number_stays() -> None:
    assert set(codes.STATES) == set(State) and set(codes.REASONS) == set(Reason)
    assert set(codes.OUTCOMES) == set(Outcome) and set(codes.BUDGETS) == set(Budget)
    assert [codes.STATE[s] for s in (State.QUEUED, State.RUNNING, State.SUCCEEDED)] == [0, 2, 4]
    assert (codes.FAILED, codes.EXPIRED, codes.INVALID) == (5, 7, 8)


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


# ---------------------------------------------------------------- the file


async def test_the_files_belong_to_their_owner_alone(made: SqliteStore, path: Path) -> None:
    await made.join("n", NOW, NOW)
    for name in (path, f"{path}-wal", f"{path}.lock"):
        assert stat.S_IMODE(os.stat(name).st_mode) == 0o600, name


async def test_a_second_server_is_told_who_holds_the_file(made: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreInUse) as error:
        await SqliteStore(path).open()
    assert str(os.getpid()) in error.value.detail


async def test_commits_are_synced_to_disk(made: SqliteStore) -> None:
    db = made.work.db
    assert db is not None
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_a_newer_schema_is_refused_with_what_to_do(path: Path) -> None:
    await make(path)
    change(path, "PRAGMA user_version = 99")
    with pytest.raises(StoreTooNew) as error:
        await SqliteStore(path).open()
    assert "schema 99" in error.value.detail and "upgrade Thence" in error.value.detail
    change(path, f"PRAGMA user_version = {connection.SCHEMA}")
    await make(path)  # and the refusal let go of the file


async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    write(path, b"this is not a database" * 100)
    with pytest.raises(StoreCorrupt):
        await SqliteStore(path).open()
    assert read(path) == b"this is not a database" * 100


async def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    change(path, "CREATE TABLE theirs (a)")
    with pytest.raises(StoreCorrupt) as error:
        await SqliteStore(path).open()
    assert "not a Thence store" in error.value.detail
    db = sqlite3.connect(path)
    assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    db.close()


async def test_a_directory_in_the_place_of_the_file_is_refused(path: Path) -> None:
    await asyncio.to_thread(path.mkdir)
    with pytest.raises(StoreCorrupt):
        await SqliteStore(path).open()


async def test_a_store_whose_making_was_cut_short_is_made_again(path: Path) -> None:
    write(path, b"")
    await make(path)
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (connection.SCHEMA,)
    db.close()


async def test_what_an_earlier_process_held_is_lost_as_soon_as_the_file_is_opened(
    path: Path,
) -> None:
    store = SqliteStore(path)
    await store.open()
    scene = Scene(store)
    await scene.begin()
    item = await scene.run()
    await store.close()
    await store.open()
    assert [found.id for found in await store.lost(NOW, 10)] == [item.id]
    assert await store.renew(scene.lease, NOW + DAY) is False
    await store.close()


# ---------------------------------------------------------------- faults


async def test_a_full_disk_acknowledges_nothing_and_recovers_when_space_is_back(
    sqlite_scene: Scene, made: SqliteStore
) -> None:
    scene = sqlite_scene
    running = await scene.run()
    db = made.work.db
    assert db is not None
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    large = [scene.new(data=b"x" * 50_000) for _ in range(20)]
    with pytest.raises(StoreUnavailable) as error:
        await scene.commit(accepts=large, settles=[scene.settled(running)])
    assert "full" in error.value.detail
    assert await made.healthy() is False
    assert await scene.state(running) is State.RUNNING
    assert await made.invocation(large[0].id) is None
    with pytest.raises(StoreUnavailable):
        await made.work.write(lambda db: db.execute("SELECT abs(-9223372036854775808)"))
    db.execute("PRAGMA max_page_count = 1000000")
    assert await made.healthy() is True
    answer = await scene.commit(accepts=large, settles=[scene.settled(running)])
    assert answer.settles == [True]
    assert (await scene.holds())["accepted"] == 21


async def test_a_write_that_found_no_space_is_told_and_tried_once_more_where_there_is_some(
    sqlite_scene: Scene, made: SqliteStore
) -> None:
    db = made.work.db
    assert db is not None
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
    told: list[StoreUnavailable] = []

    def none(error: StoreUnavailable) -> bool:
        told.append(error)
        return False

    def some(error: StoreUnavailable) -> bool:
        db.execute("PRAGMA max_page_count = 1000000")
        return not none(error)

    put = put_entry(made, "config", "1", "large", b"x" * 500_000, NOW)
    made.on_unwritten(none)
    with pytest.raises(StoreUnavailable, match="full"):
        await put
    assert len(told) == 1 and "full" in told[0].detail
    made.on_unwritten(some)
    await put_entry(made, "config", "1", "large", b"x" * 500_000, NOW)
    assert len(told) == 2

    def knows(error: StoreUnavailable) -> bool:
        if not none(error) and len(told) == 4:
            raise StoreUnavailable("4096 bytes are free.")
        return True

    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
    made.on_unwritten(knows)
    with pytest.raises(StoreUnavailable, match="4096 bytes are free"):
        await put_entry(made, "config", "1", "larger", b"x" * 500_000, NOW)
    assert len(told) == 4  # once more, and no more
    await sqlite_scene.holds()


class FailingCommit(sqlite3.Connection):
    """A connection whose COMMIT fails as a disk does, while `fails` is set."""

    fails = False

    def execute(self, sql: str, *args: object) -> sqlite3.Cursor:  # type: ignore[override]
        if FailingCommit.fails and sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *args)  # type: ignore[arg-type]


@pytest.mark.parametrize("inline", [False, True])
async def test_a_failed_fsync_changes_nothing_and_the_next_commit_starts_afresh(
    path: Path, inline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def connect_failing(*args: object, **options: object) -> sqlite3.Connection:
        return connect(*args, **{**options, "factory": FailingCommit})  # type: ignore[arg-type]

    monkeypatch.setattr(sqlite3, "connect", connect_failing)
    monkeypatch.setattr(FailingCommit, "fails", False)
    store = SqliteStore(path, inline=inline)
    await store.open()
    scene = Scene(store)
    await scene.begin()
    item = scene.new()
    monkeypatch.setattr(FailingCommit, "fails", True)
    with pytest.raises(StoreUnavailable):
        await scene.commit(accepts=[item])
    with pytest.raises(StoreUnavailable):
        await store.join("x", NOW, NOW)
    assert await store.healthy() is False
    assert await store.invocation(item.id) is None
    monkeypatch.setattr(FailingCommit, "fails", False)
    assert await store.healthy() is True
    await scene.accept(item)
    assert (await scene.holds())["accepted"] == 1
    await store.close()


async def test_a_broken_constraint_is_our_mistake_and_changes_nothing(sqlite_scene: Scene) -> None:
    item = sqlite_scene.new()
    await sqlite_scene.accept(item)
    with pytest.raises(sqlite3.IntegrityError):
        await sqlite_scene.commit(accepts=[sqlite_scene.new(), item])
    assert (await sqlite_scene.holds())["accepted"] == 1


async def test_the_page_caches_have_bounds(made: SqliteStore) -> None:
    """With them ends what an idle node keeps after load (docs/operations.md)."""

    def kib(db: sqlite3.Connection) -> int:
        size = int(db.execute("PRAGMA cache_size").fetchone()[0])
        page = int(db.execute("PRAGMA page_size").fetchone()[0])
        return -size if size < 0 else size * page // 1024

    assert made.work.db is not None and kib(made.work.db) == connection.CACHE_KIB <= 16 * 1024
    reader = connection.connect_reader(made.path)
    assert kib(reader) <= 8 * 1024
    reader.close()


# ---------------------------------------------------------------- plans


@pytest.mark.parametrize(
    ("file", "name", "values"),
    [
        ("queue.sql", "due_functions", {"after": 1, "limit": 5}),
        ("queue.sql", "receivers_owed", {"least": "k", "limit": 5}),
        ("queue.sql", "next_due", ("[1]",)),
        ("queue.sql", "live", ("[1]",)),
        ("queue.sql", "next_expiry", ()),
        ("queue.sql", "expiring", (1, 1)),
        ("queue.sql", "waiting", (1, 1, 1)),
        ("commit.sql", "claim_due", (1, 1, 1, 1)),
        ("commit.sql", "delivery_due", (1, "k", 1, 1)),
        ("commit.sql", "delivery_next", ("k",)),
    ],
)
async def test_the_queue_is_asked_by_index_and_never_read_whole(
    made: SqliteStore, file: str, name: str, values: tuple[object, ...] | dict[str, object]
) -> None:
    db = made.work.db
    assert db is not None
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {load(file)[name]}", values)]
    scans = [step for step in plan if step.startswith("SCAN")]
    whole = [
        step
        for step in scans
        if any(table in step for table in ("waiting", "invocation", "delivery", "ended"))
        and "USING" not in step
    ]
    assert whole == [], plan


WHOLE = ("functions", "functions_all", "entries")  # what is read at start


@pytest.mark.parametrize("name", [name for name in load("catalog.sql") if name not in WHOLE])
async def test_a_change_of_the_catalogue_looks_at_nothing_but_what_it_changes(
    made: SqliteStore, name: str
) -> None:
    db = made.work.db
    assert db is not None
    text = load("catalog.sql")[name]
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {text}", (1,) * _values(text))]
    read_whole = re.compile(r"SCAN (f|function|entry|catalogue_change)\b")
    assert not [step for step in plan if read_whole.match(step)], plan


def _values(text: str) -> int:
    """How many a statement is given: the highest number of its parameters, or how many they are."""
    numbers = [int(number) for number in re.findall(r"\?(\d+)", text)]
    return max(numbers, default=text.count("?"))


@pytest.mark.parametrize("order", ["ASC", "DESC"])
async def test_a_page_of_a_functions_list_reads_only_that_list(
    made: SqliteStore, order: str
) -> None:
    db = made.work.db
    assert db is not None
    source = read_listed._source(None)
    for name in ("listed", "listed_scanned"):
        text = load("listed.sql")[name].format(source=source, order=order, far="max")
        names = ("family", "above", "below", "scan", "limit", "states", "qualifier", "prefix")
        values = dict.fromkeys(names, 1)
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {text}", values)]
        assert any("USING COVERING INDEX listed_family (family=?" in step for step in plan), plan
        assert not any(f"SCAN {table}" in step for step in plan for table in "lerw"), plan


async def test_a_functions_list_looks_at_a_bounded_number_of_rows_for_one_page(
    sqlite_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "SCAN", 3)
    scene = sqlite_scene
    items = [scene.new(listed_in=F, qualifier="a" if n in (0, 7) else "b") for n in range(8)]
    await scene.accept(*items)
    for ascending in (False, True):
        found, pages, cursor = [], 0, None
        while True:
            page = await scene.store.listed(
                F, ListFilter(qualifier="a"), 5, cursor, ascending=ascending
            )
            found, pages, cursor = found + [item.id for item in page.items], pages + 1, page.cursor
            if cursor is None:
                break
        assert pages == 3
        assert found == sorted((items[0].id, items[7].id), reverse=not ascending)


async def test_a_list_looks_at_a_bounded_number_of_rows_for_one_page(
    sqlite_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "SCAN", 3)
    scene = sqlite_scene
    wanted = scene.new(function=2)
    await scene.accept(wanted, *(scene.new() for _ in range(7)))
    page = await scene.store.invocations(Filter(function_id=2), 5, None)
    assert page.items == [] and page.cursor is not None
    page = await scene.store.invocations(Filter(function_id=2), 5, page.cursor)
    assert page.items == []
    page = await scene.store.invocations(Filter(function_id=2), 5, page.cursor)
    assert [row.id for row in page.items] == [wanted.id] and page.cursor is None


def test_a_statement_for_many_rows_needs_a_group_of_values() -> None:
    with pytest.raises(ValueError, match="VALUES"):
        Many("DELETE FROM t")


# ---------------------------------------------------------------- verify sees damage


DAMAGE = {
    "a lost invocation": ("DELETE FROM waiting", ["accepted 5 is not", "stands in 0 of waiting"]),
    "a final state that came twice": (
        "INSERT INTO ended (id, function_id, state, reason, ended_at, attempt, outcome) "
        "SELECT id, function_id, 4, 0, 1, 1, 0 FROM running",
        ["stands in 2 of waiting", "the counter of succeeded"],
    ),
    "a payload row that is gone": (
        "DELETE FROM invocation WHERE id IN (SELECT id FROM running)",
        ["row of running"],
    ),
    "an ended row that is not final": (
        "UPDATE ended SET state = 2 WHERE state = 4",
        ["has no place"],
    ),
    "a counter that is wrong": ("UPDATE counter SET failed = 9", ["counter of failed is 9"]),
    "a missing attempt": ("DELETE FROM attempt", ["earlier attempts, but 0 are kept"]),
    "too many attempts": (
        "UPDATE ended SET retries_used = 0 WHERE state = 5",
        ["its budgets allow 1"],
    ),
    "a lease of nobody": ("UPDATE running SET lease = 777", ["runs under lease 777"]),
    "a forgotten dead letter": ("DELETE FROM dead", ["missing from the dead letters"]),
    "a delivery that vanished": ("DELETE FROM delivery", ["counter of pending deliveries is 1"]),
    "a delivery with an end that is pending": (
        "UPDATE delivery SET ended_at = 5",
        ["pending with an end"],
    ),
    "a way that no invocation may go": (
        "INSERT INTO journal (at, transitions) "
        "SELECT at, transitions FROM journal ORDER BY seq DESC LIMIT 1",
        ["went from queued to queued"],
    ),
    "a listed row of nobody": (
        "INSERT INTO listed (id, tail, family, caller_id, qualifier) VALUES (5, 5, 1, 'a', 'latest')",
        ["A row of listed (0000000000000005) belongs to no invocation"],
    ),
}


@pytest.mark.parametrize("kind", sorted(DAMAGE))
async def test_verify_finds_planted_damage(path: Path, kind: str) -> None:
    store = SqliteStore(path)
    await store.open()
    scene = Scene(store)
    await scene.begin()
    await scene.accept(scene.new())
    await scene.run()
    done, failed = await scene.run(), await scene.run()
    await scene.commit(
        settles=[
            scene.settled(done, deliveries=(scene.owed(),)),
            scene.retrying(failed, NOW),
        ]
    )
    (claimed,) = [item for item in await scene.claim() if item.id == failed.id]
    await scene.commit(settles=[scene.failed(claimed, spent=claimed.spent)])
    await scene.accept(scene.new(function=F, due_at=NOW + DAY))
    await scene.holds()
    await store.close()
    statement, sentences = DAMAGE[kind]
    change(path, statement)
    await store.open()
    problems = (await store.verify())["problems"]
    await store.close()
    for sentence in sentences:
        assert any(sentence in problem for problem in problems), problems


async def test_the_loop_goes_on_while_the_disk_keeps_the_store_from_being_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    def slowly(*args: Any) -> Any:
        assert answers.wait(30), "nobody else ran meanwhile"
        return take(*args)

    take = sqlite_store._take
    monkeypatch.setattr(sqlite_store, "_take", slowly)
    store = SqliteStore(path)
    asyncio.get_running_loop().call_soon(answers.set)
    await store.open()
    assert await store.healthy()
    await store.close()


async def test_an_opening_that_is_given_up_lets_go_of_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, answers = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slowly(*args: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        assert answers.wait(30), "nobody else ran meanwhile"
        return take(*args)

    take = sqlite_store._take
    monkeypatch.setattr(sqlite_store, "_take", slowly)
    opening = asyncio.ensure_future(SqliteStore(path).open())
    await begun.wait()
    opening.cancel()
    answers.set()
    assert isinstance(
        *await asyncio.gather(opening, return_exceptions=True), asyncio.CancelledError
    )
    await make(path)  # nobody holds it


async def reading_slowly(store: SqliteStore) -> tuple[asyncio.Future[bool], threading.Event]:
    """A read that has begun and ends, with True, when the event is set."""
    begun, answers = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slowly(_: Any) -> bool:
        loop.call_soon_threadsafe(begun.set)
        return answers.wait(30)

    reading = asyncio.ensure_future(store.work.read(slowly))
    await begun.wait()
    return reading, answers


async def test_the_loop_goes_on_while_the_store_waits_for_its_threads_to_close(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    reading, answers = await reading_slowly(store)
    asyncio.get_running_loop().call_later(0, answers.set)
    await store.close()
    assert await reading, "nobody else ran meanwhile"


async def test_a_closing_that_is_given_up_lets_go_of_the_file_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the same process could not open it again; it is let go of when the threads are done."""
    store = SqliteStore(path)
    await store.open()
    reading, answers = await reading_slowly(store)
    work, ended = store.work, threading.Event()
    end = work._end
    monkeypatch.setattr(work, "_end", lambda let_go: (end(let_go), ended.set()))
    closing = asyncio.ensure_future(store.close())
    await asyncio.sleep(0)
    assert work._closed
    closing.cancel()
    await asyncio.wait({closing})
    assert closing.cancelled()
    with pytest.raises(StoreInUse):
        await SqliteStore(path).open()
    answers.set()
    assert await reading, "nobody else ran meanwhile"
    assert await asyncio.to_thread(ended.wait, 30)
    await make(path)  # nobody holds it


async def test_verify_finds_pages_that_were_overwritten(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    scene = Scene(store)
    await scene.begin()
    await scene.accept(*(scene.new(data=b"x" * 3000) for _ in range(50)))
    await store.close()
    with sqlite3.connect(path) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'invocation'")
        page = db.execute("PRAGMA page_size").fetchone()[0]
    db.close()
    data = bytearray(read(path))
    start = (root[0] - 1) * page
    data[start + 8 : start + page] = b"\xff" * (page - 8)
    write(path, bytes(data))
    await store.open_to_look()
    problems = (await store.verify())["problems"]
    assert any(problem == "The file is damaged: invocation." for problem in problems), problems
    assert any("table invocation cannot be read through" in problem for problem in problems), (
        problems
    )
    await store.close()


async def test_what_is_owed_again_between_the_look_and_the_pruning_stays(
    made: SqliteStore, sqlite_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, owed = sqlite_scene, sqlite_scene.owed()
    item = await scene.run()
    await scene.commit(settles=[scene.settled(item, deliveries=(owed,))])
    dead = DeliveryResult(owed.id, 1, "dead", NOW + 5, NOW, 1, reason="rejected")
    await scene.commit(delivery_results=[dead])
    find = prune.find

    def found_then_redriven(*args: Any) -> Any:
        found = find(*args)
        with sqlite3.connect(made.path) as db:
            db.execute("UPDATE delivery SET state = 0, ended_at = NULL")
            db.execute("UPDATE counter SET deliveries_dead = 0, deliveries_pending = 1")
        db.close()
        assert found.history or found.payloads or found.results
        return found

    monkeypatch.setattr(prune, "find", found_then_redriven)
    late = NOW + DAY
    for part in ("history_before", "payload_before", "result_before"):
        before = {"history_before": 0, "payload_before": 0, "result_before": 0, part: late}
        with sqlite3.connect(made.path) as db:
            db.execute("UPDATE delivery SET state = 2, ended_at = 1")
        db.close()
        await made.prune(journal_before=0, now=NOW, limit=10, **before)
        assert await made.payload(item.id) == (item.payload, "")
        assert await made.result(item.id) is not None
    await scene.holds()
