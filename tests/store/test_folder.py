"""A store that was lost is never taken for a new one, and nothing is removed because it is empty."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from thence.errors import StoreForeign, StoreMissing
from thence.store.sqlite import SqliteStore, connection


async def opened(folder: Path, **how: bool) -> None:
    """Open and close, as a service does that starts and stops."""
    store = SqliteStore(folder / "store.db", **how)
    await store.open()
    await store.close()


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A data directory in which a service has run."""
    where = tmp_path / "data"
    await opened(where)
    return where


def lose(folder: Path, how: str) -> None:
    path = folder / "store.db"
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    if how == "empty":
        path.touch()
    if how == "no tables":
        db = sqlite3.connect(path)
        db.execute("PRAGMA journal_mode = WAL")  # what a backup leaves that was cut off at once
        db.close()
        assert path.stat().st_size > 0


def hold(folder: Path, what: str) -> None:
    """Something of an earlier store."""
    (folder / "identity").unlink()
    if what == "code":
        (folder / "code").mkdir()
        (folder / "code" / f"{'a' * 64}.zip").write_bytes(b"code")
    elif what == "blobs":
        (folder / "blobs" / "0a").mkdir(parents=True)
        (folder / "blobs" / "0a" / f"{1:032x}.payload").write_bytes(b"body")
    elif what == "status log":
        (folder / "status-log").mkdir()
        (folder / "status-log" / "status-00000001.log").write_bytes(b"line\n")
    elif what == "write-ahead log":
        (folder / "store.db-wal").write_bytes(b"x" * 5000)
    else:
        (folder / "identity").write_text("0" * 32)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(item.relative_to(folder)): item.read_bytes()
        for item in folder.rglob("*")
        if item.is_file() and not item.name.endswith((".lock", "-shm"))
    }


LEFT = ("code", "blobs", "status log", "write-ahead log", "mark")
WAYS = [(how, what) for how in ("missing", "empty", "no tables") for what in LEFT]
WAYS.remove(("no tables", "write-ahead log"))  # SQLite itself looks at a log beside a database


@pytest.mark.parametrize(("how", "what"), WAYS)
async def test_a_lost_store_is_refused_with_a_sentence_and_nothing_is_changed(
    folder: Path, how: str, what: str
) -> None:
    lose(folder, how)
    hold(folder, what)
    before = content(folder)
    with pytest.raises(StoreMissing) as error:
        await opened(folder)
    assert what in error.value.detail and "--fresh" in error.value.detail
    assert content(folder) == before
    await opened(folder, fresh=True)
    await opened(folder)
    kept = content(folder).values()
    replaced = {"store.db", "identity"}
    assert all(data in kept for name, data in before.items() if name not in replaced)


async def test_a_log_whose_database_is_gone_is_set_aside_and_not_deleted(folder: Path) -> None:
    lose(folder, "missing")
    hold(folder, "write-ahead log")
    await opened(folder, fresh=True)
    assert (folder / "store.db-wal.before-fresh").read_bytes() == b"x" * 5000


async def test_a_new_folder_needs_no_permission(tmp_path: Path) -> None:
    await opened(tmp_path / "new")
    (tmp_path / "made" / "code").mkdir(parents=True)  # by the service itself, before its store
    await opened(tmp_path / "made")


async def test_fresh_is_refused_where_no_store_was_lost(folder: Path) -> None:
    with pytest.raises(StoreMissing, match="without --fresh"):
        await opened(folder, fresh=True)
    await opened(folder)


async def test_a_store_of_another_data_directory_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    await opened(other)
    await asyncio.to_thread(shutil.copy, other / "store.db", folder / "store.db")
    with pytest.raises(StoreForeign, match="another data directory") as error:
        await opened(folder)
    assert str(folder / "identity") in error.value.detail
    (folder / "identity").unlink()
    await opened(folder)
    assert (folder / "identity").read_text() == (other / "identity").read_text()


async def test_an_older_store_without_a_mark_takes_that_of_its_folder(folder: Path) -> None:
    mark = (folder / "identity").read_text()
    db = sqlite3.connect(folder / "store.db", isolation_level=None)
    db.execute("DELETE FROM meta WHERE key = 'identity'")
    db.close()
    await opened(folder)
    assert (folder / "identity").read_text() == mark
    db = sqlite3.connect(folder / "store.db")
    assert db.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone() == (mark.strip(),)
    db.close()


@pytest.mark.parametrize("name", ["restore.unfinished", "backup.json"])
async def test_half_a_restore_and_a_backup_are_no_data_directories(folder: Path, name: str) -> None:
    (folder / name).touch()
    (folder / "store.db.lock").unlink()
    before = names(folder)
    with pytest.raises((StoreMissing, StoreForeign), match=r"thence restore"):
        await opened(folder)
    assert names(folder) == before


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_start_on_half_a_restore_says_what_it_is_and_what_to_do(
    tmp_path: Path, fresh: bool
) -> None:
    (tmp_path / "restore.unfinished").touch()
    with pytest.raises(StoreMissing) as refused:
        await opened(tmp_path, fresh=fresh)
    told = refused.value.detail
    assert "was cut off" in told and f"rm -r {tmp_path}" in told
    assert f"thence restore BACKUP --data-dir {tmp_path}" in told
    held = connection.hold(tmp_path / "store.db")  # as a restore does that is not over
    try:
        with pytest.raises(StoreMissing) as refused:
            await opened(tmp_path, fresh=fresh)
        told = refused.value.detail
        assert f"is under way (process {os.getpid()})" in told and "rm -r" not in told
    finally:
        os.close(held)


async def test_without_create_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    with pytest.raises(StoreMissing, match="is no store"):
        await opened(tmp_path, create=False)
    assert (tmp_path / "store.db").read_bytes() == b""


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
async def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(folder: Path) -> None:
    lose(folder, "missing")
    hold(folder, "code")
    (folder / "code").chmod(0)
    try:
        with pytest.raises(StoreMissing, match="cannot be read"):
            await opened(folder)
    finally:
        (folder / "code").chmod(0o700)
