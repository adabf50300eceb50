"""Records of asynchronous requests (reference 6.1): all of a function, version or alias, or those that
have not ended.

Newest first, by when they were accepted; that is what the times of the query mean, too. `marker` is an
offset; `next_marker` follows the last record of the answer, also when there are no more. Without times
the last hour is meant, but requests that are named by id are found whenever they were accepted.
"""

from __future__ import annotations

from starlette.responses import Response

from ...lifecycle.ids import format_id
from ...lifecycle.states import FINAL, State
from ...store.records import InvocationView, ListFilter
from ..shared.answer import answer
from .call import Call
from .errors import FssError, invalid
from .found import row
from .record_view import STATUSES, show_record, states_of
from .route import Route
from .urn import Urn

LIMIT_DEFAULT, LIMIT_MAX = 100, 500
MARKER_MAX = 10_000  # everything before it is read and left out
ID_CHARACTERS_MAX = 64
REQUESTS_MAX, REQUESTS_CHARACTERS_MAX = 10, 640
WINDOW_MS = 3_600_000
_ACTIVE = frozenset(State) - FINAL


async def list_async_invocations(call: Call) -> Response:
    text = call.query.get("request_id", "")
    if len(text) > ID_CHARACTERS_MAX:
        raise _query(f"request_id: {len(text)} characters; at most {ID_CHARACTERS_MAX}")
    return await _list(call, frozenset(State), [text] if text else [])


async def list_active_async_invocations(call: Call) -> Response:
    text = call.query.get("requests", "")
    ids = [word.strip() for word in text.split(",") if word.strip()]
    if len(ids) > REQUESTS_MAX or len(text) > REQUESTS_CHARACTERS_MAX:
        raise _query(
            f"requests: {len(ids)} ids, {len(text)} characters; at most {REQUESTS_MAX} ids and "
            f"{REQUESTS_CHARACTERS_MAX} characters"
        )
    return await _list(call, _ACTIVE, ids)


async def _list(call: Call, among: frozenset[State], ids: list[str]) -> Response:
    urn = call.urn
    # Not the version or alias: records may outlive it.
    row(call, Urn(urn.package, urn.name))
    limit = call.number("limit", 0, LIMIT_MAX, LIMIT_DEFAULT) or LIMIT_DEFAULT
    marker = call.number("marker", 0, MARKER_MAX, 0)
    filter = _filter(call, urn, among, everything=bool(ids))
    if ids:
        found = (await _named(call, urn, ids, filter))[marker : marker + limit]
    else:
        found = await _found(call, urn, filter, marker, limit)
    shown = [show_record(view) for view in found]
    reply = {"invocations": shown, "count": len(shown), "next_marker": marker + len(shown)}
    return answer(reply)


async def _found(
    call: Call, urn: Urn, filter: ListFilter, marker: int, limit: int
) -> list[InvocationView]:
    found: list[InvocationView] = []
    if not filter.states:
        return found
    cursor, left = None, marker
    while len(found) < limit:
        page = await call.engine.invocations.listed(
            urn.ours, filter, min(LIMIT_MAX, left + limit), cursor
        )
        left, taken = max(0, left - len(page.items)), page.items[left:]
        found += taken
        cursor = page.cursor
        if cursor is None:
            break
    return found[:limit]


async def _named(call: Call, urn: Urn, ids: list[str], filter: ListFilter) -> list[InvocationView]:
    """Those of the ids that there are; an unknown one is none."""
    found = []
    for text in dict.fromkeys(ids):
        view = await find(call, urn, text)
        if view is not None and _matches(view, filter):
            found.append(view)
    return sorted(found, key=lambda record: record.id, reverse=True)


async def find(call: Call, urn: Urn, request_id: str) -> InvocationView | None:
    """The request of that id that was made at that version or alias; None where there is none.
    Raises FunctionNotFound."""
    id = await call.engine.invocations.by_caller_id(urn.ours, request_id)
    view = None if id is None else await call.engine.invocations.find(id)
    # (An id that another door's caller chose is not a request id here.)
    if view is None or format_id(view.id) != request_id or view.qualifier != urn.qualifier:
        return None
    return view


# ---------------------------------------------------------------- the query


def _filter(call: Call, urn: Urn, among: frozenset[State], *, everything: bool) -> ListFilter:
    status = call.query.get("status", "")
    if status and status not in STATUSES:
        raise _query(f"status: {status[:40]!r} is not one of {', '.join(STATUSES)}")
    since, until = call.instant("query_begin_time"), _end(call)
    if since is not None and until is not None and since > until:
        raise _query("query_begin_time: it is after query_end_time")
    if not everything:
        until = call.context.clock.now() if until is None else until
        since = until - WINDOW_MS if since is None else since
    return ListFilter(
        states=among & states_of(status) if status else among,
        qualifier=urn.qualifier,
        since=since,
        until=until,
    )


def _end(call: Call) -> int | None:
    """Without a fraction the whole of its second is meant."""
    ms = call.instant("query_end_time")
    return ms if ms is None or ms % 1000 else ms + 999


def _matches(view: InvocationView, filter: ListFilter) -> bool:
    if filter.states is not None and view.state not in filter.states:
        return False
    if filter.since is not None and view.accepted_at < filter.since:
        return False
    return filter.until is None or view.accepted_at <= filter.until


def _query(message: str) -> FssError:
    return invalid(message, "FSS.1001")


_ONE = "/fgs/functions/{function_urn}"
ROUTES = (
    Route("list_async_invocations", "GET", f"{_ONE}/async-invocations", list_async_invocations),
    Route(
        "list_active_async_invocations",
        "GET",
        f"{_ONE}/active-async-invocations",
        list_active_async_invocations,
    ),
)
