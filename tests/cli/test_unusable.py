"""Files that the machine does not let us use: a sentence with what to do, never a traceback."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from thence.cli import app
from thence.errors import StoreCorrupt
from thence.store.sqlite import SqliteStore, connection
from thence.unusable import file_unusable, others

LISTEN = "127.0.0.1:0"


def in_the_way(folder: Path, name: str) -> None:
    path = folder / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.mark.parametrize("name", ["identity", "store.db.lock", "store.db"])
async def test_what_cannot_be_opened_is_named(thence: Any, tmp_path: Path, name: str) -> None:
    await made(tmp_path)
    in_the_way(tmp_path, name)
    ran = await asyncio.to_thread(thence, "verify", "--data-dir", str(tmp_path))
    assert ran.status == 2, ran
    assert str(tmp_path / name) in ran.err and "Is a directory" in ran.err
    assert "Traceback" not in ran.err


async def test_a_start_that_cannot_open_a_file_ends_with_a_sentence(tmp_path: Path) -> None:
    await made(tmp_path)
    in_the_way(tmp_path, "identity")
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "thence", "serve", "--data-dir", str(tmp_path), "--listen", LISTEN],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 2, ran
    assert str(tmp_path / "identity") in ran.stderr and "Traceback" not in ran.stderr


async def made(folder: Path) -> None:
    store = SqliteStore(folder / "store.db")
    await store.open()
    await store.close()


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.EACCES, "chown"),
        (errno.EROFS, "cp -a"),
        (errno.ENOSPC, "df -i"),
        (errno.EIO, "dmesg"),
    ],
)
def test_a_file_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, word: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "/data/code")

    monkeypatch.setattr(app.thence, "main", fails)
    assert app.run([]) == 2
    told = capsys.readouterr().err
    assert "/data/code" in told and os.strerror(number) in told and word in told
    assert word in file_unusable(OSError(number, os.strerror(number), "/data/code")).detail


def test_an_error_of_no_file_is_a_mistake_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ECONNRESET, "x")

    monkeypatch.setattr(app.thence, "main", fails)
    with pytest.raises(OSError):
        app.run([])


def test_a_lock_on_a_disk_that_is_read_only_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(name: str, *_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), name)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(StoreCorrupt, match="read-only"):
        connection.hold(tmp_path / "store.db")


@pytest.mark.parametrize(
    ("files", "left", "told"), [(400, 0, True), (400, 1, False), (0, 0, False)]
)
def test_a_store_that_lacks_an_inode_for_its_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, left: int, told: bool
) -> None:
    """Some file systems have no such limit and say 0 of 0."""
    disk = list(os.statvfs(tmp_path))
    disk[5:8] = files, left, left
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(disk))
    said = str(connection.unopened(tmp_path / "store.db", sqlite3.OperationalError("unable")))
    assert said.startswith(str(tmp_path / "store.db")) and ("df -i" in said) is told


def test_the_owner_of_a_log_of_another_user_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store.db").touch()
    (tmp_path / "store.db-wal").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("-wal"))
    assert others([tmp_path / "store.db", tmp_path / "store.db-wal"]).startswith(
        "store.db-wal belongs"
    )
    told = connection.denied(tmp_path / "store.db")
    assert "store.db-wal belongs to" in told and "chown" in told
