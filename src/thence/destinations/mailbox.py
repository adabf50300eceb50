"""The built-in mailbox: a record is put into a queue, topic, stream or bucket in our own store.

queue:NAME topic:NAME stream:NAME
bucket:NAME or bucket:NAME/prefix/   objects under a prefix
{"type": "queue", "name": "q"} {"type": "bucket", "name": "b", "prefix": "p/", "expires_days": 7}
"""

from __future__ import annotations

import re
import time
from typing import Any, Literal

import msgspec

from ..errors import Unavailable
from ..lifecycle.ids import format_id
from ..store.records import MailboxPut
from .interface import Formed, Kind, Parcel, Put, Sent, number_field, refused, text_field

DAY_MS = 86_400_000
MAILBOX_KINDS = ("queue", "topic", "stream", "bucket")
PREFIX_MAX = 512
EXPIRES_DAYS_MAX = 365  # FG: 0-365, seed huawei-functiongraph-notification-policy
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}")


class MailboxDestination(Formed, frozen=True, tag="mailbox"):
    kind: Literal["queue", "topic", "stream", "bucket"]
    name: str
    prefix: str = ""  # bucket only
    expires_days: int = 0  # bucket only; 0 = never

    def receiver(self) -> str:
        return f"{self.kind}:{self.name}"

    def describe(self) -> str:
        if self.kind != "bucket":
            return f"{self.kind}:{self.name}"
        tail = f"/{self.prefix}" if self.prefix or self.expires_days else ""
        return f"bucket:{self.name}{tail}"

    def shown(self) -> Any:
        if not self.formed and not self.expires_days:
            return self.describe()
        shown: dict[str, Any] = msgspec.to_builtins(self)
        shown["type"] = shown.pop("kind")
        if self.kind != "bucket":
            del shown["prefix"], shown["expires_days"]
        if not self.formed:
            del shown["form"], shown["record_bytes_max"]
        return shown


def _from_text(text: str, where: str) -> MailboxDestination:
    kind, _, name = text.partition(":")
    prefix = ""
    if kind == "bucket":
        name, _, prefix = name.partition("/")
    return _named(kind, name, prefix, 0, where)


def _from_object(data: dict[str, Any], where: str) -> MailboxDestination:
    name = text_field(data, "name", where)
    prefix = text_field(data, "prefix", where, "")
    days = number_field(data, "expires_days", where, 0, EXPIRES_DAYS_MAX, 0, zero="never")
    return _named(data["type"], name, prefix, days, where)


def _named(kind: Any, name: str, prefix: str, days: int, where: str) -> MailboxDestination:
    if _NAME.fullmatch(name) is None:
        raise refused(
            where,
            f"{name[:140]!r} is not a {kind} name; letters, digits, _ . - and at most 120 "
            "characters.",
            value=name[:140],
        )
    bad = "\x00" in prefix or prefix.startswith("/") or ".." in prefix.split("/")
    if bad or len(prefix) > PREFIX_MAX:
        raise refused(
            f"{where}.prefix",
            f"at most {PREFIX_MAX} characters, no leading '/', no '..' part.",
            value=prefix[:PREFIX_MAX],
        )
    return MailboxDestination(kind, name, prefix, days)


class MailboxSender:
    """`put` commits one message and returns when it is on disk, or raises StoreUnavailable.

    A delivery that is sent again after an answer was lost is one message still: `once` is the
    delivery's id.
    """

    def __init__(self, put: Put) -> None:
        self._put = put

    async def send(self, parcel: Parcel) -> Sent:
        destination = parcel.destination
        assert isinstance(destination, MailboxDestination)
        try:
            await self._put(_message(destination, parcel))
        except Unavailable as error:
            return Sent(
                False,
                again=True,
                status=503,
                error=error.detail,
                retry_after_seconds=float(error.retry_after_seconds),
            )
        return Sent(True, status=200)

    def place(self, parcel: Parcel) -> MailboxPut | None:
        """The same message. It is put with the commit that owes it or not at all, so nothing need
        be remembered against a repetition."""
        assert isinstance(parcel.destination, MailboxDestination)
        message = _message(parcel.destination, parcel)
        message.once = ""
        return message

    async def close(self) -> None:
        """Nothing is held: the store belongs to the engine."""


def object_key(prefix: str, now: int, invocation_id: str, delivery_id: str) -> str:
    """`PREFIX` + `YYYYMMDD/INVOCATION-DELIVERY.json`, the day in UTC. now: ms."""
    day = time.strftime("%Y%m%d", time.gmtime(now // 1000))
    return f"{prefix}{day}/{invocation_id}-{delivery_id}.json"


def _message(destination: MailboxDestination, parcel: Parcel) -> MailboxPut:
    delivery, invocation = format_id(parcel.delivery_id), format_id(parcel.invocation_id)
    bucket = destination.kind == "bucket"
    headers = {
        "thence-delivery-id": delivery,
        "thence-invocation-id": invocation,
        "thence-record-type": parcel.record_type,
        "thence-function": parcel.function,
    }
    if parcel.traceparent:
        headers["traceparent"] = parcel.traceparent
    days = destination.expires_days if bucket else 0
    return MailboxPut(
        kind=destination.kind,
        name=destination.name,
        key=object_key(destination.prefix, parcel.now, invocation, delivery) if bucket else "",
        body=parcel.record,
        content_type=parcel.content_type,
        headers=headers,
        now=parcel.now,
        expires_at=parcel.now + days * DAY_MS if days else None,
        once=delivery,
    )


_BOX = ("name",)
KIND = Kind(
    destination=MailboxDestination,
    types={
        "queue": _BOX,
        "topic": _BOX,
        "stream": _BOX,
        "bucket": (*_BOX, "prefix", "expires_days"),
    },
    written=("queue:NAME", "topic:NAME", "stream:NAME", "bucket:NAME/prefix"),
    read_text=_from_text,
    read_object=_from_object,
    make=lambda resources: MailboxSender(resources.put),
    local=MAILBOX_KINDS,
)
