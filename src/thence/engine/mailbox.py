"""The built-in mailbox, as doors see it: boxes of kind and name with messages in their order."""

from __future__ import annotations

from typing import Any

from ..clock import Clock
from ..store.interface import Store
from ..store.records import MailboxMessage


class Mailbox:
    """Each may raise StoreUnavailable; then nothing was changed. What is put comes from
    deliveries."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def boxes(self) -> list[dict[str, Any]]:
        """`{kind, name, messages, bytes, oldest_at}` for each."""
        return await self._store.mailbox_names()

    async def read(
        self, kind: str, name: str, after: int, limit: int, prefix: str = ""
    ) -> list[MailboxMessage]:
        """Messages behind `after`, in their order, without taking them. Ends behind the one with which
        their bodies have MAILBOX_PAGE_BYTES together. `prefix`: of their keys."""
        return await self._store.mailbox_read(kind, name, after, limit, prefix)

    async def receive(
        self, name: str, limit: int, visibility_seconds: float
    ) -> list[MailboxMessage]:
        """Take messages of a queue: for so long others do not see them. Each has a receipt, by which it
        is deleted. Ends as `read` does."""
        visibility_ms = round(visibility_seconds * 1000)
        return await self._store.mailbox_receive(name, limit, self._clock.now(), visibility_ms)

    async def delete(
        self,
        kind: str,
        name: str,
        *,
        seq: int | None = None,
        receipt: str | None = None,
        key: str | None = None,
    ) -> int:
        """Delete one message, by one of these; with none of them the whole box as it is now, in
        steps. How many were deleted."""
        return await self._store.mailbox_delete(kind, name, seq=seq, receipt=receipt, key=key)
