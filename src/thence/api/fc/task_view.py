"""Task records: an invocation in the words of FC 3.0 (`AsyncTask`) and of FC 2.0
(`StatefulAsyncInvocation`), reference 5.1 and 5.2. Pure.

What the reference leaves open, and what was chosen:

- `startedTime` is when the call was made: it is there in every state, and what the lists' filters
  compare. `durationMs` is how long the last attempt's code ran.
- `alreadyRetriedTimes` counts attempts after the first that were begun, of whatever cause.
- `destinationStatus`: empty (nothing is owed), `Running`, `Succeeded`, `Failed`, `Stopped`.
- A failed task's `returnPayload` is the error JSON, as in the result callback.
- `instanceId` is not kept of what ran, and so empty.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from ...destinations.source import as_text
from ...lifecycle.ids import format_id
from ...lifecycle.outcome import Outcome
from ...lifecycle.states import FINAL, State
from ...store.records import AttemptView, DeliveryView, InvocationView
from ..shared.ending import status
from . import function_error
from .names import Name, function_arn, shown_qualifier
from .record import condition

STATES: dict[State, str] = {
    State.QUEUED: "Enqueued",
    State.RUNNING: "Running",  # or Dequeued: see shown_status
    State.RETRYING: "Retrying",
    State.STOPPING: "Stopping",
    State.SUCCEEDED: "Succeeded",
    State.FAILED: "Failed",
    State.STOPPED: "Stopped",
    State.EXPIRED: "Expired",
    State.INVALID: "Invalid",
}
DEQUEUED = "Dequeued"
STATUSES: dict[str, State] = {
    **{theirs: ours for ours, theirs in STATES.items()},
    DEQUEUED: State.RUNNING,
}
_DELIVERIES = {
    "pending": "Running",
    "delivered": "Succeeded",
    "dead": "Failed",
    "stopped": "Stopped",
}


def shown_status(state: State, begun: bool) -> str:
    """`begun`: the code of the running attempt has begun; until then it is taken from the queue."""
    return DEQUEUED if state is State.RUNNING and not begun else STATES[state]


def task_id_of(view: InvocationView) -> str:
    return view.meta.caller_id or format_id(view.id)


def show_task(
    view: InvocationView,
    name: Name,
    *,
    v3: bool,
    begun: bool,
    now: int,
    region: str,
    account: str,
    payload: bytes | None = None,
    returned: bytes | None = None,
) -> dict[str, Any]:
    """The record. payload, returned: the bodies, None where they are not to be shown. now: ms."""
    error = _error(view)
    fields: dict[str, Any] = {
        "requestId": format_id(view.id),
        "qualifier": shown_qualifier(view.qualifier),
        "status": shown_status(view.state, begun),
        "startedTime": view.accepted_at,
        "durationMs": _duration_ms(view, begun, now),
        "alreadyRetriedTimes": max(0, view.attempt - 1),
        "instanceId": "",
        "destinationStatus": _destination_status(view.deliveries),
        "events": events(view, begun),
    }
    if view.ended_at is not None:
        fields["endTime"] = view.ended_at
    if returned is not None:
        _show(fields, "returnPayload", returned)
    task_id = task_id_of(view)
    if v3:
        fields |= {
            "taskId": task_id,
            "functionArn": function_arn(name, view.qualifier, region, account),
            "taskErrorMessage": error,
        }
        payload_field = "taskPayload"
    else:
        fields |= {
            "invocationId": task_id,
            "serviceName": name.service,
            "functionName": name.function,
            "invocationErrorMessage": error,
        }
        payload_field = "invocationPayload"
    if payload is not None:
        _show(fields, payload_field, payload)
    return fields


def _show(fields: dict[str, Any], name: str, body: bytes) -> None:
    """The body as text; a field beside it says where that is base64."""
    fields[name], encoding = as_text(body)
    if encoding is not UNSET:
        fields[f"{name}Encoding"] = encoding


def error_body(view: InvocationView) -> bytes | None:
    """The error JSON of an invocation that ended with a failure of the function."""
    final = view.final_attempt
    if final is None or not function_error.error_type(final.outcome):
        return None
    return function_error.error_body(final)


# ---------------------------------------------------------------- events


def events(view: InvocationView, begun: bool) -> list[dict[str, Any]]:
    """What happened to it so far, each with an id from 1. Only what has a known instant: the request
    to stop has none."""
    found = [(view.accepted_at, STATES[State.QUEUED], "")]
    for attempt in view.attempts:
        found += _of_attempt(attempt, view, begun)
    if view.ended_at is not None:
        found.append((view.ended_at, STATES[view.state], _error(view)))
    return [
        {
            "eventId": number,
            "timestamp": at,
            "status": status,
            "eventDetail": _detail(error),
        }
        for number, (at, status, error) in enumerate(found, 1)
    ]


def _of_attempt(
    attempt: AttemptView, view: InvocationView, begun: bool
) -> list[tuple[int, str, str]]:
    """Taken, begun and, where another one was to follow, ended."""
    found = []
    if attempt.started_at is not None:
        found.append((attempt.started_at, DEQUEUED, ""))
        # (Of one that runs, started_at is when it was taken.)
        if attempt.outcome is not None or begun or view.state is State.STOPPING:
            found.append((attempt.started_at, STATES[State.RUNNING], ""))
    if attempt.ended_at is not None and attempt.retry_at is not None:
        found.append((attempt.ended_at, STATES[State.RETRYING], _named(attempt)))
    return found


def _detail(error: str) -> str:
    return msgspec.json.encode({"Error": error}).decode() if error else "{}"


def _named(attempt: AttemptView) -> str:
    """The vendor's word for how one attempt failed."""
    if attempt.outcome in (None, Outcome.OK):
        return ""
    kind = function_error.error_type(attempt.outcome)
    return kind or {429: "ResourceExhausted", 503: "ResourceThrottled"}.get(
        status(attempt), "InternalServerError"
    )


# ---------------------------------------------------------------- sums


def _error(view: InvocationView) -> str:
    """Why it ended as it did, or why its last attempt failed. Empty when nothing went wrong."""
    if view.state in FINAL:
        return condition(view.reason)
    last = view.last_ended
    return "" if last is None else _named(last)


def _duration_ms(view: InvocationView, begun: bool, now: int) -> int:
    last = view.attempts[-1] if view.attempts else None
    if last is None:
        return 0
    if last.outcome is None:
        return max(0, now - last.started_at) if begun and last.started_at is not None else 0
    return last.duration_us // 1000


def _destination_status(deliveries: list[DeliveryView]) -> str:
    return _DELIVERIES[deliveries[-1].state] if deliveries else ""
