"""A store's file with one of its trees overwritten."""

from __future__ import annotations

import random
import sqlite3
from importlib import resources
from pathlib import Path

import thence.store.sqlite
from thence.store.sqlite import SqliteStore


def trees() -> list[str]:
    """All tables and indexes of the present schema."""
    db = sqlite3.connect(":memory:")
    folder = resources.files(thence.store.sqlite).joinpath("migrations")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        db.executescript(file.read_text("utf-8"))
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE rootpage > 0")]
    db.close()
    return sorted(names)


def overwrite(path: Path, tree: str, seed: int = 1) -> None:
    """The first page of a table or an index becomes noise. The file must not have a log."""
    with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        root = 1
        if tree != "sqlite_master":
            found = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (tree,))
            root = found.fetchone()[0]
    db.close()
    start = (root - 1) * size + (100 if root == 1 else 0)  # the file's own header stays
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(random.Random(seed).randbytes(root * size - start))


def overwrite_under(store: SqliteStore, tree: str) -> None:
    """The same while it is open, as a disk does it: what is in memory is forgotten."""
    work = store.work
    assert work.db is not None
    work.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    overwrite(store.path, tree)
    for db in (work.db, *work._reading.all):
        db.execute("PRAGMA shrink_memory")


def flip(path: Path, written: bytes, number: int = 64) -> None:
    """So many bytes of what was written are others now; nothing else is touched."""
    data = bytearray(path.read_bytes())
    at = data.index(written) + 100
    for position in range(at, at + number):
        data[position] ^= 0xFF
    path.write_bytes(data)
