"""The answer to an accept: written by the fast path and by the application alike."""

from __future__ import annotations

import re

from msgspec import Struct

NAME_BYTES = re.compile(rb"/v1/functions/([A-Za-z_][A-Za-z0-9_-]{0,127})/invocations")
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
