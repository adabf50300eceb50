"""The status log of the FunctionGraph door, read from its files: what became of asynchronous requests
of functions whose settings ask for it, one line for each change."""

from __future__ import annotations

import re

from msgspec import Struct
from starlette.responses import Response

from ...clock import iso
from ...errors import InvalidInput, StoreUnavailable
from ..functiongraph.log_files import Place, Query
from ..functiongraph.log_line import SEQ, Line
from ..functiongraph.urn import name_of, write
from .answer import answer
from .call import Call

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


async def listed(call: Call) -> Response:
    query, state = call.query, call.context.functiongraph
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
    return answer(StatusPage([_shown(one) for one in lines], cursor))


def _shown(one: Line) -> StatusShown:
    return StatusShown(
        function_urn=one.urn,
        request_id=one.request_id,
        status=one.status,
        seq_status=SEQ[one.status],
        at=iso(one.at),
        operation_timestamp=one.at,
        error_code=one.code,
        error_message=one.message,
    )


def _urn(text: str, region: str, project: str) -> str:
    """A name means all versions and aliases; so does a URN without one."""
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
