"""Status logs: where the lines of asynchronous requests go (reference 7).

One log group and one log stream for the whole project, made when they are first asked for. Their ids
are kept, so that clients find the same ones for ever.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from ...engine.engine import Engine
from ...engine.plan import NOTHING, Plan, put_entry
from ...lifecycle.ids import format_id
from ..shared.answer import answer
from .call import Call
from .errors import FssError, not_found
from .log_noted import note_family
from .route import Route
from .state import FunctionGraphState

KIND = "functiongraph.status_log"  # entries; owner: none, name: none


async def enable(call: Call) -> Response:
    await ensure_enabled(call.engine, call.state)
    return answer({})


async def detail(call: Call) -> Response:
    found = enabled(call.engine)
    if found is None:
        raise not_found(
            "status logs are not enabled; POST /fgs/functions/enable-async-status-logs first"
        )
    return answer(found)


async def turn_on(engine: Engine, state: FunctionGraphState, family: int) -> None:
    """From here on, what is accepted by settings of that function that ask for it has its lines.
    To be called before such settings are saved. Raises StoreUnavailable, FssError."""
    await ensure_enabled(engine, state)
    try:
        await state.logs.begin()
    except OSError as error:
        raise FssError(
            503, "FSS.0503", f"the status log cannot be written: {error.strerror or error}"
        ) from None
    await note_family(engine, family)


async def ensure_enabled(engine: Engine, state: FunctionGraphState) -> dict[str, Any]:
    """Group and stream, made if they are not there. Raises StoreUnavailable."""

    async def decide() -> Plan:
        if enabled(engine) is not None:
            return NOTHING
        made = {
            "group_id": format_id(engine.new_id()),
            "group_name": state.logs.group,
            "stream_id": format_id(engine.new_id()),
            "stream_name": state.logs.stream,
        }
        return put_entry(KIND, "", "", msgspec.json.encode(made))

    await engine.functions.change(decide)
    found = enabled(engine)
    assert found is not None  # nothing deletes it
    return found


def enabled(engine: Engine) -> dict[str, Any] | None:
    """Group and stream, None where they were never asked for."""
    entries = engine.functions.entries(KIND, "")
    return msgspec.json.decode(entries[0].data) if entries else None


ROUTES = (
    Route("enable_async_status_log", "POST", "/fgs/functions/enable-async-status-logs", enable),
    Route(
        "show_project_async_status_log_info",
        "GET",
        "/fgs/functions/async-status-log-detail",
        detail,
    ),
)
