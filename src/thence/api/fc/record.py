"""The records of Function Compute's result callback: the object that MNS, functions and RocketMQ get
and the CloudEvent that EventBridge gets (seed alibaba-fc-result-callback; reference 7). Pure.

Names, order and types are the seed's. What it leaves open is decided here and told in
docs/destinations.md.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ...catalog.function import LATEST
from ...clock import iso
from ...destinations.forms import Form
from ...destinations.source import Source, Text
from ...lifecycle.ids import format_id
from ...lifecycle.states import Reason
from ...store.records import InvocationView
from ..shared.ending import ending_status
from .function_error import UNHANDLED, error_body, error_type

RESOURCES = "FunctionResourceExhausted"  # 429 or 503 when the time for platform errors ended
SERVER = "FunctionServerError"  # 500 then, and attempts that nobody could answer for
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
    # Not the vendor's: only where that payload is no text, "base64".
    request_payload_encoding: str | UnsetType = UNSET
    response_payload_encoding: str | UnsetType = UNSET


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
            **_encodings(record),
        },
        "subject": request.function_arn,
        "source": "acs:fc",
        "type": f"fc:AsyncInvoke:{'succeeded' if source.succeeded else 'failed'}",
        "aliyunpublishtime": f"{ended[:-1]}UTC",
        "specversion": "1.0",
        "aliyuneventbusname": source.destination.name,
        "id": source.delivery_id,
        "time": f"{ended[:19]}Z",
        "aliyunregionid": source.region,
        "aliyunpublishaddr": "",
    }
    return msgspec.json.encode(event)


def _encodings(record: Record) -> dict[str, str | UnsetType]:
    marks = {
        "requestPayloadEncoding": record.request_payload_encoding,
        "responsePayloadEncoding": record.response_payload_encoding,
    }
    return {name: value for name, value in marks.items() if value is not UNSET}


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
    final = None if source.succeeded else view.final_attempt
    error = "" if final is None else error_type(final.outcome)
    if final is not None and error:
        response = Text(error_body(final).decode())
    else:
        response = source.result_text()
    request = source.payload_text()
    return Record(
        timestamp=view.accepted_at,
        request_context=RequestContext(
            format_id(view.id),
            function_arn(view, source.region, source.account_id),
            condition(view.reason),
            view.attempt,
        ),
        request_payload=request.text,
        response_context=ResponseContext(ending_status(view.reason, final), error),
        response_payload=response.text,
        request_payload_encoding=request.encoding,
        response_payload_encoding=response.encoding,
    )


def condition(reason: Reason | None) -> str:
    """Why the invocation ended, whatever its attempts had met before. Empty on success and for one
    that was stopped (reference 7.3)."""
    match reason:
        case Reason.RETRIES_EXHAUSTED | Reason.NOT_RETRYABLE:
            return UNHANDLED
        case Reason.CONCURRENCY_LIMIT | Reason.NO_RESOURCES:
            return RESOURCES
        case Reason.PLATFORM_ERRORS_EXHAUSTED | Reason.SUSPECTED_POISON:
            return SERVER
        case Reason.EVENT_AGE_EXCEEDED:
            return EXPIRED
        case Reason.FUNCTION_DELETED:
            return NOT_FOUND
    return ""


FORMS = {
    "fc": Form(build_object),
    "fc-eventbridge": Form(build_cloudevent, "application/cloudevents+json"),
}
