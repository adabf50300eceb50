"""Pages of a list by two statements: one that filters a bounded number of rows, one that tells how
far it looked."""

from __future__ import annotations

import sqlite3
from typing import Any

from ..cursors import Search


def page(
    db: sqlite3.Connection,
    text: str,
    scanned: str,
    values: dict[str, Any],
    limit: int,
    *,
    ascending: bool = False,
) -> tuple[list[tuple[Any, ...]], str | None]:
    """Rows of one page and the cursor of the next. `text` filters `:scan` rows below `:below` (or
    above `:above`)."""
    moving = "above" if ascending else "below"
    search = Search(values[moving], limit)
    while not search.ended:
        part = values | {moving: search.edge, "scan": search.scan, "limit": search.wanted}
        search.found(db.execute(text, part).fetchall())
        if not search.ended:
            search.looked(*db.execute(scanned, part).fetchone())
    return search.rows, search.cursor
