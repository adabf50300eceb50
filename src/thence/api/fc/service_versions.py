"""Versions of a service (FC 2.0): one number for all of its functions as they are at that moment
(reference 2.2, 8.3).

Each function gets a version of that number; the service's list of them is kept in entries. A
function that is created later is not in earlier versions.
"""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from ...catalog.entry import Entry
from ...catalog.version import number_of
from ...engine.engine import Engine
from ...engine.plan import Plan, delete_entry, put_entry, together
from ...errors import Conflict
from ..shared.answer import empty
from .aliases import body
from .answer import resource
from .call import Call
from .errors import FcError
from .route import V2, Route
from .services import NUMBER, VERSION, check_service_exists, functions_of, show_service
from .versions import PublishVersion, backward, in_use, list_of, shown_version, version_of

# ---------------------------------------------------------------- operations


async def publish_version(call: Call) -> Response:
    service, asked = service_of(call), await body(call, PublishVersion)
    engine, version = call.engine, ""

    async def decide() -> Plan:
        nonlocal version
        check_service_exists(engine, service)
        call.check_match(show_service(call, service))
        version = str(_next(engine, service))
        return _publish(engine, service, version, asked.description)

    await engine.functions.change(decide)
    (entry,) = (each for each in versions_of(engine, service) if each.name == version)
    return resource(shown(entry))


async def list_versions(call: Call) -> Response:
    found, newest_first = versions_of(call.engine, service_of(call)), backward(call)
    begin = call.number_if_given("startKey", 1, 10**15)
    if begin is not None:
        found = [
            version
            for version in found
            if (number(version) <= begin) == newest_first or number(version) == begin
        ]
    return list_of(call, found, number, shown)


async def delete_version(call: Call) -> Response:
    service, version = service_of(call), version_of(call)

    async def decide() -> Plan:
        if all(entry.name != version for entry in versions_of(call.engine, service)):
            raise no_version(service, version)
        return _withdraw(call.engine, service, version) + delete_entry(VERSION, service, version)

    try:
        await call.engine.functions.change(decide)
    except Conflict as error:
        raise in_use(version, error.fields["aliases"][0]) from None
    return empty()


# ---------------------------------------------------------------- what is kept


def service_of(call: Call) -> str:
    """The service of the path. Raises FcError: ServiceNotFound."""
    check_service_exists(call.engine, call.service)
    return call.service


def names_of(engine: Engine, service: str) -> list[str]:
    """Our names of its functions."""
    return [function.name for function in functions_of(engine, service)]


def versions_of(engine: Engine, service: str) -> list[Entry]:
    return engine.functions.entries(VERSION, service)


def number(entry: Entry) -> int:
    return int(entry.name)


def shown(entry: Entry) -> dict[str, object]:
    description = msgspec.json.decode(entry.data)["description"]
    return shown_version(entry.name, description, entry.created_at)


def no_version(service: str, version: str) -> FcError:
    return FcError(
        404, "VersionNotFound", f"version '{version}' of service '{service}' does not exist"
    )


def _publish(engine: Engine, service: str, version: str, description: str) -> Plan:
    """Of all its functions, and of the service itself."""
    functions = together(
        engine.functions.plans.publish_version(name, description, version)
        for name in names_of(engine, service)
    )
    data = msgspec.json.encode({"description": description})
    number = put_entry(NUMBER, service, "", version.encode())
    return number + functions + put_entry(VERSION, service, version, data)


def _withdraw(engine: Engine, service: str, version: str) -> Plan:
    """From those functions that were there when it was published."""
    return together(
        engine.functions.plans.delete_version(name, version)
        for name in names_of(engine, service)
        if engine.functions.has_version(name, version)
    )


def _next(engine: Engine, service: str) -> int:
    given = [int(entry.data) for entry in engine.functions.entries(NUMBER, service)]
    # Another door may have published a single function of the service.
    published = [
        number_of(function.version)
        for name in names_of(engine, service)
        for function in engine.functions.versions(name)
    ]
    return max([0, *given, *published]) + 1


ALL = "/services/{service}/versions"
ROUTES = (
    Route("PublishServiceVersion", "POST", ALL, publish_version, V2),
    Route("ListServiceVersions", "GET", ALL, list_versions, V2),
    Route("DeleteServiceVersion", "DELETE", ALL + "/{version}", delete_version, V2),
)
