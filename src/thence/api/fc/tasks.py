"""Asynchronous tasks: get, list, stop (reference 5). FC 2.0 calls them stateful asynchronous
invocations and stops them without `/stop`.

What is shown are invocations that were accepted in task mode; all others have their history at the
native door. A task is found under the qualifier that its call named, and where the request names
none, under LATEST.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ...errors import InvalidInput, NotFound, ThenceError
from ...lifecycle.states import FINAL, State
from ...store.records import Body, InvocationView, ListFilter, Page
from ..shared.answer import answer, empty
from .call import Call
from .errors import invalid
from .limits import RETURN_PAYLOAD_BYTES_MAX
from .names import name_of, shown_qualifier
from .paging import page, paged
from .refused import function_missing, refused, task_missing
from .route import V2, V3, Route
from .task_view import DEQUEUED, STATES, STATUSES, error_body, show_task, shown_status

STORE_PAGES_MAX = 20  # of a list that matches little; then a short page with a token is the answer
BODIES_PAGE = 10  # tasks that are read together where their bodies are shown
BODIES_BYTES_MAX = 8 * 1024 * 1024  # of bodies on one page; then it ends there, with a token
MS_MAX = 1 << 47


async def get_task(call: Call) -> Response:
    return answer(await _shown(call, await _found(call), bodies=True))


async def stop_task(call: Call) -> Response:
    """Waiting: it is not run. Running: its attempt is ended. Both answer 202."""
    view = await _found(call)
    stopped = await call.engine.stop(view.id, deliveries=False)
    if not stopped.changed and stopped.state in FINAL:
        raise invalid(
            f"taskId: {call.path['task'][:140]!r} is {STATES[stopped.state]} and cannot be stopped"
        )
    return empty(202)


async def list_tasks(call: Call) -> Response:
    """Pages of the store may be short where a filter matches little, so several of them are put
    together, within a bound."""
    _check_function(call)
    bodies = call.flag("includePayload")
    status = _choice(call, "status", tuple(STATUSES))
    filter = _filter(call, status)
    ascending = _choice(call, "sortOrderByTime", ("asc", "desc")) == "asc"
    limit, cursor, size = call.limit(), call.query.get("nextToken") or None, 0
    tasks: list[dict[str, Any]] = []
    for _ in range(STORE_PAGES_MAX):
        wanted = limit - len(tasks)
        wanted = min(wanted, BODIES_PAGE) if bodies else wanted
        found = await _page(call, filter, wanted, cursor, ascending=ascending)
        cursor = found.cursor
        for view in found.items:
            if not _has_status(call, view, status):
                continue
            if bodies:
                size += view.payload_bytes + (view.result_bytes or 0)
            tasks.append(await _shown(call, view, bodies=bodies))
        if cursor is None or len(tasks) >= limit or size >= BODIES_BYTES_MAX:
            break
    return answer(paged(call, {"tasks" if call.v3 else "invocations": tasks}, cursor or ""))


async def list_task_functions(call: Call) -> Response:
    """FC 2.0: the functions in services whose calls are tasks, by qualifier."""
    found = []
    for ours in call.engine.functions.names():
        name = name_of(ours)
        for qualifier, config in call.engine.functions.async_configs(ours).items():
            if name.service and config.listed:
                found.append((name.service, name.function, shown_qualifier(qualifier)))
    part, token = page(call, sorted(found), lambda view: view)
    fields = ("serviceName", "functionName", "qualifier")
    data = [dict(zip(fields, view, strict=True)) for view in part]
    return answer(paged(call, {"data": data}, token))


# ---------------------------------------------------------------- finding


def _check_function(call: Call) -> None:
    """Not its qualifier: tasks may outlive a version or an alias."""
    try:
        call.engine.functions.get(call.name.ours)
    except NotFound:
        raise function_missing(call.engine, call.name) from None


async def _found(call: Call) -> InvocationView:
    """The task of the path. Raises FcError."""
    _check_function(call)
    name, task_id = call.name, call.path["task"]
    try:
        id = await call.engine.invocations.by_caller_id(name.ours, task_id)
        view = None if id is None else await call.engine.invocations.get(id)
    except ThenceError as error:
        raise refused(error, call.engine, name, call.qualifier, task_id, v3=call.v3) from None
    if view is None or view.qualifier != call.qualifier:
        raise task_missing(name, task_id, v3=call.v3)
    return view


async def _page(
    call: Call, filter: ListFilter, limit: int, cursor: str | None, *, ascending: bool
) -> Page:
    """One page of the store. Its cursors are the tokens of this door."""
    name = call.name.ours
    try:
        found: Page = await call.engine.invocations.listed(
            name, filter, limit, cursor, ascending=ascending
        )
    except InvalidInput:
        raise invalid(f"nextToken: {cursor!r:.80} is not a token that this list gave") from None
    return found


def _filter(call: Call, status: str) -> ListFilter:
    return ListFilter(
        states=frozenset({STATUSES[status]}) if status else None,
        qualifier=call.qualifier,
        caller_id_prefix=call.query.get("prefix" if call.v3 else "invocationIdPrefix", ""),
        since=call.number_if_given("startedTimeBegin", 0, MS_MAX),
        until=call.number_if_given("startedTimeEnd", 0, MS_MAX),
    )


def _has_status(call: Call, view: InvocationView, status: str) -> bool:
    """What the store cannot tell apart: Dequeued and Running."""
    if status not in (DEQUEUED, STATES[State.RUNNING]):
        return True
    return shown_status(view.state, call.engine.invocations.begun(view.id)) == status


def _choice(call: Call, name: str, allowed: tuple[str, ...]) -> str:
    text = call.query.get(name, "")
    if text and text not in allowed:
        raise invalid(f"{name}: {text[:40]!r} is none of {', '.join(allowed)}")
    return text


# ---------------------------------------------------------------- showing


async def _shown(call: Call, view: InvocationView, *, bodies: bool) -> dict[str, Any]:
    engine, fc = call.engine, call.state
    payload = returned = None
    if bodies:
        kept = await engine.invocations.payload(view.id)
        payload = None if kept is None else await _bytes(call, kept[0])
        returned = error_body(view) or await _returned(call, view)
    return show_task(
        view,
        call.name,
        v3=call.v3,
        begun=engine.invocations.begun(view.id),
        now=call.context.clock.now(),
        region=fc.region,
        account=fc.account,
        payload=payload,
        returned=returned,
    )


async def _returned(call: Call, view: InvocationView) -> bytes | None:
    """What the function answered. One over the limit is left out, for a part of it would be taken
    for the whole; the native door has it."""
    size = view.result_bytes
    if size is None or size > RETURN_PAYLOAD_BYTES_MAX:
        return None
    result = await call.engine.invocations.result(view.id)
    return None if result is None else await _bytes(call, result)


async def _bytes(call: Call, body: Body) -> bytes | None:
    found: bytes | None = await call.engine.invocations.body(body)
    return found


TASKS = "/functions/{function}/async-tasks"
IN_SERVICE = "/services/{service}/functions/{function}/stateful-async-invocations"
ROUTES = (
    Route("ListAsyncTasks", "GET", TASKS, list_tasks, V3),
    Route("GetAsyncTask", "GET", f"{TASKS}/{{task}}", get_task, V3),
    Route("StopAsyncTask", "PUT", f"{TASKS}/{{task}}/stop", stop_task, V3),
    Route("ListStatefulAsyncInvocations", "GET", IN_SERVICE, list_tasks, V2),
    Route("GetStatefulAsyncInvocation", "GET", f"{IN_SERVICE}/{{task}}", get_task, V2),
    Route("StopStatefulAsyncInvocation", "PUT", f"{IN_SERVICE}/{{task}}", stop_task, V2),
    Route(
        "ListStatefulAsyncInvocationFunctions",
        "GET",
        "/stateful-async-invocation-functions",
        list_task_functions,
        V2,
    ),
)
