"""The records of Function Compute's result callback: the object that MNS, functions and RocketMQ get
and the CloudEvent that EventBridge gets (seed alibaba-fc-result-callback; reference 7). Pure.

Names, order and types are the seed's. What it leaves open is decided here and told in
docs/destinations.md.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ..catalog.function import LATEST
from ..clock import iso
from ..lifecycle.ids import format_id
from ..lifecycle.outcome import Outcome
from ..lifecycle.states import Reason
from ..store.records import AttemptView, InvocationView
from . import fc_error
from .source import Source

RESOURCES = "FunctionResourceExhausted"  # 429 or 503 until the time for platform errors ended
SERVER = "FunctionServerError"  # 500, and attempts that nobody could answer for
EXPIRED = "AsyncEventExpired"
NOT_FOUND = "FunctionNotFound"


class RequestContext(Struct, rename="camel"):
    request_id: str
    function_arn: str
    condition: str
    approximate_invoke_count: int


class ResponseContext(Struct, rename="camel"):
    status_code: int
    function_error: str


class Record(Struct, rename="camel"):
    """The object form. Both payloads are strings, whatever their bytes are."""

    timestamp: int  # ms
    request_context: RequestContext
    request_payload: str
    response_context: ResponseContext
    response_payload: str


def build_object(source: Source) -> bytes:
    """For MNS, functions and RocketMQ. Raises BodyGone: the payload is whole or not sent."""
    return msgspec.json.encode(_record(source))


def build_cloudevent(source: Source) -> bytes:
    """For EventBridge: the same facts as `data` of a CloudEvent. Raises BodyGone."""
    record = _record(source)
    request, response = record.request_context, record.response_context
    ended = iso(source.view.ended_at) or ""
    event: dict[str, Any] = {
        "datacontenttype": "application/json",
        "aliyunaccountid": source.account_id,
        "data": {
            "requestContext": {
                "condition": request.condition,
                "approximateInvokeCount": request.approximate_invoke_count,
                "requestId": request.request_id,
                "functionArn": request.function_arn,
            },
            "requestPayload": record.request_payload,
            "responsePayload": record.response_payload,
            "responseContext": {
                "functionError": response.function_error,
                "statusCode": response.status_code,
            },
            "timestamp": record.timestamp,
        },
        "subject": request.function_arn,
        "source": "acs:fc",
        "type": f"fc:AsyncInvoke:{'succeeded' if source.succeeded else 'failed'}",
        "aliyunpublishtime": f"{ended[:-1]}UTC",
        "specversion": "1.0",
        "aliyuneventbusname": source.destination_name,
        "id": source.delivery_id,
        "time": f"{ended[:19]}Z",
        "aliyunregionid": source.region,
        "aliyunpublishaddr": "",
    }
    return msgspec.json.encode(event)


def function_arn(view: InvocationView, region: str, account_id: str) -> str:
    """Of the function that was called, by the qualifier that the call named.

    A name `s$f` is function f of service s (FC 2.0): region and account stay empty and LATEST is
    written, as in the recorded samples. Any other is one of FC 3.0: LATEST is left out (reference
    4.1, 7.1).
    """
    service, in_service, function = view.function.rpartition("$")
    if in_service:
        qualifier = "LATEST" if view.qualifier == LATEST else view.qualifier
        return f"acs:fc:::services/{service}.{qualifier}/functions/{function}"
    tail = "" if view.qualifier == LATEST else f"/{view.qualifier}"
    return f"acs:fc:{region}:{account_id}:functions/{function}{tail}"


def _record(source: Source) -> Record:
    view = source.view
    last = None if source.succeeded else source.last_attempt
    error = "" if last is None else fc_error.error_type(last.outcome)
    if last is not None and error:
        response = fc_error.error_body(last).decode()
    else:
        response = source.result_text()
    return Record(
        timestamp=view.accepted_at,
        request_context=RequestContext(
            format_id(view.id),
            function_arn(view, source.region, source.account_id),
            condition(view, source.last_attempt),
            view.attempt,
        ),
        request_payload=source.payload_text(),
        response_context=ResponseContext(_status(source), error),
        response_payload=response,
    )


def condition(view: InvocationView, last: AttemptView | None) -> str:
    """Why the invocation ended; `last`: its last attempt that ended. Empty on success and for one
    that was stopped (reference 7.3)."""
    match view.reason:
        case Reason.RETRIES_EXHAUSTED | Reason.NOT_RETRYABLE:
            return fc_error.UNHANDLED
        case Reason.PLATFORM_ERRORS_EXHAUSTED:
            no_room = last is not None and fc_error.status(last) in (429, 503)
            return RESOURCES if no_room else SERVER
        case Reason.SUSPECTED_POISON:
            return SERVER
        case Reason.EVENT_AGE_EXCEEDED:
            return EXPIRED
        case Reason.FUNCTION_DELETED:
            return NOT_FOUND
    return ""


def _status(source: Source) -> int:
    """What the last attempt answered; 404 where its function was gone."""
    last = source.last_attempt
    if source.view.reason is Reason.FUNCTION_DELETED:
        return 404
    if last is None or last.outcome in (None, Outcome.OK):
        return 200
    return fc_error.status(last)
