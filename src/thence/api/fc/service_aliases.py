"""Aliases of a service (FC 2.0): each is put on every function of the service that has the version it
stands for (reference 8.3).

A function without that version does not know the alias; one that has it, but not the canary version,
gives it all its calls. What was configured for an alias on a function that loses it is kept, and is
there again when the alias comes back to that function.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace
from starlette.responses import Response

from ...catalog.alias import Alias, within
from ...catalog.async_config import AsyncConfig
from ...catalog.function import LATEST
from ...engine.engine import Engine
from ...engine.plan import NOTHING, Plan, delete_entry, put_entry, together
from ..shared.answer import empty
from .aliases import CreateAlias, UpdateAlias, body, created, exists, list_of, shown, updated
from .answer import resource
from .call import Call
from .errors import FcError, invalid
from .route import V2, Route
from .service_versions import names_of, no_version, service_of, versions_of
from .services import ALIAS


class ServiceAlias(Struct, frozen=True):
    """What an entry holds. `parked`: configurations of functions that have not the alias now."""

    alias: Alias
    parked: dict[str, AsyncConfig] = field(default_factory=dict)


_decode = msgspec.json.Decoder(ServiceAlias).decode


# ---------------------------------------------------------------- operations


async def create_alias(call: Call) -> Response:
    service, asked = service_of(call), await body(call, CreateAlias)
    alias = created(asked, old=True)

    def new() -> ServiceAlias:
        if _find(call.engine, service, alias.name) is not None:
            raise exists(alias.name)
        return ServiceAlias(replace(alias, created_at=call.context.clock.now()))

    return await _change(call, service, alias.name, new)


async def list_aliases(call: Call) -> Response:
    found = call.engine.functions.entries(ALIAS, service_of(call))
    return list_of(call, [_decode(entry.data).alias for entry in found])


async def get_alias(call: Call) -> Response:
    return resource(shown(call, _get(call, service_of(call)).alias))


async def update_alias(call: Call) -> Response:
    service, asked = service_of(call), await body(call, UpdateAlias)

    def changed() -> ServiceAlias:
        before = _get(call, service)
        call.check_match(shown(call, before.alias))
        return replace(before, alias=updated(before.alias, asked, old=True))

    return await _change(call, service, call.path["alias"], changed)


async def delete_alias(call: Call) -> Response:
    service = service_of(call)
    engine = call.engine

    async def decide() -> Plan:
        alias = _get(call, service).alias
        call.check_match(shown(call, alias))
        of_functions = together(
            engine.functions.plans.delete_alias(name, alias.name)
            for name in names_of(engine, service)
            if _has(engine, name, alias.name)
        )
        return of_functions + delete_entry(ALIAS, service, alias.name)

    await engine.functions.change(decide)
    return empty()


async def _change(
    call: Call, service: str, alias: str, wanted: Callable[[], ServiceAlias]
) -> Response:
    async def decide() -> Plan:
        found = wanted()
        found = replace(found, alias=replace(found.alias, updated_at=call.context.clock.now()))
        return _put(call.engine, service, found)

    await call.engine.functions.change(decide)
    saved = _find(call.engine, service, alias)
    assert saved is not None
    return resource(shown(call, saved.alias))


# ---------------------------------------------------------------- what is kept


def _find(engine: Engine, service: str, alias: str) -> ServiceAlias | None:
    for entry in engine.functions.entries(ALIAS, service):
        if entry.name == alias:
            return _decode(entry.data)
    return None


def _get(call: Call, service: str) -> ServiceAlias:
    alias = call.path["alias"]
    found = _find(call.engine, service, alias)
    if found is None:
        raise FcError(
            404, "AliasNotFound", f"alias '{alias[:140]}' of service '{service}' does not exist"
        )
    return found


def _put(engine: Engine, service: str, kept: ServiceAlias) -> Plan:
    """On all functions, and for the service itself."""
    _check_versions(engine, service, kept.alias)
    parked = dict(kept.parked)
    of_functions = together(
        _put_on(engine, name, kept.alias, parked) for name in names_of(engine, service)
    )
    data = msgspec.json.encode(ServiceAlias(kept.alias, parked))
    return of_functions + put_entry(ALIAS, service, kept.alias.name, data)


def _put_on(engine: Engine, name: str, alias: Alias, parked: dict[str, AsyncConfig]) -> Plan:
    plans, has = engine.functions.plans, _has(engine, name, alias.name)
    config = engine.functions.async_config(name, alias.name) if has else None
    versions = {function.version for function in engine.functions.versions(name)}
    if alias.version not in versions:
        if config is not None:
            parked[name] = config
        return plans.delete_alias(name, alias.name) if has else NOTHING
    put = plans.put_alias(name, within(alias, versions), create=not has)
    before = parked.pop(name, None)
    if before is not None and config is None:
        put += plans.put_async_config(name, alias.name, before, check=False)
    return put


def _has(engine: Engine, name: str, alias: str) -> bool:
    return engine.functions.has_alias(name, alias)


def _check_versions(engine: Engine, service: str, alias: Alias) -> None:
    published = {entry.name for entry in versions_of(engine, service)}
    for version in sorted(alias.versions() - published):
        if version == LATEST:
            raise invalid(
                "versionId: an alias of a service stands for a published version, not for LATEST; "
                "publish a version of the service first"
            )
        raise no_version(service, version)


ALL = "/services/{service}/aliases"
ONE = ALL + "/{alias}"
ROUTES = (
    Route("CreateAlias", "POST", ALL, create_alias, V2),
    Route("ListAliases", "GET", ALL, list_aliases, V2),
    Route("GetAlias", "GET", ONE, get_alias, V2),
    Route("UpdateAlias", "PUT", ONE, update_alias, V2),
    Route("DeleteAlias", "DELETE", ONE, delete_alias, V2),
)
