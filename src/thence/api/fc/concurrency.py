"""Ceilings on what runs at once: reserved concurrency (FC 3.0) and the maximum of on-demand instances
(FC 2.0) (reference 8.4). Both are the limit over all versions of a function.

One instance runs one call here, so that both count the same. Beyond the limit a synchronous call gets
429 and an asynchronous one waits; 0 stops everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.responses import Response

from ...catalog.function import CONCURRENCY_MAX, LATEST
from ...engine.plan import Plan
from ..shared.answer import answer, empty
from .aliases import body
from .answer import resource
from .call import Call
from .errors import FcError, invalid
from .names import Name, function_arn, name_of, shown_qualifier
from .paging import page, paged
from .route import V2, V3, Route
from .services import wanted


class PutConcurrency(Struct, forbid_unknown_fields=True):
    reservedConcurrency: Annotated[int, Meta(ge=0, le=CONCURRENCY_MAX)]


class PutOnDemand(Struct, forbid_unknown_fields=True):
    maximumInstanceCount: Annotated[int, Meta(ge=0, le=CONCURRENCY_MAX)]


# ---------------------------------------------------------------- FC 3.0


async def put_concurrency(call: Call) -> Response:
    wanted(call)
    asked = await body(call, PutConcurrency)

    def check() -> None:
        limit = call.engine.functions.control(call.name.ours).limit
        if limit is not None:
            call.check_match(_reserved(call, call.name, limit))

    await _put(call, asked.reservedConcurrency, check)
    return resource(_reserved(call, call.name, asked.reservedConcurrency))


async def get_concurrency(call: Call) -> Response:
    limit = _limit(call, "ConcurrencyConfigNotFound")
    return resource(_reserved(call, call.name, limit))


async def delete_concurrency(call: Call) -> Response:
    def check() -> None:
        limit = _limit(call, "ConcurrencyConfigNotFound")
        call.check_match(_reserved(call, call.name, limit))

    await _put(call, None, check)
    return empty()


async def list_concurrency(call: Call) -> Response:
    only = call.query.get("functionName", "")
    found = [
        limited
        for limited in _limited(call)
        if not limited[0].service and only in ("", limited[0].ours)
    ]
    part, token = page(call, found, lambda limited: (limited[0].ours,))
    return answer(paged(call, {"configs": [_reserved(call, *limited) for limited in part]}, token))


# ---------------------------------------------------------------- FC 2.0


async def put_on_demand(call: Call) -> Response:
    wanted(call)
    _check_qualifier(call)
    asked = await body(call, PutOnDemand)

    def check() -> None:
        shown = _limits(call)
        if shown is not None:
            call.check_match(shown)

    await _put(call, asked.maximumInstanceCount, check)
    return resource(_on_demand(call, call.name, asked.maximumInstanceCount))


async def get_on_demand(call: Call) -> Response:
    _check_qualifier(call)
    limit = _limit(call, "OnDemandConfigNotFound")
    return resource(_on_demand(call, call.name, limit))


async def delete_on_demand(call: Call) -> Response:
    _check_qualifier(call)

    def check() -> None:
        limit = _limit(call, "OnDemandConfigNotFound")
        call.check_match(_on_demand(call, call.name, limit))

    await _put(call, None, check)
    return empty()


async def list_on_demand(call: Call) -> Response:
    """`prefix` and `startKey` are compared with `resource`."""
    prefix, begin = call.query.get("prefix", ""), call.query.get("startKey", "")
    found = sorted(
        (_on_demand(call, *limited) for limited in _limited(call) if limited[0].service),
        key=lambda item: str(item["resource"]),
    )
    found = [
        item for item in found if item["resource"].startswith(prefix) and item["resource"] >= begin
    ]
    part, token = page(call, found, lambda item: (item["resource"],))
    return answer(paged(call, {"configs": part}, token))


# ---------------------------------------------------------------- inside


def _limit(call: Call, missing: str) -> int:
    """The limit of the function of the path. Raises FcError with the code `missing`."""
    limit = call.engine.functions.control(wanted(call).name).limit
    if limit is None:
        raise FcError(404, missing, f"function '{call.name.function}' has no such configuration")
    return limit


def _limits(call: Call) -> dict[str, Any] | None:
    limit = call.engine.functions.control(call.name.ours).limit
    return None if limit is None else _on_demand(call, call.name, limit)


def _limited(call: Call) -> list[tuple[Name, int]]:
    """Functions that have a limit, by name."""
    found = []
    for name in call.engine.functions.names():
        limit = call.engine.functions.control(name).limit
        if limit is not None:
            found.append((name_of(name), limit))
    return found


async def _put(call: Call, limit: int | None, check: Callable[[], None]) -> None:
    """`check`: raises where what is there is not what it must be."""
    name = call.name.ours

    async def decide() -> Plan:
        check()
        control = call.engine.functions.control(name)
        return call.engine.functions.plans.put_control(name, replace(control, limit=limit))

    await call.engine.functions.change(decide)


def _check_qualifier(call: Call) -> None:
    if call.qualifier != LATEST:
        raise invalid(
            f"qualifier: {call.qualifier!r} cannot have a maximum of its own; it counts for all "
            "versions of the function together, so name LATEST"
        )


def _reserved(call: Call, name: Name, limit: int) -> dict[str, Any]:
    arn = function_arn(name, LATEST, call.state.region, call.state.account)
    return {"functionArn": arn, "reservedConcurrency": limit}


def _on_demand(call: Call, name: Name, limit: int) -> dict[str, Any]:
    """`resource` as the vendor's page shows it: `account#service#qualifier#function`."""
    parts = (call.state.account, name.service, shown_qualifier(LATEST), name.function)
    return {"resource": "#".join(parts), "maximumInstanceCount": limit}


ONE = "/functions/{function}/concurrency"
OF_SERVICE = "/services/{service}/functions/{function}/on-demand-config"
ROUTES = (
    Route("PutConcurrencyConfig", "PUT", ONE, put_concurrency, V3),
    Route("GetConcurrencyConfig", "GET", ONE, get_concurrency, V3),
    Route("DeleteConcurrencyConfig", "DELETE", ONE, delete_concurrency, V3),
    Route("ListConcurrencyConfigs", "GET", "/concurrency-configs", list_concurrency, V3),
    Route("PutFunctionOnDemandConfig", "PUT", OF_SERVICE, put_on_demand, V2),
    Route("GetFunctionOnDemandConfig", "GET", OF_SERVICE, get_on_demand, V2),
    Route("DeleteFunctionOnDemandConfig", "DELETE", OF_SERVICE, delete_on_demand, V2),
    Route("ListOnDemandConfigs", "GET", "/on-demand-configs", list_on_demand, V2),
)
