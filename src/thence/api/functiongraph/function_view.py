"""A function as the vendor's clients know it (reference 10.1). Types are those of the clients' models:
a wrong one makes a client drop the whole answer (reference 16)."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from msgspec import Struct

from ...catalog.control import Control
from ...catalog.function import Function, FunctionSpec
from ...lifecycle.ids import format_id
from ...runtimes.kinds import vendor
from ...runtimes.python.function.contracts.functiongraph import millicores
from .function_spec import attributes, parts
from .instances import shown
from .urn import Urn, name_of, write

SYNCHRONOUS_SECONDS = 900  # a longer timeout is only for asynchronous calls (reference 4.3)
EPHEMERAL_MB = 512


class Shown(Struct, frozen=True):
    """All that a view is made of."""

    function: Function
    control: Control
    digest: str  # SHA-512 of the code, hex
    region: str
    project: str


def runtime_shown(spec: FunctionSpec) -> str:
    """As it was deployed at this door; of a function that another door deployed, a name of theirs."""
    kept: str | None = attributes(spec).get("runtime")
    return kept or vendor("functiongraph", spec.runtime).shown


def urn_of(shown: Shown, *, version: bool = True) -> str:
    name = name_of(shown.function.name)
    urn = Urn(name.package, name.name, shown.function.version)
    return write(urn, shown.region, shown.project, version=version)


def show_listed(shown: Shown) -> dict[str, Any]:
    """As in a list of functions: the URN without a version. `fail_count` (of a day) is left out: the
    counts are by minute, and a list would read those of all functions."""
    return {**show(shown), "func_urn": urn_of(shown, version=False)}


def show(shown: Shown) -> dict[str, Any]:
    """The configuration. Without the `func_id` that lists leave out, all models take it."""
    function, spec, kept = shown.function, shown.function.spec, attributes(shown.function.spec)
    id = format_id(function.family)
    plain, _ = parts(spec)
    return {
        "func_id": id,
        "resource_id": id,
        **_code(shown),
        "namespace": shown.project,
        "project_name": shown.region,
        "package": name_of(function.name).package,
        "timeout": math.ceil(spec.timeout_seconds),
        "handler": kept.get("handler") or spec.handler,
        "memory_size": spec.memory_mb,
        "gpu_memory": 0,
        "cpu": millicores(spec.memory_mb),
        "user_data": json.dumps(plain) if plain else "",
        "encrypted_user_data": "",
        "version": function.version,
        "image_name": _image(function),
        "xrole": kept.get("xrole", ""),
        "app_xrole": kept.get("app_xrole", ""),
        "description": spec.description,
        "ephemeral_storage": kept.get("ephemeral_storage") or EPHEMERAL_MB,
        "initializer_handler": kept.get("initializer_handler") or spec.initializer,
        "initializer_timeout": spec.initializer_timeout_seconds if spec.initializer else 0,
        "pre_stop_handler": kept.get("pre_stop_handler") or spec.pre_stop,
        "pre_stop_timeout": spec.pre_stop_timeout_seconds if spec.pre_stop else 0,
        "enterprise_project_id": kept.get("enterprise_project_id", ""),
        "long_time": spec.timeout_seconds > SYNCHRONOUS_SECONDS,
        "log_group_id": kept.get("log_group_id", ""),
        "log_stream_id": kept.get("log_stream_id", ""),
        "type": kept.get("type") or "v2",
        "enable_dynamic_memory": False,
        "is_stateful_function": False,
        "is_bridge_function": False,
        "is_return_stream": False,
        "enable_auth_in_header": False,
        "enable_class_isolation": False,
        "enable_lts_log": kept.get("enable_lts_log", False),
        "lts_custom_tag": kept.get("lts_custom_tag", {}),
        "reserved_instance_count": 0,
    }


def show_code(shown: Shown) -> dict[str, Any]:
    """What is shown of the code, without the package itself."""
    return _code(shown)


def _code(viewed: Shown) -> dict[str, Any]:
    function, kept = viewed.function, attributes(viewed.function.spec)
    return {
        "func_urn": urn_of(viewed),
        "func_name": name_of(function.name).name,
        "domain_id": viewed.project,
        "runtime": runtime_shown(function.spec),
        "code_type": kept.get("code_type", "zip"),
        "code_url": "",
        "code_filename": kept.get("code_filename", ""),
        "code_size": function.code_bytes,
        "digest": viewed.digest,
        "last_modified": stamp(function.updated_at),
        "depend_list": [],
        "depend_version_list": [],
        "dependencies": [],
        "strategy_config": {
            "concurrency": shown(function, viewed.control),
            "concurrent_num": kept.get("concurrent_num", 1),
        },
    }


def _image(function: Function) -> str:
    made = time.strftime("%y%m%d%H%M%S", time.gmtime(function.updated_at / 1000))
    return f"{function.version}-{made}@{function.code_digest[:5]}"


def stamp(at_ms: int) -> str:
    """`2026-03-02T10:15:07`, in UTC: the clients make a time of it (reference 16)."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ms / 1000))
