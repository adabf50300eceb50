"""The built-in mailbox: what is in its queues, topics, streams and buckets; receive and delete."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.responses import Response

from ...clock import iso
from ...destinations.mailbox import MAILBOX_KINDS
from ...destinations.record import embed
from ...errors import InvalidInput, NotFound
from ...store.records import MAILBOX_PAGE_BYTES, MailboxMessage
from ..shared.answer import answer
from ..shared.rest.call import Call

VISIBILITY_SECONDS_MAX = 12 * 3600


class BoxShown(Struct):
    kind: str
    name: str
    messages: int
    bytes: int
    oldest_at: str | None


class BoxList(Struct):
    items: list[BoxShown]


class MessageShown(Struct, kw_only=True):
    """`body`: JSON as it is, other text as a string, bytes as {"base64": …}. `key`: of an object in
    a bucket. `receipt`: of a received message, to delete it by."""

    seq: int
    key: str
    body: Any
    content_type: str
    headers: dict[str, str]
    created_at: str | None
    expires_at: str | None
    receives: int
    receipt: str | None


class MessagePage(Struct):
    items: list[MessageShown]
    cursor: str | None


class ReceiveBody(Struct, forbid_unknown_fields=True):
    """Received messages are hidden from others for `visibility_seconds`; delete them by receipt."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 1
    visibility_seconds: Annotated[float, Meta(ge=0, le=VISIBILITY_SECONDS_MAX)] = 30.0


class DeletedAnswer(Struct):
    deleted: int


async def boxes(call: Call) -> Response:
    found = await call.context.engine.mailbox.boxes()
    return answer(
        BoxList(
            [
                BoxShown(
                    message["kind"],
                    message["name"],
                    message["messages"],
                    message["bytes"],
                    iso(message["oldest_at"]),
                )
                for message in found
            ]
        )
    )


async def read(call: Call) -> Response:
    """Messages behind `after` (or the cursor), oldest first, without taking them."""
    query = call.query
    kind, name = _box(call)
    after = query["after"] if query["cursor"] is None else query["cursor"]
    limit = query["limit"]
    found = await call.context.engine.mailbox.read(kind, name, after, limit, query["prefix"] or "")
    full = len(found) == limit or sum(len(message.body) for message in found) >= MAILBOX_PAGE_BYTES
    more = str(found[-1].seq) if full else None
    return answer(MessagePage([_show(message) for message in found], more))


async def receive(call: Call) -> Response:
    body = await call.json(ReceiveBody)
    call.context.check_unread()  # before they are hidden from others
    found = await call.context.engine.mailbox.receive(
        call.path["name"], body.limit, body.visibility_seconds
    )
    return answer(MessagePage([_show(message) for message in found], None))


async def delete(call: Call) -> Response:
    """One message by `seq`, `receipt` or `key`; the whole box with `all=true`."""
    kind, name = _box(call)
    query = call.query
    given = [key for key in ("seq", "receipt", "key") if query[key] is not None]
    if len(given) + query["all"] != 1:
        raise InvalidInput(
            "query: say what to delete: one of seq, receipt or key, or all=true for the whole box.",
            field="query",
        )
    count = await call.context.engine.mailbox.delete(
        kind, name, seq=query["seq"], receipt=query["receipt"], key=query["key"]
    )
    if not count and given:
        raise NotFound(
            f"{given[0]}: there is no such message in {kind}:{name}; it was deleted, or its "
            "receipt has run out.",
            kind="message",
            name=str(query[given[0]])[:200],
        )
    return answer(DeletedAnswer(count))


def _box(call: Call) -> tuple[str, str]:
    kind, name = call.path["kind"], call.path["name"]
    if kind not in MAILBOX_KINDS:
        raise NotFound(
            f"{kind[:40]!r} is not a kind of box; there are {', '.join(MAILBOX_KINDS)}.",
            kind="box",
            name=kind[:40],
        )
    return kind, name


def _show(message: MailboxMessage) -> MessageShown:
    return MessageShown(
        seq=message.seq,
        key=message.key,
        body=embed(message.body),
        content_type=message.content_type,
        headers=message.headers,
        created_at=iso(message.created_at),
        expires_at=iso(message.expires_at),
        receives=message.receives,
        receipt=message.receipt or None,
    )
