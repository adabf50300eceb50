"""Functions: create, get, list, update, delete (reference 2.1, 2.2, 8.1, 8.2).

An update changes the fields that are given and nothing else. Functions that another door deployed
are shown here too.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ...catalog.function import LATEST, Function
from ...engine.plan import Plan
from ...errors import QualifierNotFound
from ..shared.answer import answer, empty
from ..shared.vendor_call import JSON_BYTES_MAX
from .answer import resource
from .call import Call
from .code import checksum, read_archive, remember
from .errors import FcError, invalid
from .function_input import FunctionInput2, FunctionInput3
from .function_spec import attributes, changed_spec, new_spec, read_2, read_3, with_log
from .function_view import Shown, runtime_shown, show_2, show_3
from .names import Name, check_function, name_of
from .paging import page, paged
from .route import V2, V3, Route
from .services import (
    check_qualifier,
    check_service_exists,
    functions_of,
    log_config_of,
    wanted,
)
from .tags import (
    check_tags,
    function_owner,
    has_tags,
    read_tag_filter,
    tag_plan,
    tags_by_owner,
)
from .triggers import triggers_of

FC_VERSIONS = ("", "v2", "v3")


# ---------------------------------------------------------------- operations


async def create_function(call: Call) -> Response:
    given = await _read(call)
    function = check_function(given.function_name or "")
    name = Name(function) if call.v3 else Name(function, call.service)
    if name.service:
        check_service_exists(call.engine, name.service)
    spec = new_spec(given)
    if name.service:
        spec = with_log(spec, log_config_of(call.engine, name.service))
    tags = check_tags(given.tags or []) if isinstance(given, FunctionInput3) else {}
    archive = await read_archive(call, given.code)
    if archive is None:
        raise invalid("code: it is required; send the archive in code.zipFile")

    async def decide() -> Plan:
        if call.engine.functions.has(name.ours):
            raise _exists(name)
        return call.engine.functions.plans.put_function(name.ours, spec, code) + tag_plan(
            "", tags, function=name.ours
        )

    async with call.engine.functions.code_kept(archive.data) as code:
        await call.engine.functions.change(decide)
        created = call.engine.functions.get(name.ours)
    remember(created.code_digest, archive.checksum)
    return resource(await _show(call, created))


async def get_function(call: Call) -> Response:
    return resource(await _show(call, wanted(call, call.qualifier), call.qualifier))


async def list_functions(call: Call) -> Response:
    """FC 3.0: of all services too, as `service$function`, unless `fcVersion` says which."""
    tags = tags_by_owner(call.engine)
    found = _asked(call, tags) if call.v3 else _of_service(call)
    prefix = call.query.get("prefix", "")
    found = [function for function in found if _short(call, function).startswith(prefix)]
    part, token = page(call, found, lambda function: (function.name,))
    qualifier = LATEST if call.v3 else call.qualifier
    shown = {"functions": [await _show(call, function, qualifier, tags) for function in part]}
    return answer(paged(call, shown, token))


async def update_function(call: Call) -> Response:
    given = await _read(call)
    name = call.name
    if given.function_name not in (None, name.function, name.ours):
        raise invalid("functionName: a function cannot be renamed")
    if isinstance(given, FunctionInput3) and given.tags:
        raise invalid("tags: an update does not change them; use TagResources and UntagResources")
    archive = await read_archive(call, given.code)

    async def decide() -> Plan:
        before = wanted(call)
        call.check_match(await _show(call, before))
        return call.engine.functions.plans.put_function(
            name.ours, changed_spec(before.spec, given), code
        )

    async with call.engine.functions.code_kept(None if archive is None else archive.data) as code:
        await call.engine.functions.change(decide)
        function = wanted(call)
    if archive is not None:
        remember(function.code_digest, archive.checksum)
    return resource(await _show(call, function))


async def delete_function(call: Call) -> Response:
    async def decide() -> Plan:
        function = wanted(call)
        call.check_match(await _show(call, function))
        if triggers_of(call.engine, function):
            raise FcError(
                409, "FunctionNotEmpty", f"function '{call.name.function}' has active triggers"
            )
        return call.engine.functions.plans.delete_function(call.name.ours)

    await call.engine.functions.change(decide)
    return empty()


# ---------------------------------------------------------------- lists


def _asked(call: Call, tags: dict[str, dict[str, str]]) -> list[Function]:
    """FC 3.0: `functionName` and `runtime` are compared, `description` is looked for inside, all of
    `tags` must be there."""
    query = call.query
    version = query.get("fcVersion", "")
    if version not in FC_VERSIONS:
        raise invalid(f"fcVersion: {version[:40]!r} is not v2 or v3")
    if query.get("gpuType"):
        return []  # no function has one
    wanted = read_tag_filter(query.get("tags", ""), "tags")
    found = []
    for function in call.engine.functions.all():
        kept = attributes(function.spec)
        inside = "$" in function.name
        if (
            version in ("", "v2" if inside else "v3")
            and query.get("functionName", function.name) in ("", function.name)
            and query.get("description", "") in function.spec.description
            and query.get("runtime", "") in ("", runtime_shown(function.spec))
            and query.get("resourceGroupId", "") in ("", kept.get("resourceGroupId"))
            and has_tags(tags.get(function_owner(function), {}), wanted)
        ):
            found.append(function)
    return found


def _of_service(call: Call) -> list[Function]:
    """FC 2.0: as they are by the qualifier, those that have it; from `startKey` on."""
    check_service_exists(call.engine, call.service)
    begin = call.query.get("startKey", "")
    found = []
    for function in functions_of(call.engine, call.service):
        if _short(call, function) >= begin:
            try:
                found.append(call.engine.functions.get(function.name, call.qualifier))
            except QualifierNotFound:
                continue  # added to the service after that version
    if not found:
        check_qualifier(call)
    return found


def _short(call: Call, function: Function) -> str:
    """The name as this generation's lists show it."""
    name = name_of(function.name)
    return name.ours if call.v3 else name.function


# ---------------------------------------------------------------- inside


async def _read(call: Call) -> FunctionInput3 | FunctionInput2:
    """The body, whose code may be large."""
    code_max = call.context.limits.code_bytes_max
    limit = JSON_BYTES_MAX + (code_max + 2) // 3 * 4
    data = await call.object(limit)
    return read_3(data) if call.v3 else read_2(data)


async def _show(
    call: Call,
    function: Function,
    qualifier: str = LATEST,
    tags: dict[str, dict[str, str]] | None = None,
) -> dict[str, Any]:
    tags = tags_by_owner(call.engine) if tags is None else tags
    shown = Shown(
        function,
        call.engine.functions.control(function.name),
        tags.get(function_owner(function), {}),
        await checksum(call.engine, function),
        call.state.region,
        call.state.account,
        qualifier,
    )
    return show_3(shown) if call.v3 else show_2(shown)


def _exists(name: Name) -> FcError:
    inside = f" in service '{name.service}'" if name.service else ""
    return FcError(
        409, "FunctionAlreadyExists", f"function '{name.function}' already exists{inside}"
    )


ALL = "/functions"
ONE = "/functions/{function}"
IN_SERVICE = "/services/{service}"
ROUTES = tuple(
    route
    for before, generations in (("", V3), (IN_SERVICE, V2))
    for route in (
        Route("CreateFunction", "POST", before + ALL, create_function, generations),
        Route("ListFunctions", "GET", before + ALL, list_functions, generations),
        Route("GetFunction", "GET", before + ONE, get_function, generations),
        Route("UpdateFunction", "PUT", before + ONE, update_function, generations),
        Route("DeleteFunction", "DELETE", before + ONE, delete_function, generations),
    )
)
