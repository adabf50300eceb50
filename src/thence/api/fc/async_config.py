"""Asynchronous configuration: retries, age of an event, task mode, destinations (reference 4).

A PUT is the whole configuration: what it does not say has the vendor's default, whatever was there.
ARNs are kept as they were written and shown so again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.responses import Response

from ...catalog.async_config import AsyncConfig, as_a_whole
from ...catalog.function import LATEST
from ...catalog.kinds import parse_destination, stored_destination
from ...engine.plan import NOTHING, Plan
from ...errors import AliasNotFound, DestinationCycle, FunctionNotFound, NotFound, VersionNotFound
from ...lifecycle.policy import EVENT_AGE_SECONDS_MAX, RETRIES_MAX
from ..shared.answer import answer, empty
from .answer import resource, stamp
from .arn import Home, arn_of, destination_of, name_and_qualifier
from .call import Call, convert
from .defaults import DEFAULTS
from .errors import FcError, invalid
from .keys import recased
from .names import Name, check_function, function_arn, name_of, shown_qualifier
from .paging import page, paged
from .route import V2, V3, Route
from .services import wanted

DOOR = "fc"  # our part of a configuration's attributes
ENDINGS = (("onSuccess", "on_success"), ("onFailure", "on_failure"))


class _Destination(Struct, frozen=True, forbid_unknown_fields=True):
    destination: str = ""


class _Destinations(Struct, frozen=True, forbid_unknown_fields=True):
    onSuccess: _Destination = _Destination()
    onFailure: _Destination = _Destination()


class _Put(Struct, frozen=True, forbid_unknown_fields=True):
    """What a PUT may hold. The reference's 4.3 tells of three ranges of the age; the widest is
    taken."""

    destinationConfig: _Destinations = _Destinations()
    maxAsyncEventAgeInSeconds: Annotated[int, Meta(ge=1, le=EVENT_AGE_SECONDS_MAX)] | None = None
    maxAsyncRetryAttempts: Annotated[int, Meta(ge=0, le=RETRIES_MAX)] | None = None


class PutAsyncConfig(_Put, frozen=True):
    """FC 3.0."""

    asyncTask: bool = False

    def listed(self) -> bool:
        return self.asyncTask


class PutAsyncConfigOfService(_Put, frozen=True):
    """FC 2.0 and older."""

    statefulInvocation: bool = False

    def listed(self) -> bool:
        return self.statefulInvocation


# ---------------------------------------------------------------- operations


async def put_async_config(call: Call) -> Response:
    name, qualifier = call.name, call.qualifier
    wanted(call, qualifier)  # what is not there is said before the rest
    data = await call.object()

    async def decide() -> Plan:
        config = config_of(call, data)
        _check_match(call, name, qualifier)
        return call.engine.functions.plans.put_async_config(name.ours, qualifier, config)

    try:
        await call.engine.functions.change(decide)
    except DestinationCycle as error:
        raise _cycle(error) from None
    saved = call.engine.functions.effective_config(name.ours, qualifier)
    return resource(shown(call, name, qualifier, saved))


async def get_async_config(call: Call) -> Response:
    name, qualifier = call.name, call.qualifier
    wanted(call, qualifier)
    config = call.engine.functions.async_config(name.ours, qualifier)
    if config is None:
        raise _not_exists(name, qualifier)
    return resource(shown(call, name, qualifier, config))


async def delete_async_config(call: Call) -> Response:
    name, qualifier = call.name, call.qualifier
    wanted(call, qualifier)

    async def decide() -> Plan:
        _check_match(call, name, qualifier)
        plan = call.engine.functions.plans.delete_async_config(name.ours, qualifier)
        if plan == NOTHING:
            raise _not_exists(name, qualifier)
        return plan

    await call.engine.functions.change(decide)
    return empty()


async def list_async_configs(call: Call) -> Response:
    """FC 3.0: of all functions, or of the one that `functionName` names."""
    wanted = call.query.get("functionName", "")
    if wanted:
        check_function(wanted)
    names = [name_of(ours) for ours in call.engine.functions.names() if wanted in ("", ours)]
    return _list(call, [name for name in names if not name.service])


async def list_async_configs_of_function(call: Call) -> Response:
    """FC 2.0: of one function."""
    wanted(call)
    return _list(call, [call.name])


def _list(call: Call, names: list[Name]) -> Response:
    found = [
        (name, qualifier, config)
        for name in names
        for qualifier, config in sorted(
            (shown_qualifier(qualified), config)
            for qualified, config in call.engine.functions.async_configs(name.ours).items()
        )
    ]
    part, token = page(call, found, lambda item: (item[0].ours, item[1]))
    configs = [shown(call, name, _ours(qualifier), config) for name, qualifier, config in part]
    return answer(paged(call, {"configs": configs}, token))


# ---------------------------------------------------------------- their words and ours


def config_of(call: Call, data: dict[str, Any]) -> AsyncConfig:
    """A configuration from the body of a PUT. Raises FcError."""
    kind = PutAsyncConfig if call.v3 else PutAsyncConfigOfService
    data = recased(data, kind) if call.old else data
    home = Home(call.state.region, call.state.account)
    return read_config(data, kind, home, lambda written, field: _check_target(call, written, field))


def read_config(
    data: dict[str, Any],
    kind: type[PutAsyncConfig | PutAsyncConfigOfService],
    home: Home,
    check_target: Callable[[dict[str, Any], str], None],
) -> AsyncConfig:
    """The same without a request. `check_target(destination, field)` raises for one that cannot be."""
    put = convert(_without_nulls(data), kind)
    arns: dict[str, str] = {}
    written: dict[str, dict[str, Any]] = {}
    for theirs, ours in ENDINGS:
        arn = getattr(put.destinationConfig, theirs).destination
        if arn:
            field = f"destinationConfig.{theirs}.destination"
            written[ours] = destination_of(arn, home, field)
            check_target(written[ours], field)
            arns[theirs] = arn
    said = {
        "max_retries": put.maxAsyncRetryAttempts,
        "max_event_age_seconds": put.maxAsyncEventAgeInSeconds,
        "listed": put.listed(),
        "attributes": {DOOR: {"arns": arns}} if arns else {},
        **written,
    }
    return as_a_whole(said, DEFAULTS)


def shown(call: Call, name: Name, qualifier: str, config: AsyncConfig) -> dict[str, Any]:
    """A configuration as that generation shows it. `qualifier`: ours."""
    home = Home(call.state.region, call.state.account)
    arns = config.attributes.get(DOOR, {}).get("arns", {})
    destinations = {}
    for theirs, ours in ENDINGS:
        written = getattr(config, ours)
        if written is not None:
            arn = arns.get(theirs) or arn_of(stored_destination(written), home)
            destinations[theirs] = {"destination": arn}
    common = {
        "destinationConfig": destinations,
        "maxAsyncEventAgeInSeconds": config.max_event_age_seconds,
        "maxAsyncRetryAttempts": config.max_retries,
        "createdTime": stamp(config.created_at),
        "lastModifiedTime": stamp(config.updated_at),
    }
    if call.v3:
        arn = function_arn(name, qualifier, home.region, home.account)
        return {"functionArn": arn, "asyncTask": config.listed, **common}
    return {
        "service": name.service,
        "function": name.function,
        "qualifier": shown_qualifier(qualifier),
        "statefulInvocation": config.listed,
        **common,
    }


def _check_match(call: Call, name: Name, qualifier: str) -> None:
    """`If-Match`, where there is something that it can be compared with."""
    config = call.engine.functions.async_config(name.ours, qualifier)
    if config is not None:
        call.check_match(shown(call, name, qualifier, config))


def _check_target(call: Call, written: dict[str, Any], field: str) -> None:
    """A function destination is there. (It must be an event function, seed alibaba-fc-result-callback;
    as long as HTTP triggers cannot be made, every function is one.)"""
    target = parse_destination(written, field).calls()
    if target is None:
        return
    name, qualifier = name_and_qualifier(target)
    try:
        call.engine.functions.get(name.ours, qualifier)
    except NotFound as error:
        raise _no_target(error, name, qualifier, field) from None


def _no_target(error: NotFound, name: Name, qualifier: str, field: str) -> FcError:
    match error:
        case VersionNotFound():
            what, code = f"version '{qualifier}' of function '{_said(name)}'", "VersionNotFound"
        case AliasNotFound():
            what, code = f"alias '{qualifier}' of function '{_said(name)}'", "AliasNotFound"
        case FunctionNotFound():
            what, code = f"function '{_said(name)}'", "FunctionNotFound"
        case _:
            what, code = f"'{qualifier}' of function '{_said(name)}'", "VersionNotFound"
    return FcError(404, code, f"{field}: {what} does not exist")


def _cycle(error: DestinationCycle) -> FcError:
    path = " -> ".join(_said(name_of(step)) for step in error.fields["cycle"])
    endings = error.fields["endings"]
    fields = (f"destinationConfig.{theirs}" for theirs, ours in ENDINGS if ours in endings)
    return invalid(
        f"{' and '.join(fields)}: these destinations form a cycle: {path}. An invocation would never "
        "end; send one of them elsewhere"
    )


def _not_exists(name: Name, qualifier: str) -> FcError:
    return FcError(
        404,
        "AsyncConfigNotExists",
        f"async config of function '{_said(name)}' with qualifier '{shown_qualifier(qualifier)}' "
        "does not exist",
    )


def _said(name: Name) -> str:
    """A function in a message: `service/function` in FC 2.0."""
    return f"{name.service}/{name.function}" if name.service else name.function


def _ours(qualifier: str) -> str:
    return LATEST if qualifier == shown_qualifier(LATEST) else qualifier


def _without_nulls(data: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in data.items()
        if value is not None
    }


ONE = "/functions/{function}/async-invoke-config"
IN_SERVICE = "/services/{service}" + ONE
ROUTES = (
    Route("PutAsyncInvokeConfig", "PUT", ONE, put_async_config, V3),
    Route("GetAsyncInvokeConfig", "GET", ONE, get_async_config, V3),
    Route("DeleteAsyncInvokeConfig", "DELETE", ONE, delete_async_config, V3),
    Route("ListAsyncInvokeConfigs", "GET", "/async-invoke-configs", list_async_configs, V3),
    Route("PutFunctionAsyncInvokeConfig", "PUT", IN_SERVICE, put_async_config, V2),
    Route("GetFunctionAsyncInvokeConfig", "GET", IN_SERVICE, get_async_config, V2),
    Route("DeleteFunctionAsyncInvokeConfig", "DELETE", IN_SERVICE, delete_async_config, V2),
    Route(
        "ListFunctionAsyncInvokeConfigs",
        "GET",
        f"{IN_SERVICE}s",
        list_async_configs_of_function,
        V2,
    ),
)
