"""Synchronous calls: no retries, nothing kept, the function's answer or how it failed.

How it ended is in the status: 200 the answer; 502 the function failed (its error, a crash, out of
memory); 504 it ran out of time; 429 no slot became free; 503 the platform could not run it.
"""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from ...catalog.function import LATEST
from ...errors import InvalidInput
from ...lifecycle.ids import format_id
from ...lifecycle.outcome import Outcome
from ...runtimes.interface import Ended
from ...runtimes.wire.output import end_of
from ..shared.problems import FunctionFailed
from ..shared.request_options import read_options
from ..shared.rest.answer import problem, raw
from ..shared.rest.call import Call
from ..shared.unread import reserve

LOG_TAIL_BYTES = 4096
# Outcome: status, code, title.
ENDINGS: dict[Outcome, tuple[int, str, str]] = {
    Outcome.FUNCTION_ERROR: (502, "function_error", "The function ended with an error"),
    Outcome.CRASHED: (502, "function_crashed", "The function's process died"),
    Outcome.OUT_OF_MEMORY: (502, "function_out_of_memory", "The function ran out of memory"),
    Outcome.TIMED_OUT: (504, "function_timed_out", "The function ran out of time"),
    Outcome.THROTTLED: (429, "function_throttled", "The function cannot take more now"),
    Outcome.STOPPED: (503, "function_stopped", "The call was stopped"),
}
PLATFORM = (503, "platform_error", "The function could not be run")


async def invoke(call: Call) -> Response:
    name, engine = call.path["name"], call.context.engine
    engine.functions.get(name)
    payload = await call.body(call.context.limits.payload_bytes_max)
    options = read_options(call.headers)
    if options.idempotency_key is not None:
        raise _of_kept_ones(name, "Idempotency-Key")
    if options.delay_seconds:
        raise _of_kept_ones(name, "Thence-Delay-Seconds")
    call.context.check_unread()
    work = asyncio.ensure_future(
        engine.invoke(
            name,
            payload,
            qualifier=call.query["qualifier"] or LATEST,
            content_type=options.content_type,
            traceparent=options.traceparent,
        )
    )
    gone = asyncio.ensure_future(_gone(call))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            # Nobody is there to be answered: the engine ends the run when its task is cancelled.
            work.cancel()
            await asyncio.wait({work})
            return Response(status_code=499)
        id, ended = work.result()
    finally:
        gone.cancel()
        work.cancel()
    call.context.metrics.tally.ran(name, ended.outcome, ended.duration_us, ended.memory_bytes)
    headers = {
        "thence-invocation-id": format_id(id),
        "thence-duration-ms": f"{ended.duration_us / 1000:.3f}",
        "thence-outcome": str(ended.outcome),
    }
    if ended.outcome is Outcome.OK:
        reserve(len(ended.result or b""))
        return raw(ended.result or b"", ended.result_type, headers)
    response = problem(_failed(name, id, ended))
    response.headers.update(headers)
    if ended.outcome in (Outcome.THROTTLED, Outcome.NO_RESOURCES):  # it has not begun
        response.headers["retry-after"] = str(max(1, round(ended.retry_after_seconds or 1)))
    return response


def _of_kept_ones(name: str, header: str) -> InvalidInput:
    """A caller who relies on such a header must not be left to believe that it was heeded."""
    return InvalidInput(
        f"{header}: a synchronous call runs now and is not kept, so it cannot heed this; leave it "
        f"out, or POST to /v1/functions/{name}/invocations.",
        field=header,
    )


async def _gone(call: Call) -> None:
    while (await call.request.receive())["type"] != "http.disconnect":
        pass


def _failed(name: str, id: int, ended: Ended) -> FunctionFailed:
    status, code, title = ENDINGS.get(ended.outcome, PLATFORM)
    log = end_of(ended.log or b"", LOG_TAIL_BYTES)
    reason = f": {ended.error_type}: {ended.error_message}" if ended.error_type else ""
    return FunctionFailed(
        status,
        code,
        title,
        f"Function {name!r} ended as {ended.outcome} after {ended.duration_us / 1000:.0f} ms"
        f"{reason[:1000].rstrip('.')}.",
        function=name,
        invocation=format_id(id),
        outcome=str(ended.outcome),
        error={
            "type": ended.error_type,
            "message": ended.error_message,
            "stack": ended.error_stack,
        },
        log_tail=log.decode("utf-8", "replace"),
    )
