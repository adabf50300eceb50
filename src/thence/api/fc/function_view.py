"""A function as the vendor's clients know it: `Function` of FC 3.0 and of FC 2.0 (reference 8).

Types are those of the clients' models: a wrong one makes a client drop the whole answer (1.3).
"""

from __future__ import annotations

import math
from typing import Any

from msgspec import Struct

from ...catalog.control import Control
from ...catalog.function import Function, FunctionSpec
from ...lifecycle.ids import format_id
from ...runtimes.kinds import vendor
from .answer import stamp
from .function_spec import CPU_3, DISK_MB_3, attributes
from .names import Name, function_arn, name_of


class Shown(Struct, frozen=True):
    """All that a view is made of. `qualifier`: ours, as it was asked."""

    function: Function
    control: Control
    tags: dict[str, str]
    checksum: str
    region: str
    account: str
    qualifier: str


def runtime_shown(spec: FunctionSpec) -> str:
    """As it was deployed at this door; of a function that another door deployed, a name of theirs."""
    kept: str | None = attributes(spec).get("runtime")
    return kept or vendor("fc", spec.runtime).shown


def show_3(shown: Shown) -> dict[str, Any]:
    spec, kept = shown.function.spec, attributes(shown.function.spec)
    name = name_of(shown.function.name)
    lifecycle: dict[str, Any] = {}
    if spec.initializer:
        lifecycle["initializer"] = _initializer(spec, kept)
    if spec.pre_stop:
        lifecycle["preStop"] = _pre_stop(spec, kept)
    return {
        **_common(shown, kept),
        "functionName": name.ours,
        "functionArn": function_arn(name, shown.qualifier, shown.region, shown.account),
        "cpu": kept.get("cpu", CPU_3),
        "diskSize": kept.get("diskSize", DISK_MB_3),
        "internetAccess": True,
        "disableOndemand": False,
        "layers": [],
        "tags": [{"Key": key, "Value": value} for key, value in sorted(shown.tags.items())],
        "state": "Active",
        "lastUpdateStatus": "Successful",
        "invocationRestriction": _restriction(shown.control),
        **_if(kept, "role", "logConfig", "tracingConfig", "resourceGroupId", "idleTimeout"),
        **_if(kept, "disableInjectCredentials"),
        **({"instanceLifecycleConfig": lifecycle} if lifecycle else {}),
    }


def show_2(shown: Shown) -> dict[str, Any]:
    spec, kept = shown.function.spec, attributes(shown.function.spec)
    name: Name = name_of(shown.function.name)
    hooks = {"preStop": _pre_stop(spec, kept)} if spec.pre_stop else {}
    return {
        **_common(shown, kept),
        "functionName": name.function,
        "initializer": kept.get("initializer") or spec.initializer,
        "initializationTimeout": spec.initializer_timeout_seconds,
        "instanceType": kept.get("instanceType") or "e1",
        "layers": [],
        **_if(kept, "cpu", "diskSize", "instanceSoftConcurrency", "caPort"),
        **({"instanceLifecycleConfig": hooks} if hooks else {}),
    }


def _common(shown: Shown, kept: dict[str, Any]) -> dict[str, Any]:
    function, spec = shown.function, shown.function.spec
    return {
        "functionId": format_id(function.family),
        "runtime": runtime_shown(spec),
        "handler": kept.get("handler") or spec.handler,
        "description": spec.description,
        "timeout": math.ceil(spec.timeout_seconds),
        "memorySize": spec.memory_mb,
        "instanceConcurrency": kept.get("instanceConcurrency", 1),
        "environmentVariables": spec.environment,
        "codeSize": function.code_bytes,
        "codeChecksum": shown.checksum,
        "createdTime": stamp(function.created_at),
        "lastModifiedTime": stamp(function.updated_at),
    }


def _initializer(spec: FunctionSpec, kept: dict[str, Any]) -> dict[str, Any]:
    return {
        "handler": kept.get("initializer") or spec.initializer,
        "timeout": spec.initializer_timeout_seconds,
    }


def _pre_stop(spec: FunctionSpec, kept: dict[str, Any]) -> dict[str, Any]:
    return {
        "handler": kept.get("preStop") or spec.pre_stop,
        "timeout": spec.pre_stop_timeout_seconds,
    }


def _restriction(control: Control) -> dict[str, Any]:
    if control.disabled is None:
        return {"disable": False}
    return {
        "disable": True,
        "reason": control.disabled,
        "lastModifiedTime": stamp(control.updated_at),
    }


def _if(kept: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: kept[name] for name in names if name in kept}
