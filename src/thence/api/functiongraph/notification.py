"""The notification message of FunctionGraph (seed huawei-functiongraph-notification-policy; names
and types as in the recorded message of reference 8). Pure.

What both leave open is decided here and told in docs/destinations.md.
"""

from __future__ import annotations

import time

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ...catalog.function import LATEST
from ...destinations.forms import Form
from ...destinations.source import Source, Text
from ...lifecycle.ids import format_id
from ...lifecycle.outcome import BUDGET, Budget
from ...lifecycle.states import Reason
from ...store.records import AttemptView, InvocationView
from ..shared.ending import ending_status
from .function_error import error_body

RESULT_BYTES_MAX = 256 * 1024  # a longer return value is given as an empty one
FUNCTION_ERROR = "UnhandledInvocationError"
RESOURCES = "FunctionResourceExhausted"
SERVER = "FunctionServerError"
EXPIRED = "AsyncEventExpired"
NOT_FOUND = "FunctionNotFound"
CANCELLED = "InvocationCancelled"

_CONDITION = {
    Reason.RETRIES_EXHAUSTED: FUNCTION_ERROR,
    Reason.NOT_RETRYABLE: FUNCTION_ERROR,
    Reason.PLATFORM_ERRORS_EXHAUSTED: SERVER,
    Reason.CONCURRENCY_LIMIT: RESOURCES,
    Reason.NO_RESOURCES: RESOURCES,
    Reason.SUSPECTED_POISON: SERVER,
    Reason.EVENT_AGE_EXCEEDED: EXPIRED,
    Reason.FUNCTION_DELETED: NOT_FOUND,
    Reason.STOPPED_BY_CALLER: CANCELLED,
    Reason.FUNCTION_DISABLED: CANCELLED,
}
SENTENCES = {
    Reason.PLATFORM_ERRORS_EXHAUSTED: "The platform could not run the event in time.",
    Reason.CONCURRENCY_LIMIT: "The function was at its limit of instances.",
    Reason.NO_RESOURCES: "There was no instance to run the event.",
    Reason.SUSPECTED_POISON: "The platform lost its executions too often: the event may end whatever "
    "runs it.",
    Reason.EVENT_AGE_EXCEEDED: "The event was older than its validity period.",
    Reason.FUNCTION_DELETED: "The function was deleted before it could run.",
    Reason.STOPPED_BY_CALLER: "The invocation was cancelled.",
    Reason.FUNCTION_DISABLED: "The function was disabled while it ran.",
}
"""What is said of an ending that is no failure of the function's code."""


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
    # Not the vendor's: only where that payload is no text, "base64".
    request_payload_encoding: str | UnsetType = UNSET
    response_payload_encoding: str | UnsetType = UNSET


def build_notification(source: Source) -> bytes:
    """The message, JSON in UTF-8. Raises BodyGone: the event is whole or not sent."""
    view = source.view
    failure = None if source.succeeded else _failure(view.final_attempt)
    request, response = source.payload_text(), _response(source, failure)
    return msgspec.json.encode(
        Record(
            timestamp=_instant(_began(source)),
            request_context=RequestContext(
                format_id(view.id),
                urn(view, source.region, source.account_id),
                condition(view.reason),
                view.attempt,
            ),
            request_payload=request.text,
            response_context=ResponseContext(_status(source), _said(view)),
            response_payload=response.text,
            request_payload_encoding=request.encoding,
            response_payload_encoding=response.encoding,
        )
    )


def urn(view: InvocationView, region: str, project: str) -> str:
    """`urn:fss:REGION:PROJECT:function:PACKAGE:NAME:QUALIFIER` of the function that was called; the
    qualifier is a version, `latest` or `!ALIAS` (reference 3). A name without a package is in the
    package `default`."""
    package, _, name = view.function.rpartition("$")
    if package == "default":
        package, name = "", view.function  # as it is written it would be another function's
    # Only what is not the version that ran is kept as the qualifier: that is an alias.
    named = view.meta.qualifier
    qualifier = f"!{named}" if named and named != LATEST else view.version
    return f"urn:fss:{region}:{project}:function:{package or 'default'}:{name}:{qualifier}"


def condition(reason: Reason | None) -> str:
    """Why it ended; only `UnhandledInvocationError` is the vendor's own (reference 8, 17). Empty on
    success."""
    return "" if reason is None else _CONDITION.get(reason, "")


def _said(view: InvocationView) -> str:
    """A sentence of the ending; empty where the function's code failed, as recorded."""
    final = view.final_attempt
    if view.reason is Reason.PLATFORM_ERRORS_EXHAUSTED or view.reason is Reason.NO_RESOURCES:
        # What the attempt says with which it ended tells more.
        return (final.error_message if final is not None else "") or SENTENCES[view.reason]
    return "" if view.reason is None else SENTENCES.get(view.reason, "")


def _status(source: Source) -> int:
    """200 on success, 500 for a failure of the function too (as recorded), 404 for one whose
    function was gone, 429 at its limit and 503 where there was nothing to run it with."""
    if source.succeeded:
        return 200
    status = ending_status(source.view.reason, source.view.final_attempt)
    return 500 if status == 200 else status


def _response(source: Source, failure: AttemptView | None) -> Text:
    if failure is not None:
        return Text(error_body(failure).decode())
    if (source.view.result_bytes or 0) > RESULT_BYTES_MAX:
        return Text("")
    return source.result_text()


def _failure(attempt: AttemptView | None) -> AttemptView | None:
    """The attempt, where it was the function's code that failed."""
    outcome = None if attempt is None else attempt.outcome
    return attempt if outcome is not None and BUDGET[outcome] is Budget.FUNCTION_ERRORS else None


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


FORMS = {"functiongraph": Form(build_notification)}
