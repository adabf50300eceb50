"""Cancelling asynchronous requests (reference 6.2): waiting, backing off or running.

What runs is ended at once, whatever `type` says; an instance runs one request at a time, so no other
one ends with it. A cancelled request is FAIL with 4208, and its failure notification is sent.

`recursive`, which also stops "sub-functions being invoked", finds none: a request causes others here
only by its notification, which is sent when it has ended, and then there is nothing to cancel.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from starlette.responses import Response

from ...errors import InvocationNotFound
from ...lifecycle.states import FINAL, State
from .answer import empty
from .call import Call
from .errors import FssError, invalid
from .found import row
from .record_view import STATUS
from .records import find
from .route import Route
from .urn import Urn


class Cancel(Struct):
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
    if stopped.state in FINAL and stopped.state is not State.STOPPED:
        raise invalid(
            f"request_id: {asked.request_id[:80]!r} has ended ({STATUS[stopped.state]}) and cannot "
            "be cancelled"
        )
    # The vendor's page shows `null`, on which its client for Node.js throws after a cancel that worked;
    # no body satisfies all of its clients.
    return empty(200)


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
