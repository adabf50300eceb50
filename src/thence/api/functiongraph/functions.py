"""Functions: create, list, delete; their configuration and the maximum of their instances
(reference 10)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response

from ...catalog.function import LATEST, Function, FunctionSpec
from ...engine.plan import NOTHING, Plan
from ...errors import Conflict
from ..shared.answer import answer, empty
from . import instances
from .call import Call
from .code import BODY_BYTES_MAX, about, kept, read_archive
from .errors import FssError
from .found import latest, row, shown, wanted
from .function_input import INSTANCES_MAX, ConfigInput, CreateInput, check_required, read, wrong
from .function_spec import changed_spec, new_spec, with_attributes
from .function_view import runtime_shown, show, show_listed
from .paging import page, paged
from .pinned import pinned
from .route import Route
from .urn import NAME, PACKAGE, Urn, has_urn, name_of


class MaxInstances(Struct, forbid_unknown_fields=True):
    max_instance_num: Annotated[int, Meta(ge=-1, le=INSTANCES_MAX)]


# ---------------------------------------------------------------- operations


async def create_function(call: Call) -> Response:
    given = read(await call.object(), CreateInput)
    check_required(given)
    urn = _new_name(given)
    spec = with_attributes(new_spec(given, call.state.project), **about(given))
    archive = await read_archive(given, spec, call.context.limits.code_bytes_max)
    room = _asked(given)

    async def decide() -> Plan:
        if call.engine.functions.has(urn.ours):
            raise FssError(409, "FSS.1061", f"function {urn.package}:{urn.name} already exists")
        of_room = instances.of_new(
            call.engine, urn.ours, instances.DEFAULT if room is None else room
        )
        return call.engine.functions.plans.put_function(urn.ours, spec, code) + of_room

    async with kept(call, archive) as code:
        await call.engine.functions.change(decide)
        function = call.engine.functions.get(urn.ours)
    return answer(show(await shown(call, function)))


async def list_functions(call: Call) -> Response:
    """Pinned ones first; `func_name` is looked for inside names, in any case."""
    package, part_of_name = call.query.get("package_name", ""), call.query.get("func_name", "")
    found = []
    for function in call.engine.functions.all():
        name = name_of(function.name)
        if (
            has_urn(function.name)
            and package in ("", name.package)
            and part_of_name.lower() in name.name.lower()
        ):
            found.append(function)
    first = pinned(call.engine)
    found.sort(key=lambda function: (function.family not in first, _in_order(function)))
    part, next_marker = page(call, found)
    functions = [show_listed(await shown(call, function)) for function in part]
    return answer(paged("functions", functions, next_marker, len(found)))


async def show_function_config(call: Call) -> Response:
    return answer(show(await shown(call, wanted(call))))


async def update_function_config(call: Call) -> Response:
    """What is not given stays as it is."""
    given = read(await call.object(), ConfigInput)

    async def decide() -> Plan:
        before = latest(call)
        _check_same(before, given)
        return _changed(call, before, changed_spec(before.spec, given), _asked(given))

    await call.engine.functions.change(decide)
    return answer(show(await shown(call, latest(call))))


async def update_function_max_instance_config(call: Call) -> Response:
    """Of all versions together, whichever the path names."""
    given = read(await call.object(), MaxInstances)
    urn = call.urn

    async def decide() -> Plan:
        row(call, urn)
        before = row(call, Urn(urn.package, urn.name))
        return _changed(call, before, before.spec, given.max_instance_num)

    await call.engine.functions.change(decide)
    return answer(show(await shown(call, row(call, Urn(urn.package, urn.name)))))


async def delete_function(call: Call) -> Response:
    """With a version or an alias only that; else the function with all it has (reference 3)."""
    urn, plans = call.urn, call.engine.functions.plans

    async def decide() -> Plan:
        row(call, urn)
        if not urn.named:
            return plans.delete_function(urn.ours)
        if urn.qualifier == LATEST:
            raise wrong(
                "function_urn: latest cannot be deleted alone; leave it out to delete the function "
                "with all versions"
            )
        if urn.alias:
            return plans.delete_alias(urn.ours, urn.qualifier)
        return plans.delete_version(urn.ours, urn.qualifier)

    try:
        await call.engine.functions.change(decide)
    except Conflict as error:
        raise _in_use(urn, error) from None
    return empty()


# ---------------------------------------------------------------- inside


def _changed(call: Call, before: Function, spec: FunctionSpec, room: int | None) -> Plan:
    """Deploys what has changed. `room`: the maximum of instances, None: as it is."""
    if room is not None:
        spec = instances.with_room(spec, room)
    plan = NOTHING
    if spec != before.spec:
        plan += call.engine.functions.plans.put_function(before.name, spec, None)
    if room is not None:
        plan += instances.of_present(call.engine, before.name, room)
    return plan


def _in_use(urn: Urn, error: Conflict) -> FssError:
    users = ", ".join(error.fields.get("aliases", ()))
    return FssError(
        403,
        "FSS.1094",
        f"version {urn.qualifier!r} is used by the alias {users}; change or delete that first",
    )


def _new_name(given: CreateInput) -> Urn:
    """Raises FssError."""
    name, package = given.func_name or "", given.package or ""
    for field, text, allowed in (("func_name", name, NAME), ("package", package, PACKAGE)):
        if allowed.fullmatch(text) is None:
            raise wrong(
                f"{field}: {text[:80]!r} is not valid; 1 to 60 letters, digits, '_' or '-', "
                "beginning with a letter and ending with a letter or digit"
            )
    return Urn(package, name)


def _in_order(function: Function) -> tuple[str, str]:
    name = name_of(function.name)
    return name.package, name.name


def _check_same(before: Function, given: ConfigInput) -> None:
    """Raises FssError for what cannot be changed."""
    name, runtime = name_of(before.name).name, runtime_shown(before.spec)
    if given.func_name not in (None, name):
        raise wrong("func_name: a function cannot be renamed")
    if given.runtime not in (None, runtime):
        raise wrong(f"runtime: it cannot be changed; this function has {runtime}")


def _asked(given: ConfigInput) -> int | None:
    """The maximum of instances that is asked for."""
    return None if given.strategy_config is None else given.strategy_config.concurrency


ALL = "/fgs/functions"
ONE = ALL + "/{function_urn}"
ROUTES = (
    Route("create_function", "POST", ALL, create_function, BODY_BYTES_MAX),
    Route("list_functions", "GET", ALL, list_functions),
    Route("delete_function", "DELETE", ONE, delete_function),
    Route("show_function_config", "GET", ONE + "/config", show_function_config),
    Route("update_function_config", "PUT", ONE + "/config", update_function_config),
    Route(
        "update_function_max_instance_config",
        "PUT",
        ONE + "/config-max-instance",
        update_function_max_instance_config,
    ),
)
