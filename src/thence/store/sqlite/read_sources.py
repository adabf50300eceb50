"""What the records of deliveries are made of, many at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ..digests import stored_body
from ..keys import whole
from ..records import DeliverySource
from .read_invocations import views
from .statements import load, select

_SQL = load("reads.sql")


def sources(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, DeliverySource]:
    """By delivery id; without those whose invocation is gone."""
    wanted = set(ids)
    owed = [
        (whole(high, tail), of)
        for high, tail, of in select(db, _SQL["invocations_of"], (), [id >> 64 for id in wanted])
    ]
    keys = list(dict.fromkeys(of for _, of in owed))
    found = {view.id >> 64: view for view in views(db, keys, deliveries=False)}
    bodies = {row[0]: row[1:] for row in select(db, _SQL["bodies"], (), keys)}
    made = {}
    for id, of in owed:
        if id not in wanted or of not in found or of not in bodies:
            continue
        row = bodies[of]
        result = None if row[5] is None else stored_body(row[4:], "ended", of)
        made[id] = DeliverySource(found[of], stored_body(row[:4], "invocation", of), result)
    return made
