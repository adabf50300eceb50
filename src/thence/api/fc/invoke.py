"""InvokeFunction of all generations: asynchronous calls here, synchronous ones in sync.py.

202 means that the invocation is on disk and its task record can be read; anything that is wrong
with it is said before that.
"""

from __future__ import annotations

from starlette.responses import Response

from ...errors import ThenceError
from ...lifecycle.ids import format_id
from ..shared.answer import empty
from .call import Call
from .refused import refused
from .request_options import RequestOptions, read_options
from .route import V2, V3, Route
from .sync import invoke_now

TASK_ID = "x-fc-async-task-id"


async def invoke(call: Call) -> Response:
    options = read_options(call.request.scope["headers"])
    try:
        # Before the body: what does not exist takes none.
        call.engine.functions.get(call.name.ours, call.qualifier)
        if options.asynchronous:
            return await _accept(call, options)
        return await invoke_now(call, options)
    except ThenceError as error:
        raise refused(
            error, call.engine, call.name, call.qualifier, options.task_id, v3=call.v3
        ) from None


async def _accept(call: Call, options: RequestOptions) -> Response:
    limit = call.state.limits.async_payload_bytes_max
    payload = await call.body(limit)
    accepted = await call.engine.accepted(
        call.name.ours,
        payload,
        qualifier=call.qualifier,
        delay_seconds=options.delay_seconds,
        caller_id=options.task_id or None,
        listed=options.listed or None,
        traceparent=options.traceparent,
        lineage=options.lineage,
        payload_bytes_max=limit,
    )
    response = empty(202)
    request_id = format_id(accepted.id)
    response.headers["x-fc-request-id"] = request_id
    if call.v3 or options.task_id:
        # The request id serves as the task id where none was given (reference 3.1).
        response.headers[TASK_ID] = options.task_id or request_id
    return response


ROUTES = (
    Route("InvokeFunction", "POST", "/functions/{function}/invocations", invoke, V3),
    Route(
        "InvokeFunction", "POST", "/services/{service}/functions/{function}/invocations", invoke, V2
    ),
)
