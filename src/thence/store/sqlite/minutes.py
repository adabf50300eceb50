"""Counts by the minute: what metrics of functions are made of, for as long as they are kept."""

from __future__ import annotations

import sqlite3
from typing import Any

from ..records import MinuteCount
from .statements import Many, load

_SQL = load("minutes.sql")
_ADD = Many(_SQL["add"])


def add(db: sqlite3.Connection, items: list[MinuteCount]) -> None:
    flat: list[Any] = []
    for count in items:
        flat += (count.function, count.minute, count.metric, count.value)
    _ADD.run(db, flat)


def read(
    db: sqlite3.Connection, since: int, until: int, function: str | None, metric: str | None
) -> list[MinuteCount]:
    values = {"since": since, "until": until, "function": function, "metric": metric}
    text = _SQL["read" if function is None else "read_of"]
    return [MinuteCount(*row) for row in db.execute(text, values)]
