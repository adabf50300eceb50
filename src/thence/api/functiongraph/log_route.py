"""A route under `/v1` that reads the status log of this door from its files: what became of asynchronous
requests of functions whose settings ask for it, one line for each change."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct
from starlette.responses import Response

from ...clock import iso
from ...errors import InvalidInput, StoreUnavailable
from ..shared.answer import answer
from ..shared.rest.call import Call
from ..shared.rest.parameter import CURSOR, LIMIT, Parameter
from ..shared.rest.route import Route
from .log_files import Place, Query
from .log_line import SEQ, Line
from .state import FunctionGraphState
from .urn import name_of, write

STATUSES = tuple(SEQ)
_CURSOR = re.compile(r"([0-9]{1,12})\.([0-9]{1,15})")


class StatusShown(Struct, kw_only=True):
    """One change. `seq_status` and `operation_timestamp` (ms) as in the line, `status` and `at` in
    words. `error_code` is 0 where nothing went wrong."""

    function_urn: str
    request_id: str
    status: str
    seq_status: int
    at: str | None
    operation_timestamp: int
    error_code: int
    error_message: str


class StatusPage(Struct):
    items: list[StatusShown]
    cursor: str | None


def log_route(state: FunctionGraphState) -> Route:
    async def listed(call: Call) -> Response:
        return answer(await _page(state, call.query))

    return Route(
        "GET",
        "/v1/status-log",
        listed,
        "Status log of the FunctionGraph door, newest first",
        {200: StatusPage},
        (
            Parameter("request_id", "text", "Only of this request."),
            Parameter("function", "text", "Only of this function: its name, or its URN."),
            Parameter("status", "text", "Only of this status.", choices=STATUSES),
            Parameter("since", "time", "Only changes at or after this time."),
            Parameter("until", "time", "Only changes before this time."),
            LIMIT,
            CURSOR,
        ),
    )


async def _page(state: FunctionGraphState, query: dict[str, Any]) -> StatusPage:
    wanted = Query(
        request_id=query["request_id"] or "",
        function=_urn(query["function"] or "", state.region, state.project),
        status=query["status"] or "",
        since=query["since"],
        until=None if query["until"] is None else query["until"] - 1,
    )
    try:
        lines, place = await state.logs.files.read(wanted, query["limit"], _place(query["cursor"]))
    except OSError as error:
        raise StoreUnavailable(f"The status log cannot be read: {error.strerror}.") from error
    cursor = None if place is None else f"{place.number}.{place.offset}"
    return StatusPage([_shown(line) for line in lines], cursor)


def _shown(line: Line) -> StatusShown:
    return StatusShown(
        function_urn=line.urn,
        request_id=line.request_id,
        status=line.status,
        seq_status=SEQ[line.status],
        at=iso(line.at),
        operation_timestamp=line.at,
        error_code=line.code,
        error_message=line.message,
    )


def _urn(text: str, region: str, project: str) -> str:
    """A name means all versions and aliases; so does a URN without line."""
    if not text or text.startswith("urn:"):
        return text
    return write(name_of(text), region, project, version=False)


def _place(text: str | None) -> Place | None:
    if text is None:
        return None
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"cursor: {text[:60]!r} is not a cursor that this list gave.", field="cursor"
        )
    return Place(int(match[1]), int(match[2]))
