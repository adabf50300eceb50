"""The contract every storage driver keeps.

Rules for all drivers:

- **Every write takes batches and is one transaction.** `commit(batch)` returns only after the
  whole batch is on disk (fsync), or raises `StoreUnavailable` having changed nothing.
- Calls of `commit` are never concurrent: the engine's writer makes one at a time and gathers the
  next group meanwhile. Reads may run at any time and see committed data only.
- Reads raise `StoreUnavailable` when the database does not answer.
- What passes is told apart from damage. After a read or write that found damage (it raises
  `StoreDamaged`, a kind of `StoreUnavailable`) every write raises `StoreDamaged`, for good; reads go
  on, and give what can be read.
- Instants are arguments. A driver never reads a clock.
- `tests/store/` holds the conformance suite that every driver passes.
"""

from __future__ import annotations

from typing import Protocol

from .catalogue import Deployed
from .house import House
from .life import Life
from .mailbox import Mailbox
from .queue import Queue
from .reading import Reading

__all__ = ["Store"]


class Store(Life, Queue, Deployed, Reading, Mailbox, House, Protocol):
    """All of it. The parts are for reading; nobody implements one alone."""
