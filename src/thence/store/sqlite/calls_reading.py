"""What is shown, what is deployed, and the mailbox: `interface/reading.py`, `interface/catalogue.py`,
`interface/mailbox.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...catalog.entry import Entry
from ...catalog.function import Function
from ...catalog.step import CatalogueParts, CatalogueRows, Changed, Step
from ..records import (
    Body,
    DeliverySource,
    DeliveryView,
    Filter,
    FunctionCounts,
    InvocationView,
    JournalEntry,
    ListFilter,
    MailboxMessage,
    MinuteCount,
    Page,
)
from . import (
    catalog,
    counts,
    mailbox,
    minutes,
    read_deliveries,
    read_invocations,
    read_listed,
    read_sources,
)
from .opened import Opened


class CatalogueCalls(Opened):
    async def functions(self, *, deleted: bool = False) -> list[Function]:
        return await self.work.read(catalog.functions, deleted)

    async def entries(self) -> list[Entry]:
        return await self.work.read(catalog.entries)

    async def catalogue(self) -> CatalogueRows:
        return await self.work.read(catalog.whole)

    async def catalogue_since(self, revision: int) -> CatalogueParts | CatalogueRows | None:
        return await self.work.read(catalog.since, revision)

    async def catalogue_revision(self) -> int:
        return await self.work.read(catalog.revision)

    async def change(
        self, steps: Sequence[Step], now: int, *, if_unchanged: int | None = None
    ) -> Changed:
        return await self.work.write(catalog.change, list(steps), now, if_unchanged)


class ReadingCalls(Opened):
    async def invocation(self, id: int) -> InvocationView | None:
        return await self.work.read(read_invocations.invocation, id)

    async def payload(self, id: int) -> tuple[Body, str] | None:
        return await self.work.read(read_invocations.payload, id)

    async def result(self, id: int) -> Body | None:
        return await self.work.read(read_invocations.result, id)

    async def log(self, id: int, attempt: int | None = None) -> bytes | None:
        return await self.work.read(read_invocations.log, id, attempt)

    async def invocations(self, filter: Filter, limit: int, cursor: str | None) -> Page:
        return await self.work.read(read_invocations.page, filter, limit, cursor)

    async def listed(
        self,
        family: int,
        filter: ListFilter,
        limit: int,
        cursor: str | None,
        *,
        ascending: bool = False,
    ) -> Page:
        return await self.work.read(read_listed.page, family, filter, limit, cursor, ascending)

    async def by_caller_id(self, family: int, caller_id: str) -> int | None:
        return await self.work.read(read_listed.by_caller_id, family, caller_id)

    async def deliveries(
        self, state: str | None, function_id: int | None, limit: int, cursor: str | None
    ) -> Page:
        return await self.work.read(read_deliveries.page, state, function_id, limit, cursor)

    async def delivery(self, id: int) -> DeliveryView | None:
        return await self.work.read(read_deliveries.delivery, id)

    async def delivery_sources(self, ids: Sequence[int]) -> dict[int, DeliverySource]:
        return await self.work.read(read_sources.sources, list(ids))

    async def redrive_delivery(self, id: int, due_at: int) -> bool:
        return await self.work.write(read_deliveries.redrive, id, due_at)

    async def stop_deliveries(self, invocation_id: int, now: int) -> int:
        return await self.work.write(read_deliveries.stop, invocation_id, now)

    async def mark_redriven(self, pairs: Sequence[tuple[int, int]]) -> None:
        await self.work.write(read_invocations.mark_redriven, list(pairs))

    async def counts(self, now: int | None = None) -> list[FunctionCounts]:
        return await self.work.read(counts.counts, now)

    async def add_minutes(self, counts: Sequence[MinuteCount]) -> None:
        if counts:
            await self.work.write(minutes.add, list(counts))

    async def minutes(
        self, since: int, until: int, *, function: str | None = None, metric: str | None = None
    ) -> list[MinuteCount]:
        return await self.work.read(minutes.read, since, until, function, metric)

    async def journal(self, after: int, limit: int) -> list[JournalEntry]:
        return await self.work.read(counts.journal, after, limit)

    async def journal_bounds(self) -> tuple[int, int]:
        return await self.work.read(counts.journal_bounds)


class MailboxCalls(Opened):
    async def mailbox_names(self) -> list[dict[str, Any]]:
        return await self.work.read(mailbox.names)

    async def mailbox_read(
        self, kind: str, name: str, after: int, limit: int, prefix: str = ""
    ) -> list[MailboxMessage]:
        return await self.work.read(mailbox.read, kind, name, after, limit, prefix)

    async def mailbox_receive(
        self, name: str, limit: int, now: int, visibility_ms: int
    ) -> list[MailboxMessage]:
        return await self.work.write(mailbox.receive, name, limit, now, visibility_ms)

    async def mailbox_delete(
        self,
        kind: str,
        name: str,
        *,
        seq: int | None = None,
        receipt: str | None = None,
        key: str | None = None,
    ) -> int:
        if (seq, receipt, key) != (None, None, None):
            return await self.work.write(mailbox.delete, kind, name, seq, receipt, key)
        # The whole box, in steps: one large transaction would need much room to delete with.
        last, count = await self.work.read(mailbox.last, kind, name), 0
        while deleted := await self.work.write(mailbox.delete_some, kind, name, last):
            count += deleted
        return count
