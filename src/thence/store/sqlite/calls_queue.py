"""Nodes and leases, and the way of an invocation: `interface/life.py`, `interface/queue.py`."""

from __future__ import annotations

from collections.abc import Sequence

from ...clock import ClockMark
from ..records import Batch, Committed, Lost, Waiting
from . import queue, times
from .opened import Opened


class QueueCalls(Opened):
    async def join(
        self, name: str, now: int, expires_at: int, mark: ClockMark | None = None
    ) -> int:
        return await self.work.write(queue.join, name, now, expires_at, mark)

    async def renew(self, incarnation: int, expires_at: int, mark: ClockMark | None = None) -> bool:
        return await self.work.write(queue.renew, incarnation, expires_at, mark)

    async def leave(self, incarnation: int, mark: ClockMark | None = None) -> None:
        await self.work.write(queue.leave, incarnation, mark)

    async def clock_mark(self) -> ClockMark | None:
        return await self.work.read(times.read)

    async def shift_ages(self, ms: int, mark: ClockMark) -> None:
        await self.work.write(times.shift, ms, mark)

    async def lost(self, now: int, limit: int) -> list[Lost]:
        if await self.work.read(queue.dying, now):
            # Durable first: an incarnation whose work is taken away can never be renewed.
            await self.work.write(queue.declare_dead, now)
        return await self.work.read(queue.lost, limit)

    async def commit(self, batch: Batch) -> Committed:
        return await self.work.commit(batch)

    async def highest_id(self) -> int:
        return await self.work.read(queue.highest_id)

    async def next_due(self, function_ids: Sequence[int]) -> dict[int, int]:
        return await self.work.read(queue.next_due, function_ids)

    async def due_functions(
        self, after: int = 0, limit: int | None = None
    ) -> dict[int, int | None]:
        return await self.work.read(queue.due_functions, after, limit)

    async def suspects(self, function_id: int | None = None) -> dict[int, int]:
        return await self.work.read(queue.suspects, function_id)

    async def live(self, function_ids: Sequence[int]) -> set[int]:
        return await self.work.read(queue.live, function_ids)

    async def expiring(self, now: int, limit: int) -> list[Waiting]:
        return await self.work.read(queue.expiring, now, limit)

    async def next_expiry(self) -> int | None:
        return await self.work.read(queue.next_expiry)

    async def waiting(
        self, function_id: int, limit: int, due_before: int | None = None
    ) -> list[Waiting]:
        return await self.work.read(queue.waiting, function_id, limit, due_before)

    async def receivers_owed(self, after: str = "", limit: int | None = None) -> dict[str, int]:
        return await self.work.read(queue.receivers_owed, after, limit)
