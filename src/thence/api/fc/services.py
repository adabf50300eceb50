"""Services of FC 2.0: what its functions are grouped by (reference 8.2).

A service is an entry of the catalogue. One whose functions were deployed at another door (as
`service$function`) is there without an entry, with nothing but its name.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.responses import Response

from ...catalog.entry import Entry
from ...catalog.function import LATEST, Function
from ...engine.engine import Engine
from ...engine.plan import NOTHING, Plan, delete_entry, put_entry, together
from ...errors import ThenceError
from ..shared.answer import answer, empty
from .answer import resource, stamp
from .call import Call, convert
from .errors import FcError, invalid
from .function_input import LogConfig, TracingConfig, refuse_what_cannot_be_done
from .function_spec import with_log, without_null
from .keys import recased
from .names import check_service
from .paging import page, paged
from .refused import SERVICE, refused
from .route import V2, Route
from .tags import service_names, service_owner, tags_by_owner, untag_plan

OWNER = ""  # services belong to no function
VERSION = "fc.service_version"  # entries; owner: the service, name: the number
NUMBER = "fc.service_version_number"  # the highest that was given, data: it
ALIAS = "fc.service_alias"  # owner: the service, name: the alias
OWNED = (VERSION, NUMBER, ALIAS)
SHOWN = ("description", "role", "logConfig", "tracingConfig")


class ServiceInput(Struct, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """CreateServiceRequest and UpdateServiceRequest. None: not given."""

    service_name: str | None = None
    description: Annotated[str, Meta(max_length=256)] | None = None
    role: str | None = None
    log_config: LogConfig | None = None
    tracing_config: TracingConfig | None = None
    internet_access: bool | None = None
    vpc_config: Any = None
    nas_config: Any = None
    oss_mount_config: Any = None


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a service; `given` has the vendor's names of SHOWN."""

    id: str
    given: dict[str, Any]


# ---------------------------------------------------------------- for others


def service_entry(engine: Engine, service: str) -> Entry | None:
    """None: there is none, or it is there for its functions only."""
    return next(
        (entry for entry in engine.functions.entries(SERVICE, OWNER) if entry.name == service), None
    )


def functions_of(engine: Engine, service: str) -> list[Function]:
    """By name."""
    return [
        function for function in engine.functions.all() if function.name.startswith(f"{service}$")
    ]


def check_service_exists(engine: Engine, service: str) -> None:
    """Raises FcError: ServiceNotFound."""
    if service_entry(engine, service) is None and not functions_of(engine, service):
        raise _missing(service)


def check_qualifier(call: Call) -> None:
    """Raises FcError where the service has no such version or alias."""
    service, qualifier = call.service, call.qualifier
    if qualifier == LATEST:
        return
    number = qualifier.isascii() and qualifier.isdecimal()
    if all(
        entry.name != qualifier
        for entry in call.engine.functions.entries(VERSION if number else ALIAS, service)
    ):
        code, what = ("VersionNotFound", "version") if number else ("AliasNotFound", "alias")
        raise FcError(404, code, f"{what} '{qualifier}' of service '{service}' does not exist")


def log_config_of(engine: Engine, service: str) -> LogConfig | None:
    """What the contexts of its functions name."""
    entry = service_entry(engine, service)
    written = None if entry is None else _kept(entry).given.get("logConfig")
    return None if written is None else msgspec.convert(written, LogConfig)


def wanted(call: Call, qualifier: str = LATEST) -> Function:
    """The function of the path, by our qualifier. Raises FcError."""
    try:
        return call.engine.functions.get(call.name.ours, qualifier)
    except ThenceError as error:
        raise refused(error, call.engine, call.name, qualifier) from None


# ---------------------------------------------------------------- operations


async def create_service(call: Call) -> Response:
    given = await _read(call)
    name = check_service(given.service_name or "")

    async def decide() -> Plan:
        if service_entry(call.engine, name) is not None:
            raise FcError(409, "ServiceAlreadyExists", f"service '{name}' already exists")
        kept = Service(str(uuid.uuid4()), _shown_fields(given))
        return _put(name, kept) + _of_functions(call.engine, name, given)

    await call.engine.functions.change(decide)
    return resource(show_service(call, name))


async def get_service(call: Call) -> Response:
    """A qualifier must be one that the service has; what is shown is the service as it is now."""
    check_service_exists(call.engine, call.service)
    check_qualifier(call)
    return resource(show_service(call, call.service))


async def list_services(call: Call) -> Response:
    """`tag_KEY=VALUE` in the query: only services with that tag (PY2)."""
    prefix, begin = call.query.get("prefix", ""), call.query.get("startKey", "")
    tags = tags_by_owner(call.engine)
    asked = {
        name.removeprefix("tag_"): value
        for name, value in call.query.items()
        if name.startswith("tag_")
    }
    found = [
        name
        for name in service_names(call.engine)
        if name.startswith(prefix)
        and name >= begin
        and asked.items() <= tags.get(service_owner(name), {}).items()
    ]
    part, token = page(call, found, lambda name: (name,))
    shown = {"services": [show_service(call, name) for name in part]}
    return answer(paged(call, shown, token))


async def update_service(call: Call) -> Response:
    given = await _read(call)
    name = call.service
    if given.service_name not in (None, name):
        raise invalid("serviceName: a service cannot be renamed")

    async def decide() -> Plan:
        check_service_exists(call.engine, name)
        call.check_match(show_service(call, name))
        entry = service_entry(call.engine, name)
        kept = Service(str(uuid.uuid4()), {}) if entry is None else _kept(entry)
        kept = replace(kept, given={**kept.given, **_shown_fields(given)})
        return _put(name, kept) + _of_functions(call.engine, name, given)

    await call.engine.functions.change(decide)
    return resource(show_service(call, name))


async def delete_service(call: Call) -> Response:
    name = call.service

    async def decide() -> Plan:
        check_service_exists(call.engine, name)
        call.check_match(show_service(call, name))
        if functions_of(call.engine, name):
            raise FcError(
                409, "ServiceNotEmpty", f"service '{name}' has functions; delete them first"
            )
        owned = together(
            delete_entry(kind, name, entry.name)
            for kind in OWNED
            for entry in call.engine.functions.entries(kind, name)
        )
        tags = untag_plan(call.engine, service_owner(name))
        return delete_entry(SERVICE, OWNER, name) + owned + tags

    await call.engine.functions.change(decide)
    return empty()


# ---------------------------------------------------------------- inside


async def _read(call: Call) -> ServiceInput:
    return read_service(await call.object())


def read_service(data: dict[str, Any]) -> ServiceInput:
    """A decoded body. Raises InvalidArgument."""
    given = convert(without_null(recased(data, ServiceInput)), ServiceInput)
    refuse_what_cannot_be_done(given)
    return given


def _shown_fields(given: ServiceInput) -> dict[str, Any]:
    found = msgspec.to_builtins(given)
    return {name: found[name] for name in SHOWN if name in found}


def _put(name: str, kept: Service) -> Plan:
    return put_entry(SERVICE, OWNER, name, msgspec.json.encode(kept))


def _of_functions(engine: Engine, name: str, given: ServiceInput) -> Plan:
    """A new logConfig becomes that of the contexts of all its functions."""
    if given.log_config is None:
        return NOTHING
    specs = (
        (function, with_log(function.spec, given.log_config))
        for function in functions_of(engine, name)
    )
    return together(
        engine.functions.plans.put_function(function.name, spec, None)
        for function, spec in specs
        if spec != function.spec
    )


def _kept(entry: Entry) -> Service:
    return msgspec.json.decode(entry.data, type=Service)


def show_service(call: Call, name: str) -> dict[str, Any]:
    entry = service_entry(call.engine, name)
    functions = functions_of(call.engine, name) if entry is None else []
    created = (
        min(function.created_at for function in functions) if entry is None else entry.created_at
    )
    changed = created if entry is None else entry.updated_at
    kept = Service("", {}) if entry is None else _kept(entry)
    return {
        "serviceName": name,
        "serviceId": kept.id or name,
        "description": "",
        "role": "",
        "internetAccess": True,
        "createdTime": stamp(created),
        "lastModifiedTime": stamp(changed),
        **kept.given,
    }


def _missing(service: str) -> FcError:
    return FcError(404, "ServiceNotFound", f"service '{service}' does not exist")


ONE = "/services/{service}"
ROUTES = (
    Route("CreateService", "POST", "/services", create_service, V2),
    Route("ListServices", "GET", "/services", list_services, V2),
    Route("GetService", "GET", ONE, get_service, V2),
    Route("UpdateService", "PUT", ONE, update_service, V2),
    Route("DeleteService", "DELETE", ONE, delete_service, V2),
)
