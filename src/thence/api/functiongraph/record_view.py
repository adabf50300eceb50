"""An invocation as an async record (reference 6.1). Pure.

    WAIT      queued, or waiting for its next attempt      SUCCESS   done
    RUNNING   executing, or being cancelled                FAIL      failed, or cancelled (4208)
    DISCARD   dropped: older than its validity period, or its function is gone

`start_time` is when its first execution began, null until then. Types are those that the SDK can read
(reference 16): codes and markers are numbers, times are texts without an offset, in UTC.
"""

from __future__ import annotations

import time
from typing import Any

from ...lifecycle.ids import format_id
from ...lifecycle.states import State
from ...store.records import InvocationView
from .run_error import of_invocation

STATUS: dict[State, str] = {
    State.QUEUED: "WAIT",
    State.RETRYING: "WAIT",
    State.RUNNING: "RUNNING",
    State.STOPPING: "RUNNING",
    State.SUCCEEDED: "SUCCESS",
    State.FAILED: "FAIL",
    State.STOPPED: "FAIL",
    State.EXPIRED: "DISCARD",
    State.INVALID: "DISCARD",
}
STATUSES = tuple(dict.fromkeys(STATUS.values()))


def states_of(status: str) -> frozenset[State]:
    return frozenset(state for state, shown in STATUS.items() if shown == status)


def show_record(view: InvocationView) -> dict[str, Any]:
    code, message = of_invocation(view)
    return {
        "request_id": format_id(view.id),
        "status": STATUS[view.state],
        "error_code": code,
        "error_message": message,
        "start_time": instant(_began(view)),
        "end_time": instant(view.ended_at),
    }


def instant(ms: int | None) -> str | None:
    return None if ms is None else time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000))


def _began(view: InvocationView) -> int | None:
    return next(
        (attempt.started_at for attempt in view.attempts if attempt.started_at is not None), None
    )
