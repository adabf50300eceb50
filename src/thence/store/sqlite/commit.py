"""One batch, one transaction: everything between BEGIN and COMMIT."""

from __future__ import annotations

import sqlite3

from ..journal import Changes
from ..records import Batch, Committed, JournalEntry
from . import write_deliveries as deliveries
from .changes import write_counters, write_journal
from .write_accepts import accept
from .write_claims import claim
from .write_endings import end, stop
from .write_settles import FenceBroken, settle

__all__ = ["FenceBroken", "apply"]


def apply(db: sqlite3.Connection, batch: Batch, *, careful: bool = False) -> Committed:
    """Run every change of the batch in the transaction that the caller began and will commit.
    Raises FenceBroken where a settle does not apply; `careful` sorts those out."""
    changes = Changes()
    accepts = accept(db, batch.accepts, changes)
    settles = settle(db, batch.settles, changes, careful)
    ends = end(db, batch.ends, changes)
    stops = stop(db, batch.stops, changes)
    claims = claim(db, batch.claims, changes)
    results = deliveries.record(db, batch.delivery_results, changes)
    taken = deliveries.claim(db, batch.delivery_claims)
    deliveries.put(db, batch.mailbox)
    write_counters(db, changes)
    entry = None
    if changes.transitions:
        entry = JournalEntry(write_journal(db, changes), changes.transitions)
    return Committed(accepts, settles, ends, stops, claims, results, taken, entry)
