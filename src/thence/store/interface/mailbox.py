"""The built-in mailbox."""

from __future__ import annotations

from typing import Any, Protocol

from ..records import MailboxMessage


class Mailbox(Protocol):
    async def mailbox_names(self) -> list[dict[str, Any]]:
        """`{kind, name, messages, bytes, oldest_at}` for each box."""
        ...

    async def mailbox_read(
        self, kind: str, name: str, after: int, limit: int, prefix: str = ""
    ) -> list[MailboxMessage]:
        """Messages with seq > after without taking them. Ends behind the one with which their bodies
        have MAILBOX_PAGE_BYTES together, so that a page has a bound."""
        ...

    async def mailbox_receive(
        self, name: str, limit: int, now: int, visibility_ms: int
    ) -> list[MailboxMessage]:
        """Take messages of a queue: invisible to others for visibility_ms, with a receipt each. Ends
        as mailbox_read does."""
        ...

    async def mailbox_delete(
        self,
        kind: str,
        name: str,
        *,
        seq: int | None = None,
        receipt: str | None = None,
        key: str | None = None,
    ) -> int:
        """Delete one message (by seq, receipt or object key) or, with none of them, the whole box as
        it is when asked, in steps: where a step fails, those before it are deleted."""
        ...
