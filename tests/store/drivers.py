"""The drivers that the suite runs against. A driver joins with one line: how to make it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from thence.store.interface import Store
from thence.store.sqlite import SqliteStore

DRIVERS: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda folder: SqliteStore(folder / "thence.db"),
    "sqlite-inline": lambda folder: SqliteStore(folder / "thence.db", inline=True),
}

NODES: dict[str, Callable[[Path, str], Store]] = {
    "sqlite": lambda folder, node: SqliteStore(folder / "thence.db", shared=node),
}
"""Stores of several nodes over the same data, open at the same time; a node by its name. (SQLite's is
for tests alone: what nodes mean to one another is tried before there is a driver that serves many.)"""
