"""Running the statements of this folder's .sql files: one row, many rows, or a list of ids.

A statement that ends in one `VALUES (…)` group may be run for many rows in one step, and `(:ids)`
stands for a list of any length. Texts are cached per length, so that SQLite's own cache of
prepared statements finds them again; longer lists run in pieces of ROWS_MAX.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any

from .. import statements

ROWS_MAX = 64  # rows per step; a longer text costs memory for each length it is prepared for
_VALUES = re.compile(r"VALUES\s*(\((?:[^()]|\([^()]*\))*\))")


def load(file: str) -> dict[str, str]:
    """The statements of one .sql file of this folder by name."""
    return statements.load(__package__, file)


class Many:
    """A statement for many rows: `width` parameters a row, flat."""

    def __init__(self, text: str) -> None:
        match = _VALUES.search(text)
        if match is None:
            raise ValueError(f"no VALUES group in {text!r}")
        self._head, self._group, self._tail = (
            text[: match.start(1)],
            match.group(1),
            text[match.end(1) :],
        )
        self.width = self._group.count("?")
        self._texts = [""] + [self._text(rows) for rows in range(1, ROWS_MAX + 1)]

    def _text(self, rows: int) -> str:
        return self._head + ",".join([self._group] * rows) + self._tail

    def run(self, db: sqlite3.Connection, flat: list[Any]) -> None:
        """Insert every row of `flat`; none at all is nothing."""
        rows = len(flat) // self.width
        if 0 < rows <= ROWS_MAX:
            db.execute(self._texts[rows], flat)
            return
        step = ROWS_MAX * self.width
        for start in range(0, len(flat), step):
            piece = flat[start : start + step]
            db.execute(self._texts[len(piece) // self.width], piece)


@cache
def with_ids(text: str, count: int) -> str:
    """The statement with `(:ids)` spelled out for `count` ids."""
    return text.replace("(:ids)", f"({','.join('?' * count)})")


def change(db: sqlite3.Connection, text: str, before: Sequence[Any], ids: Sequence[int]) -> int:
    """Run a change over `ids` in pieces; `before` are the parameters ahead of the list. Rows changed."""
    changed = 0
    for start in range(0, len(ids), ROWS_MAX):
        piece = ids[start : start + ROWS_MAX]
        changed += db.execute(with_ids(text, len(piece)), (*before, *piece)).rowcount
    return changed


def select(
    db: sqlite3.Connection, text: str, before: Sequence[Any], ids: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Read rows over `ids` in pieces."""
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(ids), ROWS_MAX):
        piece = ids[start : start + ROWS_MAX]
        rows += db.execute(with_ids(text, len(piece)), (*before, *piece)).fetchall()
    return rows
