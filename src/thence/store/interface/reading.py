"""What is shown of invocations and deliveries, and the few changes that a person makes to those."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..records import (
    Body,
    DeliverySource,
    DeliveryView,
    Filter,
    FunctionCounts,
    InvocationView,
    JournalEntry,
    ListFilter,
    MinuteCount,
    Page,
)


class Reading(Protocol):
    async def invocation(self, id: int) -> InvocationView | None:
        """Everything about one invocation, read in one snapshot."""
        ...

    async def payload(self, id: int) -> tuple[Body, str] | None:
        """The payload and its content type. None: no such invocation. Body.data None and ref None:
        its retention has ended."""
        ...

    async def result(self, id: int) -> Body | None: ...

    async def log(self, id: int, attempt: int | None = None) -> bytes | None:
        """The output captured in that attempt (None: the last that has ended)."""
        ...

    async def invocations(self, filter: Filter, limit: int, cursor: str | None) -> Page:
        """InvocationRow items, newest first. The cursor is opaque; a bad one raises InvalidInput."""
        ...

    async def listed(
        self,
        family: int,
        filter: ListFilter,
        limit: int,
        cursor: str | None,
        *,
        ascending: bool = False,
    ) -> Page:
        """InvocationView items of a function's list, newest first unless `ascending`, read in one
        snapshot. A page may be short, even empty, and still have a cursor."""
        ...

    async def by_caller_id(self, family: int, caller_id: str) -> int | None:
        """The id of the invocation with that caller id in the function's list."""
        ...

    async def deliveries(
        self, state: str | None, function_id: int | None, limit: int, cursor: str | None
    ) -> Page:
        """DeliveryView items, newest first. function_id: also of the versions of its family."""
        ...

    async def delivery(self, id: int) -> DeliveryView | None: ...

    async def delivery_sources(self, ids: Sequence[int]) -> dict[int, DeliverySource]:
        """What the records of these deliveries are made of, by delivery id, in one snapshot; those
        whose invocation is not there any more are left out."""
        ...

    async def redrive_delivery(self, id: int, due_at: int) -> bool:
        """dead or stopped -> pending, its attempts counted from 0 and `created_at` set to `due_at`,
        so that its time budget begins anew. False: it was neither."""
        ...

    async def stop_deliveries(self, invocation_id: int, now: int) -> int:
        """pending -> stopped, for all of one invocation; the number changed."""
        ...

    async def mark_redriven(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Remember (dead letter id, new invocation id)."""
        ...

    async def counts(self, now: int | None = None) -> list[FunctionCounts]:
        """Per function, from one snapshot: live rows counted, counters as kept by commits.
        `delayed` counts the waiting that are not due at `now`; without it, 0."""
        ...

    async def add_minutes(self, counts: Sequence[MinuteCount]) -> None:
        """Merge into what the minutes hold already, as `records.merged` says: add, but keep the
        highest of metrics that end in `_max` and the lowest of those that end in `_min`."""
        ...

    async def minutes(
        self, since: int, until: int, *, function: str | None = None, metric: str | None = None
    ) -> list[MinuteCount]:
        """The counts of the minutes in [since, until), by minute, function and metric."""
        ...

    async def journal(self, after: int, limit: int) -> list[JournalEntry]:
        """Journal entries with seq > after, in order."""
        ...

    async def journal_bounds(self) -> tuple[int, int]:
        """(lowest, highest) seq kept; (0, 0) when empty."""
        ...
