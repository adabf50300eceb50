"""Finished invocations of every ending, as record builders get them."""

from __future__ import annotations

import traceback
from typing import Any

from thence.catalog.kinds import parse_destination
from thence.destinations.source import Source
from thence.lifecycle.decide import Spent
from thence.lifecycle.ids import IdSource, format_id
from thence.lifecycle.outcome import BUDGET, Outcome
from thence.lifecycle.states import Reason, State
from thence.store.records import AttemptView, InvocationView, Meta

from .conftest import NOW

IDS = IdSource()
ID, DELIVERY = IDS.next(NOW), IDS.next(NOW + 900)
STATES = {
    Reason.OK: State.SUCCEEDED,
    Reason.EVENT_AGE_EXCEEDED: State.EXPIRED,
    Reason.STOPPED_BY_CALLER: State.STOPPED,
    Reason.FUNCTION_DELETED: State.INVALID,
}


def attempt(outcome: Outcome, number: int = 1, **changes: Any) -> AttemptView:
    fields: dict[str, Any] = {
        "started_at": NOW + 1000 * number,
        "ended_at": NOW + 1000 * number + 45,
        "duration_us": 45_678,
    }
    return AttemptView(number, outcome, BUDGET[outcome], **{**fields, **changes})


def source(
    payload: bytes | None = b'{"n":1}',
    result: bytes | None = None,
    *,
    reason: Reason = Reason.OK,
    attempts: list[AttemptView] | None = None,
    destination: Any = "queue:done",
    **changes: Any,
) -> Source:
    fields: dict[str, Any] = {
        "id": ID,
        "function_id": 1,
        "function": "unzip",
        "state": STATES.get(reason, State.FAILED),
        "reason": reason,
        "accepted_at": NOW,
        "due_at": NOW,
        "expires_at": NOW + 86_400_000,
        "ended_at": NOW + 9_900,
        "attempt": len(attempts or ()),
        "spent": Spent(),
        "payload_bytes": len(payload or b""),
        "result_bytes": None if result is None else len(result),
        "meta": Meta(),
        "attempts": attempts or [],
    }
    return Source(
        view=InvocationView(**{**fields, **changes}),
        payload=payload,
        result=result,
        condition="success" if reason is Reason.OK else "failure",
        delivery_id=format_id(DELIVERY),
        destination=parse_destination(destination),
        preview_bytes_max=1000,
        account_id="1234567890",
        region="cn-local",
    )


def raised(code: str, path: str = "/code/index.py") -> tuple[str, str, str]:
    """(type, message, stack) of what a module with that code raises, as an instance tells it."""
    room: dict[str, Any] = {}
    try:
        exec(compile(code, path, "exec"), room)
    except Exception as error:
        told = traceback.TracebackException.from_exception(error)
        told.stack[:] = [frame for frame in told.stack if frame.filename == path]
        return type(error).__name__, str(error), "".join(told.format())
    raise AssertionError("nothing was raised")
