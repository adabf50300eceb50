"""The native record: what a destination is told about a finished invocation. Pure.

A record depends on nothing but the finished invocation, its bodies and the delivery's id, so a
delivery that is sent again sends the same bytes. Vendors' doors have record builders of their own.
"""

from __future__ import annotations

import base64
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from ..clock import iso
from ..lifecycle.ids import format_id
from ..lifecycle.states import Reason
from ..store.records import InvocationView
from .source import BASE64

SUCCEEDED: Final = "thence.invocation.succeeded"
FAILED: Final = "thence.invocation.failed"
CONTENT_TYPE = "application/json"

_WHY = {
    Reason.RETRIES_EXHAUSTED: "Every attempt that was allowed ended with an error.",
    Reason.NOT_RETRYABLE: "Its code cannot be loaded or its payload cannot be read: no attempt helps.",
    Reason.PLATFORM_ERRORS_EXHAUSTED: "It could not be run within the time for platform errors (500).",
    Reason.CONCURRENCY_LIMIT: "Its function was at its limit for all the time for platform errors (429).",
    Reason.NO_RESOURCES: "There was no instance for it within the time for platform errors (503).",
    Reason.SUSPECTED_POISON: "Its attempts were lost too often; it may end whatever runs it.",
    Reason.EVENT_AGE_EXCEEDED: "It waited longer than max_event_age_seconds allows.",
    Reason.STOPPED_BY_CALLER: "A caller stopped it.",
    Reason.FUNCTION_DISABLED: "Its function was disabled while it ran, and it was stopped.",
    Reason.FUNCTION_DELETED: "Its function was deleted before it could run.",
}


class RecordInvocation(Struct, omit_defaults=True):
    """The invocation of a record. Instants are ISO 8601 in UTC with milliseconds."""

    id: str
    function: str
    state: str  # a final lifecycle.states.State
    reason: str  # a lifecycle.states.Reason
    accepted_at: str | None
    ended_at: str | None
    attempts: int  # how many were started; 0 when it never ran
    redrive_of: str = ""  # the dead letter that was redriven as this; absent otherwise


class RecordError(Struct):
    """The error of the attempt with which it ended; without one, the reason and a sentence."""

    type: str
    message: str


class Record(Struct, omit_defaults=True):
    """The record of one finished invocation, as JSON at the destination.

    A payload is JSON where its bytes are JSON, a string where they are other UTF-8 text, otherwise
    `{"base64": "…"}` with `…_encoding` "base64" beside it (a JSON payload may look the same), and null
    where there is none. A payload that is over the limit, or whose
    retention has ended, says so: `…_truncated` is true, `…_bytes` is its whole size, the payload
    field holds a preview (a string or base64; null when nothing is left) and `…_link` is the path
    at the native door that answers all of it. All four are absent otherwise.

    The fields are those of seed alibaba-fc-result-callback (context, request payload, response
    payload, error) in this service's words.
    """

    type: Literal["thence.invocation.succeeded", "thence.invocation.failed"]
    delivery_id: str
    timestamp: str | None  # when the invocation ended
    invocation: RecordInvocation
    request_payload: Any
    response_payload: Any
    error: RecordError | None
    request_payload_encoding: str = ""
    response_payload_encoding: str = ""
    request_payload_truncated: bool = False
    request_payload_bytes: int | None = None
    request_payload_link: str | None = None
    response_payload_truncated: bool = False
    response_payload_bytes: int | None = None
    response_payload_link: str | None = None


def record_type(
    condition: str,
) -> Literal["thence.invocation.succeeded", "thence.invocation.failed"]:
    """The type of the record for a delivery's condition, "success" or "failure"."""
    return SUCCEEDED if condition == "success" else FAILED


def build_record(
    view: InvocationView,
    payload: bytes | None,
    result: bytes | None,
    *,
    condition: str,
    delivery_id: str,
    preview_bytes_max: int,
) -> bytes:
    """The record of a finished invocation, JSON in UTF-8.

    payload, result: the bodies, None where there is none or it is no longer kept (the view's sizes
    tell which). condition: "success" or "failure". delivery_id: as text. preview_bytes_max: a body
    of more bytes is given as a preview of so many bytes.
    """
    id = format_id(view.id)
    record = Record(
        type=record_type(condition),
        delivery_id=delivery_id,
        timestamp=iso(view.ended_at),
        invocation=RecordInvocation(
            id=id,
            function=view.function,
            state=str(view.state),
            reason=str(view.reason) if view.reason is not None else "",
            accepted_at=iso(view.accepted_at),
            ended_at=iso(view.ended_at),
            attempts=view.attempt,
            redrive_of=view.meta.redrive_of,
        ),
        request_payload=None,
        response_payload=None,
        error=None if condition == "success" else _error(view),
    )
    if not _whole(payload, view.payload_bytes, preview_bytes_max):
        record.request_payload = _preview(payload, preview_bytes_max)
        record.request_payload_truncated = True
        record.request_payload_bytes = view.payload_bytes
        record.request_payload_link = f"/v1/invocations/{id}/payload"
    elif payload is not None:
        record.request_payload = embed(payload)
    if not _whole(result, view.result_bytes, preview_bytes_max):
        record.response_payload = _preview(result, preview_bytes_max)
        record.response_payload_truncated = True
        record.response_payload_bytes = view.result_bytes
        record.response_payload_link = f"/v1/invocations/{id}/result"
    elif result is not None:
        record.response_payload = embed(result)
    record.request_payload_encoding = _encoding(record.request_payload)
    record.response_payload_encoding = _encoding(record.response_payload)
    return msgspec.json.encode(record)


def _encoding(embedded: Any) -> str:
    """JSON is embedded as Raw, so an object is always our own."""
    return BASE64 if isinstance(embedded, dict) else ""


def embed(body: bytes) -> Any:
    """The body as a JSON value: itself where it is JSON, else a string, else base64."""
    try:
        # A full decode: msgspec.Raw alone would not look inside strings for bad UTF-8.
        msgspec.json.decode(body)
        return msgspec.Raw(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not JSON (or nested so deep that receivers could not read it either): still text, or bytes.
        return _text_or_base64(body)


def _whole(body: bytes | None, size: int | None, limit: int) -> bool:
    if body is None:
        return not size
    return len(body) <= limit


def _preview(body: bytes | None, limit: int) -> Any:
    if body is None:
        return None
    cut = body[:limit]
    try:
        cut.decode()
    except UnicodeDecodeError as error:
        # A character of up to four bytes may have been cut in two: leave its first part out.
        if error.reason == "unexpected end of data" and error.end == len(cut):
            cut = cut[: error.start]
    return _text_or_base64(cut)


def _text_or_base64(body: bytes) -> Any:
    try:
        return body.decode()
    except UnicodeDecodeError:
        # Arbitrary bytes: base64 says so and loses nothing.
        return {BASE64: base64.b64encode(body).decode()}


def _error(view: InvocationView) -> RecordError:
    final = view.final_attempt
    own = view.reason is not Reason.SUSPECTED_POISON  # which says more than that one was lost
    if own and final is not None and (final.error_type or final.error_message):
        return RecordError(final.error_type, final.error_message)
    if view.reason is None:
        return RecordError("", "")
    return RecordError(str(view.reason), _WHY.get(view.reason, ""))
