"""The lists of functions: invocations that were accepted with `listed_in`, and their callers' ids."""

from __future__ import annotations

import json
import sqlite3

from ...lifecycle.states import ACTIVE, DEAD, WAITING, State
from .. import cursors
from ..codes import STATE
from ..keys import whole
from ..records import ListFilter, Page
from . import pages
from .read_invocations import views
from .statements import load

_SQL = load("listed.sql")


def page(
    db: sqlite3.Connection,
    family: int,
    filter: ListFilter,
    limit: int,
    cursor: str | None,
    ascending: bool,
) -> Page:
    """Looks at cursors.SCAN rows at most; then the views of the page are read all at once."""
    edge = cursors.decode(cursor) if cursor is not None else None
    lowest = 0 if filter.since is None else cursors.of_instant(filter.since)
    below = cursors.TOP if filter.until is None else cursors.of_instant(filter.until + 1)
    states = filter.states
    values = {
        "family": family,
        "above": max(lowest - 1, -1 if edge is None or not ascending else edge),
        "below": below if edge is None or ascending else min(below, edge),
        "states": None if states is None else json.dumps([STATE[state] for state in states]),
        "qualifier": filter.qualifier,
        "prefix": filter.caller_id_prefix,
    }
    source = _source(states)
    part = {"source": source, "order": "ASC" if ascending else "DESC"}
    rows, following = pages.page(
        db,
        _SQL["listed"].format(**part),
        _SQL["listed_scanned"].format(**part, far="max" if ascending else "min"),
        values,
        limit,
        ascending=ascending,
    )
    return Page(views(db, [row[0] for row in rows]), following)


def _source(states: frozenset[State] | None) -> str:
    """Where to look: the smallest table that holds all of those states, else the whole list."""
    if states is not None:
        for small, kinds in (("dead", DEAD), ("running", ACTIVE), ("waiting", WAITING)):
            if states <= kinds:
                return f"{small} WHERE"
    return "listed WHERE family = :family AND"


def by_caller_id(db: sqlite3.Connection, family: int, caller_id: str) -> int | None:
    row = db.execute(_SQL["by_caller_id"], (family, caller_id)).fetchone()
    return None if row is None else whole(*row)
