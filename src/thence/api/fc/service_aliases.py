"""Aliases of a service (FC 2.0): each is put on every function of the service that has the version it
stands for (reference 8.3).

A function without that version does not know the alias; one that has it, but not the canary version,
gives it all its calls. What was configured for an alias on a function that loses it is kept, and is
there again when the alias comes back to that function.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace
from starlette.responses import Response

from ...catalog.alias import Alias
from ...catalog.async_config import AsyncConfig
from ...catalog.function import LATEST
from ...engine.engine import Engine
from .aliases import CreateAlias, UpdateAlias, body, created, exists, list_of, shown, updated
from .answer import empty, resource
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
    async with call.state.changing:
        if _find(call.engine, service, alias.name) is not None:
            raise exists(alias.name)
        now = call.context.clock.now()
        alias = replace(alias, created_at=now, updated_at=now)
        return resource(shown(call, await _put(call.engine, service, ServiceAlias(alias))))


async def list_aliases(call: Call) -> Response:
    found = call.engine.entries(ALIAS, service_of(call))
    return list_of(call, [_decode(one.data).alias for one in found])


async def get_alias(call: Call) -> Response:
    return resource(shown(call, _get(call, service_of(call)).alias))


async def update_alias(call: Call) -> Response:
    service, asked = service_of(call), await body(call, UpdateAlias)
    async with call.state.changing:
        before = _get(call, service)
        call.check_match(shown(call, before.alias))
        alias = updated(before.alias, asked, old=True)
        alias = replace(alias, updated_at=call.context.clock.now())
        saved = await _put(call.engine, service, replace(before, alias=alias))
        return resource(shown(call, saved))


async def delete_alias(call: Call) -> Response:
    service = service_of(call)
    async with call.state.changing:
        alias = _get(call, service).alias
        call.check_match(shown(call, alias))
        for name in names_of(call.engine, service):
            if _has(call.engine, name, alias.name):
                await call.engine.delete_alias(name, alias.name)
        # Last, so that what is broken off can be done again.
        await call.engine.delete_entry(ALIAS, service, alias.name)
    return empty()


# ---------------------------------------------------------------- what is kept


def _find(engine: Engine, service: str, alias: str) -> ServiceAlias | None:
    for one in engine.entries(ALIAS, service):
        if one.name == alias:
            return _decode(one.data)
    return None


def _get(call: Call, service: str) -> ServiceAlias:
    alias = call.path["alias"]
    found = _find(call.engine, service, alias)
    if found is None:
        raise FcError(
            404, "AliasNotFound", f"alias '{alias[:140]}' of service '{service}' does not exist"
        )
    return found


async def _put(engine: Engine, service: str, kept: ServiceAlias) -> Alias:
    """On the functions first: a create or update that is broken off is done again as it was."""
    _check_versions(engine, service, kept.alias)
    parked = dict(kept.parked)
    for name in names_of(engine, service):
        await _put_on(engine, name, kept.alias, parked)
    data = msgspec.json.encode(ServiceAlias(kept.alias, parked))
    await engine.put_entry(ALIAS, service, kept.alias.name, data)
    return kept.alias


async def _put_on(engine: Engine, name: str, alias: Alias, parked: dict[str, AsyncConfig]) -> None:
    has = _has(engine, name, alias.name)
    versions = {one.version for one in engine.versions(name)}
    if alias.version not in versions:
        if has:
            config = engine.async_config(name, alias.name)
            if config is not None:
                parked[name] = config
            await engine.delete_alias(name, alias.name)
        return
    weights = {one: share for one, share in alias.weights.items() if one in versions}
    await engine.put_alias(name, replace(alias, weights=weights), create=not has)
    config = parked.pop(name, None)
    if config is not None and engine.async_config(name, alias.name) is None:
        await engine.put_async_config(name, alias.name, config)


def _has(engine: Engine, name: str, alias: str) -> bool:
    return any(one.name == alias for one in engine.aliases(name))


def _check_versions(engine: Engine, service: str, alias: Alias) -> None:
    published = {one.name for one in versions_of(engine, service)}
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
