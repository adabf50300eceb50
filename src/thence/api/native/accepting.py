"""What an accept asks for, and its answer: used by the hot protocol and by the slow way alike."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from ...errors import InvalidInput
from ...lifecycle.lineage import HOPS_MAX, Lineage, read_header
from ...lifecycle.policy import DELAY_SECONDS_MAX
from ...store.records import Meta

NAME_BYTES = re.compile(rb"/v1/functions/([A-Za-z_][A-Za-z0-9_-]{0,127})/invocations")
CONTENT_TYPE_MAX = 256
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[ -~]{0,200})?")
_NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,20})?")
JSON = b"application/json"


class Wishes(Struct, gc=False):
    """The headers of an accept. `content_type` is empty for application/json and for none: the
    payload's own bytes say then what it is."""

    content_type: str = ""
    delay_seconds: float = 0.0
    idempotency_key: str | None = None
    traceparent: str = ""
    lineage: Lineage | None = None

    def meta(self) -> Meta | None:
        """What is stored with the invocation, None where all is as usual."""
        if not (self.content_type or self.traceparent or self.idempotency_key or self.lineage):
            return None
        return Meta(
            content_type=self.content_type,
            traceparent=self.traceparent,
            idempotency_key=self.idempotency_key or "",
            lineage=self.lineage,
        )


PLAIN = Wishes()


def read_wishes(headers: Iterable[tuple[bytes, bytes]]) -> Wishes:
    """The wishes in a request's headers (names in lower case). Raises InvalidInput."""
    wishes = PLAIN
    for name, value in headers:
        read = _READERS.get(name)
        if read is None or (read is _content_type and value == JSON):
            continue
        if wishes is PLAIN:
            wishes = Wishes()
        read(wishes, value.decode("latin-1"))
    return wishes


def _content_type(wishes: Wishes, text: str) -> None:
    if len(text) > CONTENT_TYPE_MAX:
        raise InvalidInput(
            f"Content-Type: {len(text)} characters; at most {CONTENT_TYPE_MAX} are taken.",
            field="Content-Type",
            limit=CONTENT_TYPE_MAX,
        )
    wishes.content_type = "" if text == "application/json" else text


def _delay(wishes: Wishes, text: str) -> None:
    if _NUMBER.fullmatch(text) is None or float(text) > DELAY_SECONDS_MAX:
        raise InvalidInput(
            f"Thence-Delay-Seconds: {text[:40]!r} is not a number of seconds from 0 to "
            f"{DELAY_SECONDS_MAX} (30 days).",
            field="Thence-Delay-Seconds",
            value=text[:40],
            limit=DELAY_SECONDS_MAX,
        )
    wishes.delay_seconds = float(text)


def _key(wishes: Wishes, text: str) -> None:
    if wishes.idempotency_key is not None:
        raise InvalidInput("Idempotency-Key: given twice; give one.", field="Idempotency-Key")
    wishes.idempotency_key = text


def _traceparent(wishes: Wishes, text: str) -> None:
    # W3C Trace Context: what cannot be read is left out, never an error.
    if _TRACEPARENT.fullmatch(text) is not None:
        wishes.traceparent = text


def _lineage(wishes: Wishes, text: str) -> None:
    """Of a webhook that leads back here. What cannot be read is left out."""
    lineage = read_header(text)
    if lineage is not None and lineage.hops > HOPS_MAX:
        raise InvalidInput(
            f"Thence-Lineage: the chain that began with {lineage.root} has made {lineage.hops} hops "
            f"through destinations; it ends after {HOPS_MAX}. A webhook leads back to where it began.",
            field="Thence-Lineage",
            value=lineage.hops,
            limit=HOPS_MAX,
        )
    wishes.lineage = lineage


_READERS = {
    b"content-type": _content_type,
    b"thence-delay-seconds": _delay,
    b"idempotency-key": _key,
    b"traceparent": _traceparent,
    b"thence-lineage": _lineage,
}

# ---------------------------------------------------------------- the answer

_BODY = (
    '{{"id":"{id}","function":"{function}","state":"queued","links":{{'
    '"self":"/v1/invocations/{id}","wait":"/v1/invocations/{id}?wait=30",'
    '"payload":"/v1/invocations/{id}/payload","result":"/v1/invocations/{id}/result",'
    '"log":"/v1/invocations/{id}/log","stop":"/v1/invocations/{id}/stop",'
    '"events":"/v1/events?invocation={id}"}}}}'
)
REPLAYED = "idempotency-replayed"


class AcceptedLinks(Struct):
    """Where to go on; paths on this service."""

    self: str
    wait: str
    payload: str
    result: str
    log: str
    stop: str
    events: str


class AcceptedAnswer(Struct):
    """The invocation is on disk."""

    id: str
    function: str
    state: str
    links: AcceptedLinks


def accepted_body(id: str, function: str) -> bytes:
    """AcceptedAnswer as JSON. Function names need no escaping."""
    return _BODY.format(id=id, function=function).encode()


def accepted_parts(function: str, date: bytes) -> list[bytes]:
    """A whole 202 answer in the pieces between its ids: `id.join(parts)` is the answer."""
    mark = "00000000-0000-0000-0000-000000000000"
    body = accepted_body(mark, function)
    head = (
        "HTTP/1.1 202 Accepted\r\n"
        f"date: {date.decode()}\r\n"
        "content-type: application/json\r\n"
        f"location: /v1/invocations/{mark}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return (head.encode() + body).split(mark.encode())


def with_header(answer: bytes, line: bytes) -> bytes:
    """The answer with one header line more."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head + b"\r\n" + line + b"\r\n\r\n" + body
