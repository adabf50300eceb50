"""Messages of the built-in mailbox."""

from __future__ import annotations

from msgspec import Struct


class MailboxPut(Struct, gc=False):
    """One message for the built-in mailbox. `once` makes a repeated put of the same delivery a no-op."""

    kind: str
    name: str
    key: str
    body: bytes
    content_type: str
    headers: dict[str, str]
    now: int
    expires_at: int | None
    once: str


MAILBOX_PAGE_BYTES = 8 * 1024 * 1024


class MailboxMessage(Struct):
    seq: int
    kind: str
    name: str
    key: str  # object key in a bucket, else ""
    body: bytes
    content_type: str
    headers: dict[str, str]
    created_at: int
    expires_at: int | None
    visible_at: int = 0
    receives: int = 0
    receipt: str = ""
