"""The notification message of FunctionGraph (seed huawei-functiongraph-notification-policy; names
and types as in the recorded message of reference 8). Pure.

What both leave open is decided here and told in docs/destinations.md.
"""

from __future__ import annotations

import time

import msgspec
from msgspec import Struct

from ..catalog.function import LATEST
from ..lifecycle.ids import format_id
from ..lifecycle.outcome import BUDGET, Budget
from ..lifecycle.states import Reason
from ..store.records import AttemptView, InvocationView
from . import fc_error, functiongraph_error
from .source import Source

RESULT_BYTES_MAX = 256 * 1024  # a longer return value is given as an empty one
FUNCTION_ERROR = "UnhandledInvocationError"
RESOURCES = "FunctionResourceExhausted"
SERVER = "FunctionServerError"
EXPIRED = "AsyncEventExpired"
NOT_FOUND = "FunctionNotFound"
CANCELLED = "InvocationCancelled"

_SENTENCE = {
    EXPIRED: "The event was older than its validity period.",
    NOT_FOUND: "The function was deleted before it could run.",
    CANCELLED: "The invocation was cancelled.",
}


class RequestContext(Struct):
    request_id: str
    function_urn: str
    condition: str  # empty on success
    approximate_invoke_count: int  # executions


class ResponseContext(Struct):
    status_code: int
    function_error: str


class Record(Struct):
    """Both payloads are strings: the JSON text of the event, and of what was returned."""

    timestamp: str
    request_context: RequestContext
    request_payload: str
    response_context: ResponseContext
    response_payload: str


def build_notification(source: Source) -> bytes:
    """The message, JSON in UTF-8. Raises BodyGone: the event is whole or not sent."""
    view, why = source.view, condition(source)
    last = None if source.succeeded else source.last_attempt
    ours = last is not None and not _is_functions(last)
    return msgspec.json.encode(
        Record(
            timestamp=_instant(_began(source)),
            request_context=RequestContext(
                format_id(view.id), urn(view, source.region, source.account_id), why, view.attempt
            ),
            request_payload=source.payload_text(),
            response_context=ResponseContext(
                _status(source, last),
                _SENTENCE.get(why) or (last.error_message if last is not None and ours else ""),
            ),
            response_payload=_response(source, last),
        )
    )


def urn(view: InvocationView, region: str, project: str) -> str:
    """`urn:fss:REGION:PROJECT:function:PACKAGE:NAME:QUALIFIER` of the function that was called; the
    qualifier is a version, `latest` or `!ALIAS` (reference 3). A name without a package is in the
    package `default`."""
    package, _, name = view.function.rpartition("$")
    # Only what is not the version that ran is kept as the qualifier: that is an alias.
    named = view.meta.qualifier
    qualifier = f"!{named}" if named and named != LATEST else view.version
    return f"urn:fss:{region}:{project}:function:{package or 'default'}:{name}:{qualifier}"


def condition(source: Source) -> str:
    """Why it ended; only the first two are the vendor's own (reference 8, 17)."""
    last = source.last_attempt
    match source.view.reason:
        case Reason.OK | None:
            return ""
        case Reason.RETRIES_EXHAUSTED | Reason.NOT_RETRYABLE:
            return FUNCTION_ERROR
        case Reason.PLATFORM_ERRORS_EXHAUSTED:
            no_room = last is not None and fc_error.status(last) in (429, 503)
            return RESOURCES if no_room else SERVER
        case Reason.SUSPECTED_POISON:
            return SERVER
        case Reason.EVENT_AGE_EXCEEDED:
            return EXPIRED
        case Reason.FUNCTION_DELETED:
            return NOT_FOUND
        case Reason.STOPPED_BY_CALLER:
            return CANCELLED


def _status(source: Source, last: AttemptView | None) -> int:
    """200 on success, 500 for a failure of the function too (as recorded), 404 for one whose
    function was gone, 429 and 503 where it found no room."""
    if source.succeeded:
        return 200
    if source.view.reason is Reason.FUNCTION_DELETED:
        return 404
    if last is not None and fc_error.status(last) != 200:
        return fc_error.status(last)
    return 500


def _response(source: Source, last: AttemptView | None) -> str:
    if last is not None:
        return functiongraph_error.error_body(last).decode() if _is_functions(last) else ""
    if (source.view.result_bytes or 0) > RESULT_BYTES_MAX:
        return ""
    return source.result_text()


def _is_functions(attempt: AttemptView) -> bool:
    outcome = attempt.outcome
    return outcome is not None and BUDGET[outcome] is Budget.FUNCTION_ERRORS


def _began(source: Source) -> int:
    """When the last execution began; for one that never ran, when it ended."""
    for attempt in reversed(source.view.attempts):
        if attempt.started_at is not None:
            return attempt.started_at
    return source.view.ended_at if source.view.ended_at is not None else source.view.accepted_at


def _instant(ms: int) -> str:
    """RFC 3339 with nine fraction digits and an offset, which is UTC's."""
    seconds, rest = divmod(ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}000000+00:00"
