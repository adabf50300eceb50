"""What the headers of an accept ask for: used by the fast path and by the application alike, in every
door that has such headers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from ...errors import InvalidInput
from ...lifecycle.lineage import HOPS_MAX, Lineage, read_header
from ...lifecycle.policy import DELAY_SECONDS_MAX
from ...store.records import Meta

CONTENT_TYPE_MAX = 256
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[ -~]{0,200})?")
_NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,20})?")
JSON = b"application/json"


class RequestOptions(Struct, gc=False):
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


PLAIN = RequestOptions()


def read_options(headers: Iterable[tuple[bytes, bytes]]) -> RequestOptions:
    """What a request's headers (names in lower case) ask for. Raises InvalidInput."""
    options = PLAIN
    for name, value in headers:
        read = _READERS.get(name)
        if read is None or (read is _content_type and value == JSON):
            continue
        if options is PLAIN:
            options = RequestOptions()
        read(options, value.decode("latin-1"))
    return options


def _content_type(options: RequestOptions, text: str) -> None:
    if len(text) > CONTENT_TYPE_MAX:
        raise InvalidInput(
            f"Content-Type: {len(text)} characters; at most {CONTENT_TYPE_MAX} are taken.",
            field="Content-Type",
            limit=CONTENT_TYPE_MAX,
        )
    options.content_type = "" if text == "application/json" else text


def _delay(options: RequestOptions, text: str) -> None:
    if _NUMBER.fullmatch(text) is None or float(text) > DELAY_SECONDS_MAX:
        raise InvalidInput(
            f"Thence-Delay-Seconds: {text[:40]!r} is not a number of seconds from 0 to "
            f"{DELAY_SECONDS_MAX} (30 days).",
            field="Thence-Delay-Seconds",
            value=text[:40],
            limit=DELAY_SECONDS_MAX,
        )
    options.delay_seconds = float(text)


def _key(options: RequestOptions, text: str) -> None:
    if options.idempotency_key is not None:
        raise InvalidInput("Idempotency-Key: given twice; give one.", field="Idempotency-Key")
    options.idempotency_key = text


def _traceparent(options: RequestOptions, text: str) -> None:
    # W3C Trace Context: what cannot be read is left out, never an error.
    if _TRACEPARENT.fullmatch(text) is not None:
        options.traceparent = text


def _lineage(options: RequestOptions, text: str) -> None:
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
    options.lineage = lineage


_READERS = {
    b"content-type": _content_type,
    b"thence-delay-seconds": _delay,
    b"idempotency-key": _key,
    b"traceparent": _traceparent,
    b"thence-lineage": _lineage,
}
