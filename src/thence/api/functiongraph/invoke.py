"""invoke_function and async_invoke_function (reference 4): asynchronous calls here, synchronous ones in
sync.py.

202 means that the request is on disk and its record can be read; anything that is wrong with it is
said before that. The body is the event itself. Most asynchronous calls are answered by fast_path.py before
they come here.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from ...lifecycle.ids import format_id
from ..shared.answer import answer
from ..shared.request_options import RequestOptions, read_options
from .call import Call
from .errors import invalid
from .found import row
from .function_input import MEMORY_MB
from .route import Route
from .sync import REQUEST_ID, invoke_now

MEMORY = "x-cff-instance-memory"
_NOT_OF_VENDOR = frozenset({b"traceparent", b"thence-lineage"})
"""Not of the vendor: a trace that goes on, and the chain of destinations that must end."""


async def invoke_function(call: Call) -> Response:
    check_memory(call.header(MEMORY))
    row(call, call.urn)
    return await invoke_now(call, read_beside(call.request.scope["headers"]).traceparent)


async def async_invoke_function(call: Call) -> Response:
    check_memory(call.header(MEMORY))
    urn = call.urn
    row(call, urn)
    limit = call.state.settings.async_payload_bytes_max
    options = read_beside(call.request.scope["headers"])
    accepted = await call.engine.accepted(
        urn.ours,
        await call.body(limit),
        qualifier=urn.qualifier,
        listed=True,
        traceparent=options.traceparent,
        lineage=options.lineage,
        payload_bytes_max=limit,
    )
    request_id = format_id(accepted.id)
    return answer({"request_id": request_id}, 202, {REQUEST_ID: request_id})


def read_beside(headers: Iterable[tuple[bytes, bytes]]) -> RequestOptions:
    """What is not of the vendor. Raises InvalidInput for a chain of destinations that is too long."""
    return read_options(header for header in headers if header[0] in _NOT_OF_VENDOR)


def check_memory(text: str | None) -> None:
    """`X-Cff-Instance-Memory` counts only where dynamic memory is enabled (reference 4.1), which it
    never is here; so the sizes that the vendor has are taken and change nothing. Raises FssError."""
    if text and text not in map(str, MEMORY_MB):
        raise invalid(
            f"X-Cff-Instance-Memory: {text[:40]!r} is not one of {', '.join(map(str, MEMORY_MB))}",
            "FSS.1007",
        )


_ONE = "/fgs/functions/{function_urn}"
ROUTES = (
    Route(
        "invoke_function",
        "POST",
        f"{_ONE}/invocations",
        invoke_function,
        lambda settings: settings.sync_payload_bytes_max,
    ),
    Route(
        "async_invoke_function",
        "POST",
        f"{_ONE}/invocations-async",
        async_invoke_function,
        lambda settings: settings.async_payload_bytes_max,
    ),
)
