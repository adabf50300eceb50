"""One batch, one transaction: everything up to but not including COMMIT."""

from __future__ import annotations

import sqlite3

from ..interface import Batch, Committed
from ..records import JournalEntry
from . import write_deliveries as deliveries
from . import write_invocations as invocations
from .journal import Changes


def apply(db: sqlite3.Connection, batch: Batch) -> Committed:
    """Begin and run every change of the batch. The caller commits, or rolls back on an error."""
    db.execute("BEGIN IMMEDIATE")
    try:
        return _apply(db, batch, careful=False)
    except invocations.FenceBroken:
        # Rare: an attempt was taken over. Begin again and look at each settle by itself.
        db.execute("ROLLBACK")
        db.execute("BEGIN IMMEDIATE")
        return _apply(db, batch, careful=True)


def _apply(db: sqlite3.Connection, batch: Batch, *, careful: bool) -> Committed:
    changes = Changes()
    accepts = invocations.accept(db, batch.accepts, changes)
    settles = invocations.settle(db, batch.settles, changes, careful)
    ends = invocations.end(db, batch.ends, changes)
    stops = invocations.stop(db, batch.stops, changes)
    claims = invocations.claim(db, batch.claims, changes)
    results = deliveries.record(db, batch.delivery_results, changes)
    taken = deliveries.claim(db, batch.delivery_claims)
    deliveries.put(db, batch.mailbox)
    changes.write_counters(db)
    entry = None
    if changes.transitions:
        seq = changes.write_journal(db) if batch.journal else 0
        entry = JournalEntry(seq, changes.transitions)
    return Committed(accepts, settles, ends, stops, claims, results, taken, entry)
