"""Synchronous calls: what the function returned, or how it failed (reference 4.1). Nothing is kept,
nothing is tried again.

A function that failed is answered 200 with `X-Func-Err-Code`, `X-Is-Func-Err: true` and the error JSON;
in v1 `status` is 500 then. What the platform could not do is 429, 500 or 503 with an FSS code.

A call without an answer after functiongraph.gateway_seconds is answered 504, and its run goes on to
its own end (seed huawei-functiongraph-async-invocation: only the response is not received). When the
caller goes away before, the run is ended.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from ...errors import Throttled
from ...lifecycle.ids import format_id
from ...lifecycle.outcome import Outcome
from ...runtimes.interface import Ended
from ..metrics.minutes import ATTEMPTS
from ..shared.answer import COMMON, JSON
from ..shared.ending import status
from ..shared.unread import reserve
from . import run_error
from .call import Call
from .errors import FssError, internal, invalid
from .function_error import error_body

REQUEST_ID = "x-cff-request-id"
LOG_TAIL_BYTES = 2000  # reference 4.1
MIB = 1 << 20
VERSIONS = ("v0", "v1")

Run = asyncio.Future[tuple[int, Ended]]


async def invoke_now(call: Call, traceparent: str) -> Response:
    version = (call.header("x-cff-request-version") or VERSIONS[0]).lower()
    if version not in VERSIONS:
        raise invalid(f"X-CFF-Request-Version: {version[:40]!r} is not v0 or v1")
    call.context.check_unread()
    id, ended = await _answered(call, asyncio.ensure_future(_run(call, traceparent)))
    if ended.outcome is not Outcome.OK and not run_error.is_functions(ended.outcome):
        raise _platform(ended)
    limit = call.state.settings.sync_payload_bytes_max
    error = run_error.code(ended)
    if error == run_error.RESULT_SIZE and call.context.limits.result_bytes_max >= limit:
        error = run_error.BODY_SIZE  # the runtime has only looked first
    body = ended.result or b"" if ended.outcome is Outcome.OK else error_body(ended)
    if len(body) > limit:
        error, body = run_error.BODY_SIZE, _too_large(len(body), limit)
    headers = _headers(id, ended, version, error)
    log = b""
    if (call.header("x-cff-log-type") or "").lower() == "tail":
        log = (ended.log or b"")[-LOG_TAIL_BYTES:]
        headers["x-cff-function-log"] = base64.b64encode(log).decode()
    if version == "v1":
        body = _v1(id, body, log, error)
    headers["content-type"] = ended.result_type if version == "v0" and not error else JSON
    reserve(len(body))
    return Response(body, 200, headers)


async def _run(call: Call, traceparent: str) -> tuple[int, Ended]:
    limit = call.state.settings.sync_payload_bytes_max
    urn = call.urn
    try:
        id, ended = await call.engine.invoke(
            urn.ours,
            await call.body(limit),
            qualifier=urn.qualifier,
            queue_seconds=0,
            measure=True,
            traceparent=traceparent,
            payload_bytes_max=limit,
        )
    except Throttled:
        call.engine.minutes.count(urn.ours, ATTEMPTS[Outcome.THROTTLED])
        raise
    call.context.metrics.tally.ran(urn.ours, ended.outcome, ended.duration_us, ended.memory_bytes)
    return id, ended


# ---------------------------------------------------------------- waiting


async def _answered(call: Call, run: Run) -> tuple[int, Ended]:
    """The run's end; 504 when it is not there in time. Raises ClientDisconnect, and the run is
    ended."""
    late = asyncio.Event()
    seconds = call.state.settings.gateway_seconds
    clock = call.context.clock
    timer = clock.call_at(clock.now() + round(seconds * 1000), late.set)
    gone, over = asyncio.ensure_future(_gone(call)), asyncio.ensure_future(late.wait())
    try:
        await asyncio.wait((run, gone, over), return_when=asyncio.FIRST_COMPLETED)
        if run.done():
            return run.result()
        if not gone.done():
            _leave(call, run)
            raise FssError(
                504,
                "FSS.0504",
                f"the function gave no answer within {seconds:g} s (the setting "
                "functiongraph.gateway_seconds); it runs on. Invoke it asynchronously",
            )
        raise ClientDisconnect
    finally:
        timer.cancel()
        gone.cancel()
        over.cancel()
        if run not in call.state.unanswered:
            run.cancel()


def _leave(call: Call, run: Run) -> None:
    """The run goes on with nobody waiting."""
    left = call.state.unanswered
    left.add(run)

    def ended(_: Any) -> None:
        left.discard(run)
        if not run.cancelled():
            run.exception()  # it was refused late: its caller was told 504

    run.add_done_callback(ended)


async def _gone(call: Call) -> None:
    while (await call.request.receive())["type"] != "http.disconnect":
        pass


# ---------------------------------------------------------------- answering


def _headers(id: int, ended: Ended, version: str, error: int) -> dict[str, str]:
    function = ended.function
    assert function is not None
    billed_ms = -(-ended.duration_us // 1000)
    summary = {
        "duration": ended.duration_us / 1000,
        "billingDuration": billed_ms,
        "memorySize": function.spec.memory_mb,
        "memoryUsed": round(ended.memory_bytes / MIB, 3),
    }
    return {
        **COMMON,
        REQUEST_ID: format_id(id),
        "x-request-id": format_id(id),
        "x-cff-invoke-summary": msgspec.json.encode(summary).decode(),
        "x-cff-billing-duration": str(billed_ms),
        "x-cff-response-version": version,
        "x-func-err-code": str(error),
        "x-is-func-err": "true" if error else "false",
    }


def _v1(id: int, body: bytes, log: bytes, error: int) -> bytes:
    """`result` is a text, whatever was returned: the client cannot read anything else
    (reference 16)."""
    shown = {
        "request_id": format_id(id),
        "result": body.decode("utf-8", "replace"),
        "log": log.decode("utf-8", "ignore"),
        "status": 500 if error else 200,
    }
    return msgspec.json.encode(shown)


def _too_large(size: int, limit: int) -> bytes:
    text = f"the function returned {size} bytes; a synchronous call takes {limit} at most"
    return msgspec.json.encode({"errorMessage": text, "errorType": "ResultTooLarge"})


def _platform(ended: Ended) -> FssError:
    """It could not be run, or was ended from outside."""
    if ended.outcome is Outcome.STOPPED:
        return FssError(403, "FSS.0403", "the function was disabled while it ran")
    match status(ended):
        case 429:
            return FssError(429, "FSS.0429", f"too many instances: {ended.error_message}")
        case 503:
            return FssError(503, "FSS.0503", f"no resources: {ended.error_message}")
    return internal()
