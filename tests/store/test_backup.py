"""Backups and what is restored from them: of one moment, whole or not there, and never in the way."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from thence.catalog.code import check_archive, pack
from thence.catalog.function import parse_spec
from thence.errors import (
    BackupFailed,
    BackupInvalid,
    Conflict,
    InvalidInput,
    RestoreFailed,
    StoreMissing,
    ThenceError,
)
from thence.removal import Readers
from thence.runtimes.code import CodeCache
from thence.store.blobs import FileBlobs
from thence.store.records import Body, Filter
from thence.store.sqlite import SqliteStore, connection, files, restore, salvage, snapshot
from thence.store.sqlite import backup as backups
from thence.store.sqlite.backup import Manifest, backup

from .catalogue import put_function
from .scene import NOW, Scene

PAYLOAD = bytes(range(256)) * 400
ARCHIVE = pack([("main.py", b"def handler(event, context):\n    return event\n")])


def silent(what: str, total: int) -> Callable[[int], None]:
    return lambda count: None


class Used(Scene):
    """A data directory that is in use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(SqliteStore(folder / "store.db"))
        self.blobs = FileBlobs(folder / "blobs")
        self.code = CodeCache(folder / "code")

    async def begin(self) -> None:
        await self.store.open()  # type: ignore[attr-defined]
        await super().begin()
        info = check_archive(ARCHIVE)
        await self.code.store(ARCHIVE, info)
        await put_function(self.store, "f", parse_spec({}), info.digest, info.bytes, NOW)

    async def large(self) -> tuple[int, str]:
        """Accept one with a body of its own: its id and the body's name."""
        new = self.new()
        ref = f"{new.id:032x}.payload"
        new.payload = Body(None, len(PAYLOAD), ref, await self.blobs.put(ref, PAYLOAD))
        await self.accept(new)
        return new.id, ref

    def back_up(self, target: Path, **how: Any) -> Manifest:
        return backup(self.folder, target, silent, **how)


@pytest.fixture
async def used(tmp_path: Path) -> AsyncIterator[Used]:
    scene = Used(tmp_path / "data")
    await scene.begin()
    yield scene
    await scene.store.close()


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(item.relative_to(folder)): item.read_bytes()
        for item in folder.rglob("*")
        if item.is_file()
    }


def beside(target: Path) -> list[str]:
    return sorted(item.name for item in target.parent.iterdir() if item.name != "data")


# ---------------------------------------------------------------- making one


async def test_a_backup_holds_what_the_store_names_and_nothing_else(
    used: Used, tmp_path: Path
) -> None:
    _, ref = await used.large()
    await used.accept(used.new())
    await used.blobs.put(f"{7:032x}.payload", b"of no invocation")
    log = used.folder / "status-log" / "status-00000001.log"
    log.parent.mkdir()
    log.write_bytes(b"line\n")
    made = used.back_up(tmp_path / "backup")
    assert (made.blobs, made.blob_bytes, made.archives) == (1, len(PAYLOAD), 1)
    assert (made.invocations, made.waiting, made.problems) == (2, 2, [])
    there = content(tmp_path / "backup")
    digest = check_archive(ARCHIVE).digest
    assert [name for name in there if ref in name] and there[f"code/{digest}.zip"] == ARCHIVE
    assert there["status-log/status-00000001.log"] == b"line\n"
    assert len(there) == 5  # and store.db, backup.json
    assert restore.check(tmp_path / "backup", silent)[1] == []
    assert content(tmp_path / "backup") == there, "a look at it changed it"


async def test_only_its_owner_can_read_a_backup(used: Used, tmp_path: Path) -> None:
    await used.large()
    before = os.umask(0)
    try:
        used.back_up(tmp_path / "deep" / "backup")
    finally:
        os.umask(before)
    for item in (tmp_path / "deep", *(tmp_path / "deep").rglob("*")):
        wanted = 0o700 if item.is_dir() else 0o600
        assert stat.S_IMODE(item.stat().st_mode) == wanted, item


async def test_a_backup_ends_and_is_of_one_moment_however_much_is_written(
    used: Used, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit between all pages: the copy that begins anew at each would never end."""
    await used.accept(*(used.new() for _ in range(300)))
    monkeypatch.setattr(snapshot, "PAGES", 1)
    other = sqlite3.connect(used.folder / "store.db", isolation_level=None)
    other.execute("PRAGMA synchronous = OFF")
    pages = 0

    def write(count: int) -> None:
        nonlocal pages
        pages += 1
        other.execute(
            "INSERT INTO minute VALUES ('f', ?, 'calls', 1)", (pages,)
        )  # in the pages that are copied last

    made = backup(used.folder, tmp_path / "backup", lambda what, total: write)
    assert pages > 20 and made.invocations == 300
    with closing(snapshot.connect_copy(tmp_path / "backup" / "store.db")) as db:
        seen = db.execute("SELECT count(*) FROM minute").fetchone()[0]
    assert seen == 0, "it has commits from after its moment"
    other.close()


async def test_what_is_pruned_while_a_backup_is_made_is_in_it(used: Used, tmp_path: Path) -> None:
    _, ref = await used.large()
    digest = check_archive(ARCHIVE).digest
    loop = asyncio.get_running_loop()

    def phase(what: str, total: int) -> Callable[[int], None]:
        if what == "Copying bodies and code":
            # The service: another revision is deployed, the sweep comes, the invocation is pruned.
            assert used.code.prune({"0" * 64}, NOW, 0) == (0, 0)
            asyncio.run_coroutine_threadsafe(used.blobs.delete([ref]), loop).result(30)
        return lambda count: None

    made = await asyncio.to_thread(backup, used.folder, tmp_path / "backup", phase)
    assert made.problems == [] and made.blobs == made.archives == 1
    assert await used.blobs.get(ref) == PAYLOAD
    await used.blobs.delete([])
    assert used.code.prune({"0" * 64}, NOW, 0) == (1, 1)
    assert not (used.folder / "code" / f"{digest}.zip").exists()
    with pytest.raises(ThenceError, match="missing"):
        await used.blobs.get(ref)


@pytest.mark.parametrize(
    ("module", "step"),
    [(snapshot, "copy"), (files, "copy"), (backups, "look_through"), (backups, "write_whole"),
     (backups, "sync_all"), (os, "rename")],
)  # fmt: skip
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
async def test_a_backup_that_is_cut_off_at_any_step_leaves_nothing(
    used: Used,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    step: str,
    error: BaseException,
) -> None:
    await used.large()
    used.back_up(tmp_path / "good")
    good = content(tmp_path / "good")

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module, step, fail)
        with pytest.raises((BackupFailed, KeyboardInterrupt)):
            used.back_up(tmp_path / "bad")
    assert beside(tmp_path / "bad") == ["good"]
    assert content(tmp_path / "good") == good
    used.back_up(tmp_path / "bad")


KILLED = """
import sys
from pathlib import Path
from thence.store.sqlite import backup, files
def copy(*_):
    print("in the middle", flush=True)
    sys.stdin.read()
files.copy = copy
backup.backup(Path(sys.argv[1]), Path(sys.argv[2]), lambda what, total: lambda count: None)
"""


def _killable(folder: Path, target: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


async def test_a_killed_backup_is_none_and_the_next_one_takes_its_place(
    used: Used, tmp_path: Path
) -> None:
    _, ref = await used.large()
    target = tmp_path / "backup"
    process = _killable(used.folder, target)
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == b"in the middle\n"
    with pytest.raises(Conflict, match="under way"):
        used.back_up(target)
    await used.blobs.delete([ref])
    assert await used.blobs.get(ref), "it went while a backup reads"
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    process.stdin.close()
    process.stdout.close()
    assert beside(target) == [".backup.partial"]
    for half in (target, tmp_path / ".backup.partial"):
        with pytest.raises(BackupInvalid, match="cut off"):
            restore.restore(half, tmp_path / "new", silent)
    with pytest.raises(StoreMissing, match="unfinished backup"):
        backup(half, tmp_path / "other", silent)
    with pytest.raises(StoreMissing, match="unfinished backup"):
        await SqliteStore(half / "store.db").open()
    assert used.back_up(target).blobs == 1
    assert beside(target) == ["backup"] and not (target / "backup.unfinished").exists()
    await used.blobs.delete([])
    with pytest.raises(ThenceError, match="missing"):
        await used.blobs.get(ref)


@pytest.mark.parametrize(
    "why", ["a backup that fails", "what a killed one left", "a restore that fails"]
)
async def test_whatever_is_removed_of_half_of_it_goes_before_its_mark(
    used: Used, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    await used.large()
    used.back_up(tmp_path / "good")
    restoring = why.startswith("a restore")
    folder = tmp_path / ("new" if restoring else ".bad.partial")
    mark = folder / ("restore.unfinished" if restoring else "backup.unfinished")
    entries, unlink, rmtree = Path.iterdir, Path.unlink, shutil.rmtree
    removed: list[tuple[str, bool]] = []

    def note(path: Any) -> None:
        path = Path(path)
        if path != mark and path.exists() and folder in (path, path.parent):
            removed.append((path.name, path != folder and mark.exists()))

    def noting(remove: Callable[..., None]) -> Callable[..., None]:
        def doing(path: Any, *more: Any, **how: Any) -> None:
            note(path)
            remove(path, *more, **how)

        return doing

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left")

    monkeypatch.setattr(Path, "iterdir", lambda item: iter(sorted(entries(item), key=mark.__ne__)))
    monkeypatch.setattr(Path, "unlink", noting(unlink))
    monkeypatch.setattr(shutil, "rmtree", noting(rmtree))
    if why == "what a killed one left":
        shutil.copytree(tmp_path / "good", folder)  # killed at its very end, and without a mark
        used.back_up(tmp_path / "bad")
    else:
        monkeypatch.setattr(restore if restoring else backups, "sync_all", fail)
        with pytest.raises((BackupFailed, RestoreFailed)):
            if restoring:
                restore.restore(tmp_path / "good", folder, silent)
            else:
                used.back_up(tmp_path / "bad")
        assert not folder.exists() or not any(folder.iterdir())
    assert {"store.db", "blobs"} <= {name for name, _ in removed}
    assert [name for name, marked in removed if not marked] == []


async def test_a_backup_replaces_nothing_and_stays_out_of_the_data_directory(
    used: Used, tmp_path: Path
) -> None:
    used.back_up(tmp_path / "backup")
    before = content(tmp_path / "backup")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for target in (tmp_path / "backup", used.folder / "backup", used.folder, tmp_path / "link"):
        with pytest.raises(InvalidInput) as error:
            used.back_up(target)
        assert error.value.fields["field"] == "DIR"
    assert content(tmp_path / "backup") == before
    (tmp_path / "empty").mkdir()
    used.back_up(tmp_path / "empty")
    shutil.copytree(used.folder, tmp_path / ".c.partial")
    before = content(tmp_path / ".c.partial")
    with pytest.raises(InvalidInput, match="is made as"):  # it would be cleared first
        backup(tmp_path / ".c.partial", tmp_path / "c", silent)
    assert content(tmp_path / ".c.partial") == before


async def test_a_folder_without_a_store_is_not_backed_up(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for make in (lambda: None, (folder / "store.db").touch):
        make()
        with pytest.raises(StoreMissing):
            backup(folder, tmp_path / "backup", silent)
    with closing(sqlite3.connect(folder / "store.db")) as db:
        db.execute("CREATE TABLE theirs (a)")
    with pytest.raises(StoreMissing, match="no store of Thence"):
        backup(folder, tmp_path / "backup", silent)
    (folder / "store.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(BackupFailed, match="not a database"):
        backup(folder, tmp_path / "backup", silent)
    assert beside(tmp_path / "backup") == []


async def test_room_is_looked_for_before_anything_is_copied(
    used: Used, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "free_bytes", lambda folder: 5000)
    with pytest.raises(BackupFailed, match=r"needs [\d,]+ bytes more, and 5,000 are free"):
        used.back_up(tmp_path / "backup")
    assert beside(tmp_path / "backup") == []


async def test_a_full_disk_is_backed_up_to_another_and_given_up_only_where_the_log_grows(
    used: Used, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_elsewhere", lambda source, target: True)
    monkeypatch.setattr(
        snapshot, "free_bytes", lambda folder: 0 if folder == used.folder else 1 << 40
    )
    monkeypatch.setattr(snapshot, "PAGES", 1)
    used.back_up(tmp_path / "backup")
    grown = iter(range(1_000_000))
    monkeypatch.setattr(snapshot, "_log_bytes", lambda source: next(grown))
    with pytest.raises(BackupFailed, match="given up"):
        used.back_up(tmp_path / "another")


def spoilt(used: Used, folder: Path, name: str) -> Path:
    """A copy of the data directory in which the first page of a table or index is damaged."""
    used.back_up(folder.with_name("good"))
    restore.restore(folder.with_name("good"), folder, silent)
    with closing(sqlite3.connect(folder / "store.db")) as db:
        page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[
            0
        ]
        size = db.execute("PRAGMA page_size").fetchone()[0]
    with (folder / "store.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))
    return folder


def rows(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / "store.db")) as db:
        number: int = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return number


@pytest.mark.parametrize("index", ["waiting_due", "function_name", "delivery_invocation"])
async def test_of_a_store_with_a_damaged_index_nothing_is_lost(
    used: Used, tmp_path: Path, index: str
) -> None:
    await used.large()
    folder = spoilt(used, tmp_path / "hit", index)
    with pytest.raises(BackupFailed, match="--damaged"):
        backup(folder, tmp_path / "backup", silent)
    made = backup(folder, tmp_path / "backup", silent, damaged=True)
    assert made.problems == [backups.SALVAGED]
    restore.restore(tmp_path / "backup", tmp_path / "new", silent, damaged=True)
    assert rows(tmp_path / "new", "invocation") == rows(used.folder, "invocation") > 0
    store = SqliteStore(tmp_path / "new" / "store.db")
    await store.open()
    try:
        assert (await store.verify())["problems"] == []
    finally:
        await store.close()


async def test_of_a_store_with_a_damaged_table_the_other_rows_are_saved(
    used: Used, tmp_path: Path
) -> None:
    await used.large()
    folder = spoilt(used, tmp_path / "hit", "journal")
    made = backup(folder, tmp_path / "backup", silent, damaged=True)
    assert made.problems[:2] == [
        backups.SALVAGED,
        "Table journal could not be read through: 0 rows were saved.",
    ]
    restore.restore(tmp_path / "backup", tmp_path / "new", silent, damaged=True)
    assert rows(tmp_path / "new", "invocation") == rows(used.folder, "invocation") > 0
    store = SqliteStore(tmp_path / "new" / "store.db")
    await store.open()
    await store.close()


async def test_an_invocation_whose_state_is_lost_hides_no_other(used: Used) -> None:
    lost, _ = await used.large()
    kept, _ = await used.large()
    with closing(sqlite3.connect(used.folder / "store.db")) as db:
        for table in ("waiting", "running", "ended"):
            db.execute(f"DELETE FROM {table} WHERE id = ?", (lost >> 64,))
        db.commit()
    found = [row.id for row in (await used.store.invocations(Filter(), 100, None)).items]
    assert kept in found and lost not in found
    assert await used.store.invocation(lost) is None


def test_rows_on_both_sides_of_a_damaged_page_are_saved_and_no_number_is_given_twice(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE box (seq INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)")
        db.execute("CREATE TABLE named (name TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")
        db.execute("CREATE INDEX box_length ON box (length(body))")
        db.execute("PRAGMA user_version = 7")
        for number in range(400):
            db.execute("INSERT INTO box (body) VALUES (?)", (b"%4d" % number + bytes(400),))
            db.execute("INSERT INTO named VALUES (?, ?)", (f"{number:04}", bytes(400)))
        db.execute("DELETE FROM box WHERE seq > 390")
        size = db.execute("PRAGMA page_size").fetchone()[0]
    data = path.read_bytes()
    for mark in (b" 200" + bytes(9), b"0200" + bytes(9)):  # a leaf in the middle of each table
        page = data.index(mark) // size * size
        data = data[:page] + bytes(size) + data[page + size :]
    path.write_bytes(data)
    assert salvage.is_broken(path)
    told = salvage.salvage(path)
    assert len(told) == 2 and not salvage.is_broken(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        found = [row[0] for row in db.execute("SELECT seq FROM box ORDER BY seq")]
        assert (found[0], found[-1]) == (1, 390) and 390 - 2 * size // 400 < len(found) < 390
        names = [row[0] for row in db.execute("SELECT name FROM named")]
        assert (min(names), max(names)) == ("0000", "0399") and len(names) < 400
        assert db.execute("PRAGMA user_version").fetchone()[0] == 7
        db.execute("INSERT INTO box (body) VALUES (x'00')")
        assert db.execute("SELECT max(seq) FROM box").fetchone()[0] == 401
    assert [item.name for item in tmp_path.iterdir()] == ["store.db"]


async def test_a_damaged_data_directory_is_backed_up_only_when_told_and_says_so(
    used: Used, tmp_path: Path
) -> None:
    (_, lost), (_, flipped), (_, fine) = [await used.large() for _ in range(3)]
    path = {ref: next(used.folder.rglob(ref)) for ref in (lost, flipped, fine)}
    path[lost].unlink()
    path[flipped].write_bytes(PAYLOAD[:-64] + b"\x00" * 64)
    with pytest.raises(BackupFailed) as error:
        used.back_up(tmp_path / "backup")
    assert lost in error.value.detail and flipped in error.value.detail
    assert fine not in error.value.detail and "--damaged" in error.value.detail
    made = used.back_up(tmp_path / "backup", damaged=True)
    assert len(made.problems) == 2
    with pytest.raises(BackupInvalid, match=lost):
        restore.restore(tmp_path / "backup", tmp_path / "new", silent)
    restore.restore(tmp_path / "backup", tmp_path / "new", silent, damaged=True)
    assert next((tmp_path / "new").rglob(fine)).read_bytes() == PAYLOAD


# ---------------------------------------------------------------- restoring


async def test_what_is_restored_is_what_was_backed_up(used: Used, tmp_path: Path) -> None:
    id, ref = await used.large()
    made = used.back_up(tmp_path / "backup")
    folder = tmp_path / "new"
    assert restore.restore(tmp_path / "backup", folder, silent) == made
    for item in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(item.stat().st_mode) == (0o700 if item.is_dir() else 0o600), item
    store = SqliteStore(folder / "store.db", create=False)
    await store.open()
    try:
        assert (await store.verify())["problems"] == []
        found = await store.payload(id)
        assert found is not None and found[0].ref == ref and found[0].digest is not None
        assert await FileBlobs(folder / "blobs").get(ref, found[0].digest) == PAYLOAD
        (function,) = await store.functions()
        assert (CodeCache(folder / "code").path(function.code_digest) / "main.py").is_file()
    finally:
        await store.close()
    assert (folder / "identity").read_text() == (used.folder / "identity").read_text()


async def test_a_restore_replaces_nothing(used: Used, tmp_path: Path) -> None:
    used.back_up(tmp_path / "backup")
    before = content(used.folder)
    for name, why in (
        ("store.db", r"not empty \(store\.db\), and"),
        ("somebody's file", "not empty"),
        ("restore.unfinished", "was cut off before its end"),
    ):
        folder = tmp_path / f"has {name}"
        folder.mkdir()
        (folder / name).write_text("precious")
        with pytest.raises((InvalidInput, StoreMissing), match=why):
            restore.restore(tmp_path / "backup", folder, silent)
        assert content(folder) == {name: b"precious"}
    with pytest.raises(InvalidInput, match="not empty"):
        restore.restore(tmp_path / "backup", used.folder, silent)
    assert content(used.folder) == before
    disk = tmp_path / "disk"
    (disk / "lost+found").mkdir(parents=True)
    restore.restore(tmp_path / "backup", disk, silent)


async def test_half_a_restore_is_no_source_of_a_backup(tmp_path: Path) -> None:
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "restore.unfinished").touch()
    with pytest.raises(StoreMissing, match="was cut off before its end"):
        backup(folder, tmp_path / "backup", silent)


@pytest.mark.parametrize("what", ["store.db", "payload", ".zip", "backup.json"])
async def test_a_damaged_backup_is_refused_and_leaves_an_empty_folder(
    used: Used, tmp_path: Path, what: str
) -> None:
    await used.large()
    used.back_up(tmp_path / "backup")
    path = next(item for item in (tmp_path / "backup").rglob("*") if item.name.endswith(what))
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes(255 - byte for byte in data[middle : middle + 64]))
    with pytest.raises(BackupInvalid):
        restore.restore(tmp_path / "backup", tmp_path / "new", silent)
    assert not (tmp_path / "new").exists() or beside(tmp_path / "new" / "x") == []
    if what != "backup.json":
        assert restore.check(tmp_path / "backup", silent)[1]


@pytest.mark.parametrize(
    "written", [b'{"x": ' + b"[" * 200_000, b'{"version": "\xff"}', b'{"x": "\xff"}', b"", b"[]"]
)
def test_a_list_of_a_backup_that_is_none_is_said_so(tmp_path: Path, written: bytes) -> None:
    (tmp_path / restore.MANIFEST).write_bytes(written)
    with pytest.raises(BackupInvalid, match="cannot be read"):
        restore.manifest_of(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE function SET code_digest = '../../outside'",
        "UPDATE function SET code_digest = '/outside'",
        "UPDATE function SET code_digest = 'x\n'",
        "UPDATE invocation SET payload_ref = '../../outside.zip'",
        "UPDATE invocation SET payload_ref = '.'",
    ],
)
@pytest.mark.parametrize("damaged", [False, True])
async def test_a_backup_of_somebody_who_means_harm_writes_nothing_elsewhere(
    used: Used, tmp_path: Path, change: str, damaged: bool
) -> None:
    """The store of a backup names the files: by a path it could name any."""
    await used.large()
    used.back_up(tmp_path / "theirs" / "backup")
    (tmp_path / "theirs" / "outside.zip").write_bytes(b"harm")
    store = tmp_path / "theirs" / "backup" / "store.db"
    with closing(sqlite3.connect(store)) as db:
        db.execute(change)
        db.commit()
    path = tmp_path / "theirs" / "backup" / "backup.json"
    manifest = json.loads(path.read_bytes()) | {"store_digest": files.digest_of(store)}
    path.write_text(json.dumps(manifest))
    assert any("no name of a file" in item for item in restore.check(path.parent, silent)[1])
    before = content(tmp_path / "theirs")
    folder = tmp_path / "ours" / "data"
    if damaged:
        restore.restore(path.parent, folder, silent, damaged=True)
    else:
        with pytest.raises(BackupInvalid, match="no name of a file"):
            restore.restore(path.parent, folder, silent)
    assert [item.name for item in folder.parent.iterdir()] == ["data"]
    assert content(tmp_path / "theirs") == before
    assert not any(b"harm" in item for item in content(folder).values())


@pytest.mark.parametrize("what", ["store.db", "status-log", "backup.json", "blobs", "pipe"])
async def test_a_link_in_a_backup_brings_no_file_of_the_machine_along(
    used: Used, tmp_path: Path, what: str
) -> None:
    await used.large()
    used.back_up(tmp_path / "backup")
    path = tmp_path / "backup" / what
    if what == "pipe":
        os.mkfifo(path)
    else:
        if path.exists():
            path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    for look in (
        lambda: restore.check(tmp_path / "backup", silent),
        lambda: restore.restore(tmp_path / "backup", tmp_path / "new", silent, damaged=True),
    ):
        with pytest.raises(BackupInvalid, match="is a link or no plain file"):
            look()
    assert not (tmp_path / "new").exists()


async def test_a_restore_that_fails_leaves_an_empty_folder_and_a_killed_one_no_service_takes(
    used: Used, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await used.large()
    used.back_up(tmp_path / "backup")
    folder = tmp_path / "new"

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    with monkeypatch.context() as patch:
        patch.setattr(files, "copy", fail)
        with pytest.raises(RestoreFailed, match="No space left") as error:
            restore.restore(tmp_path / "backup", folder, silent)
    assert error.value.title == "The backup was not restored"
    assert content(folder) == {}
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "free_bytes", lambda folder: 5000)
        with pytest.raises(RestoreFailed, match=r"needs [\d,]+ bytes, and 5,000 are free"):
            restore.restore(tmp_path / "backup", folder, silent)
    assert content(folder) == {}

    def look(what: str, total: int) -> Callable[[int], None]:
        # Killed here, this is what the next start finds.
        with pytest.raises(ThenceError):
            asyncio.run(SqliteStore(folder / "store.db").open())
        seen.append((folder / "restore.unfinished").exists() and not (folder / "store.db").exists())
        return lambda count: None

    seen: list[bool] = []
    thread = threading.Thread(target=restore.restore, args=(tmp_path / "backup", folder, look))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert seen == [True, True, True]
    assert not (folder / "restore.unfinished").exists()


async def test_the_mark_of_readers_is_that_of_a_folder(used: Used) -> None:
    readers = Readers(used.folder)
    assert not readers.any()
    with readers.reading():
        assert Readers(used.folder).any()
        with Readers(used.folder).reading():
            pass
        assert readers.any()
    assert not readers.any()


async def test_a_store_of_an_earlier_version_is_backed_up_as_it_is(tmp_path: Path) -> None:
    """Before an upgrade's first start: by the new program, without migrating anything."""
    for script in sorted(Path(__file__).parent.glob("schema_*.sql")):
        folder = tmp_path / script.stem
        folder.mkdir()
        with closing(sqlite3.connect(folder / "store.db")) as db:
            db.executescript(script.read_text("utf-8"))
            schema = db.execute("PRAGMA user_version").fetchone()[0]
            named = list(files.named(db))
        before = (folder / "store.db").read_bytes()
        made = backup(folder, tmp_path / f"{script.stem}-backup", silent, damaged=bool(named))
        assert made.schema == schema < connection.SCHEMA and made.invocations > 0
        assert len(made.problems) == len(named)  # its files are not there
        assert (folder / "store.db").read_bytes() == before
        new = tmp_path / f"{script.stem}-new"
        restore.restore(tmp_path / f"{script.stem}-backup", new, silent, damaged=bool(named))
        store = SqliteStore(new / "store.db", create=False)
        await store.open()
        await store.close()
