"""The way of an invocation: commits, and what the engine asks of the live queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..records import Batch, Committed, Waiting


class Queue(Protocol):
    async def commit(self, batch: Batch) -> Committed: ...

    async def highest_id(self) -> int:
        """The highest invocation id in the store, 0 when empty (floor of the id source)."""
        ...

    async def next_due(self, function_ids: Sequence[int]) -> dict[int, int]:
        """The earliest due_at of the waiting invocations of each function that has any; suspects
        (lost before) are left out."""
        ...

    async def due_functions(
        self, after: int = 0, limit: int | None = None
    ) -> dict[int, int | None]:
        """Functions that have waiting invocations, with the earliest due_at, suspects left out (None:
        it has only suspects): those whose id is above `after`, in its order, at most `limit` of them,
        at the cost of so many. Must not read every waiting row."""
        ...

    async def suspects(self, function_id: int | None = None) -> dict[int, int]:
        """The earliest due_at of the waiting invocations that were lost before, of each function
        that has any, or of that one. Must not read the other waiting rows."""
        ...

    async def live(self, function_ids: Sequence[int]) -> set[int]:
        """Of these functions, those of which anything waits or runs; must not read every waiting
        row."""
        ...

    async def expiring(self, now: int, limit: int) -> list[Waiting]:
        """Waiting invocations with expires_at <= now, oldest expiry first."""
        ...

    async def next_expiry(self) -> int | None:
        """The earliest expires_at of any waiting invocation."""
        ...

    async def waiting(
        self, function_id: int, limit: int, due_before: int | None = None
    ) -> list[Waiting]:
        """Waiting invocations of one function by due_at, optionally only those with due_at < due_before."""
        ...

    async def receivers_owed(self, after: str = "", limit: int | None = None) -> dict[str, int]:
        """The receivers that have pending deliveries, with the earliest due_at of each: those above
        `after`, in order, at most `limit`, at the cost of so many."""
        ...
