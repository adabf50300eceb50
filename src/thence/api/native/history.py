"""Looking at invocations: one, its bodies, its log, lists; stopping and redriving one."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from ...errors import InvocationNotFound
from ...lifecycle.ids import format_id
from ...lifecycle.states import FINAL, State
from ...store.records import Body
from ..shared.answer import COMMON, answer
from ..shared.problems import Gone, NoLog, NoResult
from ..shared.rest.answer import raw
from ..shared.rest.call import Call
from ..shared.unread import reserve
from .filters import make_filter
from .shown import InvocationPage, show_invocation, show_row


class StopAnswer(Struct):
    """`state` after the stop. `changed` false: there was nothing left to stop."""

    id: str
    state: str
    changed: bool
    deliveries_stopped: int


class RedriveAnswer(Struct):
    """`id`: the new invocation. `replayed`: it had been redriven before, and this is that one."""

    id: str
    redrive_of: str
    replayed: bool


async def get(call: Call) -> Response:
    engine, id = call.context.engine, call.invocation_id()
    seconds = min(call.query["wait"] or 0.0, call.context.limits.wait_seconds_max)
    view = None
    if seconds and not call.context.closing.is_set():
        view = await call.unless_closing(engine.invocations.wait(id, seconds))
    return answer(show_invocation(engine, view or await engine.invocations.get(id)))


async def payload(call: Call) -> Response:
    id = call.invocation_id()
    found = await call.context.engine.invocations.payload(id)
    if found is None:
        raise _unknown(id)
    body, content_type = found
    return raw(await _bytes(call, body, "payload"), content_type)


async def result(call: Call) -> Response:
    engine, id = call.context.engine, call.invocation_id()
    view = await engine.invocations.get(id)
    body = await engine.invocations.result(id)
    if view.state not in FINAL:
        raise NoResult(
            f"Invocation {format_id(id)} is {view.state}: it has no result yet. Ask "
            f"/v1/invocations/{format_id(id)}?wait=30 for its end.",
            state=str(view.state),
        )
    if body is None and view.result_bytes:
        body = Body(None, view.result_bytes)
    if view.state is not State.SUCCEEDED or body is None:
        raise NoResult(
            f"Invocation {format_id(id)} {view.state}: it has no result.",
            state=str(view.state),
            reason=str(view.reason),
        )
    return raw(await _bytes(call, body, "result"), "")


async def _bytes(call: Call, body: Body, what: str) -> bytes:
    if body.ref is not None:
        reserve(body.bytes)
    data = await call.context.engine.invocations.body(body)
    if data is None:
        raise Gone(f"The {what} is not kept any more (retention.{what}_days).", bytes=body.bytes)
    return data


async def log(call: Call) -> Response:
    """What the function printed in one attempt (the last that has ended, without `attempt`)."""
    engine, id, attempt = call.context.engine, call.invocation_id(), call.query["attempt"]
    data = await engine.invocations.log(id, attempt)
    if data is None:
        view = await engine.invocations.get(id)
        of = "an attempt" if attempt is None else f"attempt {attempt}"
        raise NoLog(
            f"There is no log of {of} of invocation {format_id(id)}: it has not ended, printed "
            "nothing, or its retention has ended.",
            attempts_made=view.attempt,
        )
    return Response(data, 200, {**COMMON, "content-type": "text/plain; charset=utf-8"})


async def listed(call: Call) -> Response:
    query, engine = call.query, call.context.engine
    wanted = make_filter(
        engine,
        function=query["function"],
        states=query["state"],
        reason=query["reason"],
        since=query["since"],
        until=query["until"],
    )
    page = await engine.invocations.page(wanted, query["limit"], query["cursor"])
    return answer(InvocationPage([show_row(row) for row in page.items], page.cursor))


async def stop(call: Call) -> Response:
    id = call.invocation_id()
    stopped = await call.context.engine.stop(id)
    return answer(
        StopAnswer(format_id(id), str(stopped.state), stopped.changed, stopped.deliveries_stopped)
    )


async def redrive(call: Call) -> Response:
    id, query = call.invocation_id(), call.query
    new, before = await call.context.engine.redrive.invocation(
        id, again=query["again"], qualifier=query["qualifier"]
    )
    location = {"location": f"/v1/invocations/{format_id(new)}"}
    return answer(RedriveAnswer(format_id(new), format_id(id), before), 202, location)


def _unknown(id: int) -> InvocationNotFound:
    return InvocationNotFound(
        f"There is no invocation {format_id(id)}; its id is wrong or its retention has ended.",
        kind="invocation",
        name=format_id(id),
    )
