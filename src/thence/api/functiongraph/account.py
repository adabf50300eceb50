"""What the project has and what it has not: quotas, reserved instances, dependencies, export.

What is not here is answered as an empty list; what would make one is refused.
"""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

from msgspec import Meta, Struct
from starlette.responses import Response

from ..shared.answer import answer
from .call import Call
from .code import BODY_BYTES_MAX
from .errors import FssError, invalid
from .found import row, wanted
from .function_input import read
from .paging import paged
from .route import Route

UNLIMITED = -1
_MB = 1024 * 1024


class Reserved(Struct, forbid_unknown_fields=True):
    count: Annotated[int, Meta(ge=0, le=1000)] = 0
    idle_mode: bool = False
    tactics_config: dict[str, Any] = {}


async def list_quotas(call: Call) -> Response:
    """No limits are set on either; `used` says what there is."""
    functions = call.engine.functions.all()
    stored = sum(function.code_bytes for function in functions)
    resources = [
        {"quota": UNLIMITED, "used": len(functions), "type": "fgs_func_num", "unit": ""},
        {"quota": UNLIMITED, "used": stored // _MB, "type": "fgs_func_code_size", "unit": "MB"},
    ]
    return answer({"quotas": {"resources": resources}})


# ---------------------------------------------------------------- reserved instances


async def update_reserved(call: Call) -> Response:
    row(call, call.urn)
    asked = read(await call.object(), Reserved)
    if asked.count or asked.idle_mode or any(asked.tactics_config.values()):
        raise invalid(
            "count: instances cannot be reserved here; they are started when calls come and kept "
            "for a while. Leave count at 0 and tactics_config empty"
        )
    return answer({"count": 0, "idle_mode": False, "tactics_config": {}})


async def list_reserved(call: Call) -> Response:
    return answer({"reservedinstances": [], "page_info": _PAGE, "count": 0})


async def list_reserved_configs(call: Call) -> Response:
    return answer({"reserved_instances": [], "page_info": _PAGE, "count": 0})


_PAGE = {"next_marker": 0, "previous_marker": 0, "current_count": 0}


# ---------------------------------------------------------------- dependencies, export


async def list_dependencies(call: Call) -> Response:
    return answer(paged("dependencies", [], 0, 0))


async def no_dependencies(call: Call) -> NoReturn:
    raise invalid(
        "dependencies are not kept here; put what the code needs into its archive", "FSS.1024"
    )


async def no_such_dependency(call: Call) -> NoReturn:
    raise FssError(404, "FSS.1056", f"dependency {call.path['depend_id'][:80]!r} does not exist")


async def no_export(call: Call) -> NoReturn:
    wanted(call)
    raise invalid(
        "functions cannot be exported as a package here; show_function_code has a link to the "
        "code, show_function_config the configuration"
    )


async def no_import(call: Call) -> NoReturn:
    raise invalid("functions cannot be imported from a package here; create them with their code")


FUNCTIONS, DEPENDENCIES = "/fgs/functions", "/fgs/dependencies"
VERSION = DEPENDENCIES + "/{depend_id}/version"
ROUTES = (
    Route("list_quotas", "GET", "/fgs/quotas", list_quotas),
    Route(
        "update_function_reserved_instances_count",
        "PUT",
        FUNCTIONS + "/{function_urn}/reservedinstances",
        update_reserved,
    ),
    Route(
        "list_function_reserved_instances", "GET", FUNCTIONS + "/reservedinstances", list_reserved
    ),
    Route(
        "list_reserved_instance_configs",
        "GET",
        FUNCTIONS + "/reservedinstanceconfigs",
        list_reserved_configs,
    ),
    Route("list_dependencies", "GET", DEPENDENCIES, list_dependencies),
    Route(
        "create_dependency_version",
        "POST",
        DEPENDENCIES + "/version",
        no_dependencies,
        BODY_BYTES_MAX,
    ),
    Route("list_dependency_version", "GET", VERSION, no_such_dependency),
    Route("show_dependency_version", "GET", VERSION + "/{version}", no_such_dependency),
    Route("delete_dependency_version", "DELETE", VERSION + "/{version}", no_such_dependency),
    Route("export_function", "GET", FUNCTIONS + "/{function_urn}/export", no_export),
    Route("import_function", "POST", FUNCTIONS + "/import", no_import, BODY_BYTES_MAX),
)
