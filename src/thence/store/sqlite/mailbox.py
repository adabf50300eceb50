"""The built-in mailbox: queues, topics, streams and buckets in one table. Puts are in the commit."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from ..digests import check
from ..records import MAILBOX_PAGE_BYTES, MailboxMessage
from .statements import load

_SQL = load("mailbox.sql")
STEP = 500  # messages deleted in one transaction
_RECEIPT = re.compile(r"([0-9]{1,18})\.")  # no more than the store's numbers can be
_headers = msgspec.json.Decoder(dict[str, str]).decode


def names(db: sqlite3.Connection) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "name": name, "messages": number, "bytes": size, "oldest_at": oldest}
        for kind, name, number, size, oldest in db.execute(_SQL["names"])
    ]


def read(
    db: sqlite3.Connection, kind: str, name: str, after: int, limit: int, prefix: str
) -> list[MailboxMessage]:
    values = {"kind": kind, "name": name, "after": after, "limit": limit, "prefix": prefix}
    return _page(db.execute(_SQL["read"], values))


def receive(
    db: sqlite3.Connection, name: str, limit: int, now: int, visibility_ms: int
) -> list[MailboxMessage]:
    values = {"name": name, "now": now, "limit": limit}
    taken = _page(db.execute(_SQL["receivable"], values))
    for message in taken:
        message.receives += 1
        message.visible_at = now + visibility_ms
        message.receipt = f"{message.seq}.{message.receives}"
        db.execute(
            _SQL["take"], (message.visible_at, message.receives, message.receipt, message.seq)
        )
    return taken


def delete(
    db: sqlite3.Connection,
    kind: str,
    name: str,
    seq: int | None,
    receipt: str | None,
    key: str | None,
) -> int:
    if receipt is not None:
        found = _RECEIPT.match(receipt)
        if found is None or (seq is not None and int(found[1]) != seq):
            return 0
        values: tuple[Any, ...] = (int(found[1]), kind, name, receipt)
        return db.execute(_SQL["delete_receipt"], values).rowcount
    if seq is not None:
        return db.execute(_SQL["delete_seq"], (seq, kind, name)).rowcount
    if key is not None:
        return db.execute(_SQL["delete_key"], (kind, name, key)).rowcount
    raise ValueError("which message is not said")


def last(db: sqlite3.Connection, kind: str, name: str) -> int:
    """The newest message's number; 0: there is none."""
    found: int = db.execute(_SQL["last"], (kind, name)).fetchone()[0]
    return found


def delete_some(db: sqlite3.Connection, kind: str, name: str, upto: int) -> int:
    """At most STEP of the messages up to that number; how many."""
    return db.execute(_SQL["delete_some"], (kind, name, upto, STEP)).rowcount


def _page(rows: Iterable[tuple[Any, ...]]) -> list[MailboxMessage]:
    """As many of them as have MAILBOX_PAGE_BYTES together; the others are not even read."""
    found: list[MailboxMessage] = []
    size = 0
    for row in rows:
        found.append(_message(row))
        size += len(found[-1].body)
        if size >= MAILBOX_PAGE_BYTES:
            break
    return found


def _message(row: tuple[Any, ...]) -> MailboxMessage:
    seq, kind, name, key, body, content_type, headers, *rest, written = row
    check(body, written, "mailbox", seq)
    return MailboxMessage(seq, kind, name, key, body, content_type, _headers(headers), *rest)
