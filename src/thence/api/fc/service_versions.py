"""Versions of a service (FC 2.0): one number for all of its functions as they are at that moment
(reference 2.2, 8.3).

Each function gets a version of that number; the service's list of them is kept in entries. A
function that is created later is not in earlier versions.
"""

from __future__ import annotations

import logging

import msgspec
from starlette.responses import Response

from ...catalog.entry import Entry
from ...engine.engine import Engine
from ...errors import FunctionNotFound, ThenceError, VersionNotFound
from .aliases import body
from .answer import empty, resource
from .call import Call
from .errors import FcError
from .route import V2, Route
from .services import NUMBER, VERSION, check_service_exists, functions_of, show_service
from .versions import PublishVersion, backward, in_use, list_of, shown_version, version_of

log = logging.getLogger("thence.api.fc")


# ---------------------------------------------------------------- operations


async def publish_version(call: Call) -> Response:
    service, asked = service_of(call), await body(call, PublishVersion)
    async with call.state.changing:
        call.check_match(show_service(call, service))
        return resource(shown(await _publish(call.engine, service, asked.description)))


async def list_versions(call: Call) -> Response:
    found, newest_first = versions_of(call.engine, service_of(call)), backward(call)
    begin = call.number("startKey", 1, 10**15)
    if begin is not None:
        found = [
            one for one in found if (number(one) <= begin) == newest_first or number(one) == begin
        ]
    return list_of(call, found, number, shown)


async def delete_version(call: Call) -> Response:
    service, version = service_of(call), version_of(call)
    async with call.state.changing:
        if all(one.name != version for one in versions_of(call.engine, service)):
            raise no_version(service, version)
        names = names_of(call.engine, service)
        for name in names:
            for alias in call.engine.aliases(name):
                if version in alias.versions():
                    raise in_use(version, alias.name)
        await _withdraw(call.engine, names, version)
        # Last, so that what is broken off can be done again.
        await call.engine.delete_entry(VERSION, service, version)
    return empty()


# ---------------------------------------------------------------- what is kept


def service_of(call: Call) -> str:
    """The service of the path. Raises FcError: ServiceNotFound."""
    check_service_exists(call.engine, call.service)
    return call.service


def names_of(engine: Engine, service: str) -> list[str]:
    """Our names of its functions."""
    return [one.name for one in functions_of(engine, service)]


def versions_of(engine: Engine, service: str) -> list[Entry]:
    return engine.entries(VERSION, service)


def number(entry: Entry) -> int:
    return int(entry.name)


def shown(entry: Entry) -> dict[str, object]:
    description = msgspec.json.decode(entry.data)["description"]
    return shown_version(entry.name, description, entry.created_at)


def no_version(service: str, version: str) -> FcError:
    return FcError(
        404, "VersionNotFound", f"version '{version}' of service '{service}' does not exist"
    )


async def _publish(engine: Engine, service: str, description: str) -> Entry:
    names = names_of(engine, service)
    version = str(_next(engine, service, names))
    # Before all else: a number may be left out, but never given twice.
    await engine.put_entry(NUMBER, service, "", version.encode())
    try:
        for name in names:
            await engine.publish_version(name, description, version)
        data = msgspec.json.encode({"description": description})
        return await engine.put_entry(VERSION, service, version, data)
    except ThenceError:
        try:
            await _withdraw(engine, names, version)
        except ThenceError as error:
            # The number is in no list and is not given again; the rest goes with the functions.
            log.warning("version %s of %s could not be withdrawn: %s", version, service, error)
        raise


async def _withdraw(engine: Engine, names: list[str], version: str) -> None:
    for name in names:
        try:
            await engine.delete_version(name, version)
        except (FunctionNotFound, VersionNotFound):
            continue  # it was created after that version, or is being deleted


def _next(engine: Engine, service: str, names: list[str]) -> int:
    given = [int(one.data) for one in engine.entries(NUMBER, service)]
    # Another door may have published a single function of the service.
    published = [one.version for name in names for one in engine.versions(name)]
    return max([0, *given, *(int(one) for one in published if one.isdecimal())]) + 1


ALL = "/services/{service}/versions"
ROUTES = (
    Route("PublishServiceVersion", "POST", ALL, publish_version, V2),
    Route("ListServiceVersions", "GET", ALL, list_versions, V2),
    Route("DeleteServiceVersion", "DELETE", ALL + "/{version}", delete_version, V2),
)
