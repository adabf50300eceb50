"""One line of the status log for each change of an asynchronous request's status (reference 7.1). Pure.

    function_urn|request_id|seq_status|operation_timestamp|error_code|error_message

`seq_status`: 0 WAIT, 1 RUNNING, 2 SUCCESS, 3 FAIL, 4 DISCARD. `operation_timestamp`: ms. In a message `|`
and line breaks are replaced, so that a line always has six fields.
"""

from __future__ import annotations

import re

from msgspec import Struct

from ...lifecycle.ids import format_id
from ...lifecycle.states import FINAL, Reason, State
from ...store.records import InvocationView, Transition
from .notification import urn
from .record_view import STATUS, STATUSES
from .run_error import OK, of_attempt, of_ending

SEQ = {status: number for number, status in enumerate(STATUSES)}
MESSAGE_CHARACTERS_MAX = 4096
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


class Line(Struct, frozen=True):
    urn: str
    request_id: str
    status: str
    at: int
    code: int
    message: str

    def text(self) -> str:
        fields = (self.urn, self.request_id, SEQ[self.status], self.at, self.code, self.message)
        return "|".join(map(str, fields))


def line(view: InvocationView, change: Transition, region: str, project: str) -> Line | None:
    """None where the status is the same as before in the vendor's words: a cancel was asked for, or
    a delivery went on."""
    if change.state not in State.__members__.values() or change.state == State.STOPPING:
        return None
    state = State(change.state)
    code, message = _error(view, change, state)
    return Line(
        urn(view, region, project),
        format_id(view.id),
        STATUS[state],
        change.at,
        code,
        clean(message),
    )


def clean(message: str) -> str:
    """In one line, without the delimiter."""
    return _BREAKS.sub(" ", message.replace("|", "/"))[:MESSAGE_CHARACTERS_MAX].strip()


def parse(text: str) -> Line | None:
    """A line as it was written; None where it is none."""
    parts = text.split("|", 5)
    if len(parts) != 6:
        return None
    where, request_id, seq, at, code, message = parts
    try:
        return Line(where, request_id, STATUSES[int(seq)], int(at), int(code), message)
    except (ValueError, IndexError):
        return None


def _error(view: InvocationView, change: Transition, state: State) -> tuple[int, str]:
    if state in FINAL:
        return of_ending(Reason(change.reason) if change.reason else None, view.final_attempt)
    ended = [attempt for attempt in view.attempts if attempt.outcome is not None]
    last = next((attempt for attempt in reversed(ended) if attempt.attempt <= change.attempt), None)
    if state is State.RETRYING and last is not None:
        return of_attempt(last)
    return OK, ""
