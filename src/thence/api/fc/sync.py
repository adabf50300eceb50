"""Synchronous calls: the function's bytes, or how it failed. Nothing is kept, nothing is tried again.

A function that failed is answered 200 with `x-fc-error-type` and the error JSON; what the platform
could not do is 429, 500 or 503 (seed alibaba-fc-retries, reference 3.2 and 10).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from ...errors import Overloaded, StoreUnavailable, Throttled
from ...lifecycle.ids import format_id
from ...lifecycle.outcome import Outcome
from ...runtimes.interface import Ended
from ..metrics.minutes import ATTEMPTS
from ..shared.answer import COMMON
from ..shared.ending import status
from ..shared.unread import reserve
from .call import Call
from .code import checksum
from .errors import FcError, internal
from .function_error import error_body, error_type
from .limits import LOG_TAIL_BYTES
from .names import shown_qualifier
from .request_options import RequestOptions

EXPOSED = (
    "Date,x-fc-request-id,x-fc-error-type,x-fc-code-checksum,x-fc-invocation-duration,"
    "x-fc-max-memory-usage,x-fc-log-result,x-fc-invocation-code-version"
)
MIB = 1 << 20
T = TypeVar("T")


async def invoke_now(call: Call, options: RequestOptions) -> Response:
    limit = call.state.limits.sync_payload_bytes_max
    payload = await call.body(limit)
    call.context.check_unread()
    work = call.engine.invoke(
        call.name.ours,
        payload,
        qualifier=call.qualifier,
        queue_seconds=0,
        measure=True,
        traceparent=options.traceparent,
        payload_bytes_max=limit,
    )
    try:
        id, ended = await _unless_gone(call, asyncio.ensure_future(work))
    except (Throttled, Overloaded) as refused:
        limit_met = isinstance(refused, Throttled)
        outcome = Outcome.THROTTLED if limit_met else Outcome.NO_RESOURCES
        call.engine.minutes.count(call.name.ours, ATTEMPTS[outcome])
        raise
    call.context.metrics.tally.ran(
        call.name.ours, ended.outcome, ended.duration_us, ended.memory_bytes
    )
    if ended.outcome is Outcome.OK:
        body = ended.result or b""
    elif error_type(ended.outcome):
        body = error_body(ended, ended.memory_bytes)
    else:
        raise _platform(ended)
    reserve(len(body))
    return Response(body, 200, await _headers(call, options, id, ended))


async def _headers(call: Call, options: RequestOptions, id: int, ended: Ended) -> dict[str, str]:
    function = ended.function
    assert function is not None
    headers = {
        **COMMON,
        "content-type": "application/octet-stream",
        "access-control-expose-headers": EXPOSED,
        "x-fc-request-id": format_id(id),
        "x-fc-invocation-duration": str(ended.duration_us // 1000),
        "x-fc-max-memory-usage": f"{ended.memory_bytes / MIB:.2f}",
        "x-fc-invocation-service-version": shown_qualifier(function.version),
        "x-fc-invocation-code-version": function.version,
        "x-fc-instance-id": ended.instance,
    }
    with contextlib.suppress(StoreUnavailable):
        # (The function may have been deleted while it ran. Its answer counts all the same.)
        headers["x-fc-code-checksum"] = await checksum(call.engine, function)
    if ended.outcome is not Outcome.OK:
        headers["x-fc-error-type"] = error_type(ended.outcome)
    if options.tail:
        tail = (ended.log or b"")[-LOG_TAIL_BYTES:]
        headers["x-fc-log-result"] = base64.b64encode(tail).decode()
    return headers


def _platform(ended: Ended) -> FcError:
    """It could not be run, or was ended from outside."""
    if ended.outcome is Outcome.STOPPED:
        return FcError(403, "AccessDenied", "the function was disabled while it ran")
    match status(ended):
        case 429:
            return FcError(429, "ResourceExhausted", f"concurrency exceeded: {ended.error_message}")
        case 503:
            return FcError(503, "ResourceThrottled", f"no resources: {ended.error_message}")
    return internal()


async def _unless_gone(call: Call, work: asyncio.Future[T]) -> T:
    """The work's answer. When the caller goes away first, the work is ended, and the run with it."""
    gone = asyncio.ensure_future(_gone(call))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        work.cancel()
        await asyncio.wait((work,))
        raise ClientDisconnect
    finally:
        gone.cancel()
        work.cancel()


async def _gone(call: Call) -> None:
    while (await call.request.receive())["type"] != "http.disconnect":
        pass
