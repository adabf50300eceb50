"""Switching the calls of a function off and on again (FC 3.0).

While it is off no call is taken and nothing that waits begins; what waits does not fail for it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.responses import Response

from ...engine.plan import Plan
from ..shared.answer import answer
from .call import Call
from .route import V3, Route
from .services import wanted

REASON_MAX = 1024


class DisableInvocation(Struct, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=REASON_MAX)] | None = None  # None: the one that it has
    abortOngoingRequest: bool = False


async def disable(call: Call) -> Response:
    name = wanted(call).name
    asked = await call.json(DisableInvocation)

    async def decide() -> Plan:
        before = call.engine.functions.control(name)
        reason = (before.disabled or "") if asked.reason is None else asked.reason
        return call.engine.functions.plans.put_control(name, replace(before, disabled=reason))

    await call.engine.functions.change_control(name, decide, abort=asked.abortOngoingRequest)
    return answer({"success": True})


async def enable(call: Call) -> Response:
    name = wanted(call).name

    async def decide() -> Plan:
        return call.engine.functions.plans.put_control(
            name, replace(call.engine.functions.control(name), disabled=None)
        )

    await call.engine.functions.change(decide)
    return answer({"success": True})


ROUTES = (
    Route("DisableFunctionInvocation", "POST", "/functions/{function}/invoke/disable", disable, V3),
    Route("EnableFunctionInvocation", "POST", "/functions/{function}/invoke/enable", enable, V3),
)
