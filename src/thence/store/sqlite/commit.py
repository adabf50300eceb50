"""One batch, one transaction: everything between BEGIN and COMMIT."""

from __future__ import annotations

import sqlite3

from ..interface import Batch, Committed
from ..journal import Changes
from ..records import JournalEntry
from . import write_deliveries as deliveries
from . import write_invocations as invocations
from .changes import write_counters, write_journal
from .write_invocations import FenceBroken

__all__ = ["FenceBroken", "apply"]


def apply(db: sqlite3.Connection, batch: Batch, *, careful: bool = False) -> Committed:
    """Run every change of the batch in the transaction that the caller began and will commit.
    Raises FenceBroken where a settle does not apply; `careful` sorts those out."""
    changes = Changes()
    accepts = invocations.accept(db, batch.accepts, changes)
    settles = invocations.settle(db, batch.settles, changes, careful)
    ends = invocations.end(db, batch.ends, changes)
    stops = invocations.stop(db, batch.stops, changes)
    claims = invocations.claim(db, batch.claims, changes)
    results = deliveries.record(db, batch.delivery_results, changes)
    taken = deliveries.claim(db, batch.delivery_claims)
    deliveries.put(db, batch.mailbox)
    write_counters(db, changes)
    entry = None
    if changes.transitions:
        entry = JournalEntry(write_journal(db, changes), changes.transitions)
    return Committed(accepts, settles, ends, stops, claims, results, taken, entry)
