"""Accepting invocations in the application: with `Prefer: wait`, a qualifier, or beside other requests.

The same headers and the same answer as on the fast path; see accepting.py.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from ...catalog.function import LATEST
from ...destinations.record import embed
from ...errors import InvalidInput
from ...lifecycle.ids import format_id
from ...lifecycle.states import FINAL
from ...store.records import Accepted
from ..shared.answer import COMMON, answer
from ..shared.request_options import read_options
from ..shared.rest.call import Call
from .accepting import REPLAYED, accepted_body
from .shown import InvocationShown, show_invocation

PREVIEW_BYTES_MAX = 64 * 1024
_WAIT = re.compile(r"\s*wait\s*=\s*\"?([^\";,]*)\"?\s*", re.IGNORECASE)


class InvocationAnswer(InvocationShown, kw_only=True):
    """The invocation as it ended within the wait. `result`: JSON as it is, other text as a string,
    bytes as {"base64": …}; absent where there is none or where it is over 64 KiB (see its link)."""

    result: Any | UnsetType = UNSET


async def accept(call: Call) -> Response:
    payload = await call.body(call.context.limits.payload_bytes_max)
    seconds = _wait_asked_for(call)
    options = read_options(call.headers)
    engine = call.context.engine
    accepted = await engine.accepted(
        call.path["name"],
        payload,
        content_type=options.content_type,
        idempotency_key=options.idempotency_key,
        traceparent=options.traceparent,
        lineage=options.lineage,
        delay_seconds=options.delay_seconds,
        qualifier=call.query["qualifier"] or LATEST,
    )
    if seconds:
        view = await call.unless_closing(engine.invocations.wait(accepted.id, seconds))
        if view is not None and view.state in FINAL:
            shown = msgspec.to_builtins(show_invocation(engine, view))
            shown.update(await _preview(call, accepted.id))
            return answer(
                shown, 200, _headers(accepted, {"preference-applied": f"wait={seconds:g}"})
            )
    applied = {"preference-applied": "respond-async"} if seconds is not None else {}
    return Response(
        accepted_body(format_id(accepted.id), call.path["name"]),
        202,
        {**COMMON, "content-type": "application/json", **_headers(accepted, applied)},
    )


def _headers(accepted: Accepted, more: dict[str, str]) -> dict[str, str]:
    headers = {"location": f"/v1/invocations/{format_id(accepted.id)}", **more}
    if accepted.duplicate:
        headers[REPLAYED] = "true"
    return headers


async def _preview(call: Call, id: int) -> dict[str, Any]:
    body = await call.context.engine.invocations.result(id)
    if body is None or body.bytes > PREVIEW_BYTES_MAX:
        return {}
    data = await call.context.engine.invocations.body(body)
    return {} if data is None else {"result": embed(data)}


def _wait_asked_for(call: Call) -> float | None:
    """Seconds of `Prefer: wait=N`, at most limits.wait_seconds_max; None without a preference.
    Other preferences are not ours and are left alone (RFC 7240)."""
    found: float | None = None
    for name, value in call.headers:
        if name != b"prefer":
            continue
        for preference in value.decode("latin-1").split(","):
            if preference.partition(";")[0].strip().lower() == "respond-async":
                found = found or 0.0
            match = _WAIT.fullmatch(preference.partition(";")[0])
            if match is None:
                continue
            if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", match[1]) is None:
                raise InvalidInput(
                    f"Prefer: wait={match[1][:40]!r} is not a number of seconds.",
                    field="Prefer",
                    value=match[1][:40],
                    limit=call.context.limits.wait_seconds_max,
                )
            found = min(float(match[1]), call.context.limits.wait_seconds_max)
    return found
