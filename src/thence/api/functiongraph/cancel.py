"""Cancelling asynchronous requests (reference 6.2): waiting, backing off or running.

What runs is ended at once, whatever `type` says; an instance runs one request at a time, so no other
one ends with it. A cancelled request is FAIL with 4208, and its failure notification is sent.

`recursive`, which also stops "sub-functions being invoked", finds none: a request causes others here
only by its notification, which is sent when it has ended, and then there is nothing to cancel.

A function may answer in the moment in which it is to be ended; then its request has succeeded. So the
answer waits for the end, a bounded time, and says in `X-Cff-Cancel-Status` whether there is one.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from starlette.responses import Response

from ...errors import InvocationNotFound
from ...lifecycle.states import FINAL, State
from ..shared.answer import empty
from .call import Call
from .errors import FssError, invalid
from .found import row
from .record_view import STATUS
from .records import find
from .route import Route
from .urn import Urn

END_SECONDS = 2.0  # what runs is ended within milliseconds
CANCEL_STATUS = "x-cff-cancel-status"


class Cancel(Struct, forbid_unknown_fields=True):
    request_id: str
    type: Literal["force", "recursive", ""] = ""


async def cancel_async_invocation(call: Call) -> Response:
    urn = call.urn
    row(call, Urn(urn.package, urn.name))
    asked = await call.json(Cancel)
    view = await find(call, urn, asked.request_id)
    if view is None:
        raise _unknown(asked.request_id)
    try:
        stopped = await call.engine.stop(view.id, deliveries=False)
    except InvocationNotFound:
        raise _unknown(asked.request_id) from None
    state = stopped.state
    if state is State.STOPPING:
        state = (await call.engine.invocations.wait(view.id, END_SECONDS)).state
    if state in FINAL and state is not State.STOPPED:
        raise invalid(
            f"request_id: {asked.request_id[:80]!r} has ended ({STATUS[state]}) and cannot be "
            "cancelled"
        )
    # The vendor's page shows `null`, on which its client for Node.js throws after a cancel that worked;
    # no body satisfies all of its clients.
    response = empty(200)
    response.headers[CANCEL_STATUS] = "cancelled" if state is State.STOPPED else "cancelling"
    return response


def _unknown(text: str) -> FssError:
    return invalid(
        f"request_id: {text[:80]!r} is an invalid request id: there is no such asynchronous request "
        "of this function, version or alias"
    )


ROUTES = (
    Route(
        "cancel_async_invocation",
        "POST",
        "/fgs/functions/{function_urn}/cancel",
        cancel_async_invocation,
    ),
)
