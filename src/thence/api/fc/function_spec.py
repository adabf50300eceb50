"""The vendor's description of a function as ours (reference 8.1, 8.2). Pure.

What is only shown goes into `FunctionSpec.attributes["fc"]` under the vendor's names, beside the
handlers as they were written.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ...catalog.function import CONCURRENCY_MAX, FunctionSpec
from ...catalog.update import keeping, kept_by, updated
from ...errors import InvalidInput
from ...runtimes.kind import Vendor
from ...runtimes.kinds import parse_function, runtime_of, vendor
from .call import convert
from .errors import FcError, invalid
from .function_input import (
    SHOWN,
    FunctionInput,
    FunctionInput2,
    FunctionInput3,
    Hook,
    Initializer,
    cannot,
    check_memory,
    check_runtime,
    refuse_what_cannot_be_done,
)
from .keys import recased

Given = TypeVar("Given", FunctionInput3, FunctionInput2)

DOOR = "fc"
INSTANCES = 100  # of one function; the vendor's default
TIMEOUT_SECONDS = 3
HOOK_TIMEOUT_SECONDS = 3
MEMORY_MB_3, MEMORY_MB_2 = 512, 128
CPU_3, DISK_MB_3 = 0.35, 512

_THEIR_NAMES = {
    "environment": "environmentVariables",
    "handler": "handler",
    "description": "description",
    "initializer": "initializer",
    "pre_stop": "preStop",
}


def read_3(data: dict[str, Any]) -> FunctionInput3:
    """A decoded body of FC 3.0. Raises InvalidArgument."""
    return _read(data, FunctionInput3)


def read_2(data: dict[str, Any]) -> FunctionInput2:
    """A decoded body of FC 2.0 and older: their clients write some names in another case."""
    return _read(recased(data, FunctionInput2), FunctionInput2)


def _read(data: dict[str, Any], kind: type[Given]) -> Given:
    given = convert(without_null(data), kind)
    refuse_what_cannot_be_done(given)
    if given.runtime is not None:
        check_runtime(given.runtime)
    if given.memory_size is not None:
        check_memory(given.memory_size)
    return given


def without_null(value: Any) -> Any:
    """Null means not given, wherever it stands."""
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_null(item) for item in value]
    return value


def new_spec(given: FunctionInput) -> FunctionSpec:
    """Of a function to be created. Raises InvalidArgument."""
    for name, value in (("runtime", given.runtime), ("handler", given.handler)):
        if not value:
            raise invalid(f"{name}: it is required")
    third = isinstance(given, FunctionInput3)
    kept: dict[str, Any] = {"cpu": CPU_3, "diskSize": DISK_MB_3} if third else {}
    before = FunctionSpec(
        timeout_seconds=TIMEOUT_SECONDS,
        memory_mb=MEMORY_MB_3 if third else MEMORY_MB_2,
        concurrency=INSTANCES,
        attributes={DOOR: kept},
    )
    return changed_spec(before, given)


def changed_spec(before: FunctionSpec, given: FunctionInput) -> FunctionSpec:
    """`before` with what is given. Naming a runtime makes the function one of this contract, by
    whatever door it was deployed. Raises InvalidArgument."""
    changes: dict[str, Any] = {}
    kept = {**attributes(before), **_shown(given)}
    if given.runtime is not None:
        kept["runtime"] = given.runtime
        changes |= {"contract": "fc", "event": "bytes"}
        changes["runtime"] = runtime_of("fc", given.runtime)
    theirs = vendor("fc", changes.get("runtime") or before.runtime)
    if given.handler is not None:
        kept["handler"] = given.handler
        changes["handler"] = _handler(given.handler, "handler", theirs)
    changes |= {
        "timeout_seconds": given.timeout,
        "memory_mb": given.memory_size,
        "description": given.description,
        "environment": given.environment_variables,
    }
    if given.instance_concurrency is not None:
        changes["concurrency"] = min(CONCURRENCY_MAX, INSTANCES * given.instance_concurrency)
    changes |= _hooks(given, kept, theirs)
    return _checked(updated(before, changes, DOOR, kept))


def _shown(given: FunctionInput) -> dict[str, Any]:
    fields = dict(zip(given.__struct_fields__, given.__struct_encode_fields__, strict=True))
    return {
        fields[name]: msgspec.to_builtins(getattr(given, name))
        for name in SHOWN
        if getattr(given, name, None) is not None
    }


def _hooks(given: FunctionInput, kept: dict[str, Any], theirs: Vendor) -> dict[str, Any]:
    """Initializer and preStop: FC 3.0 has both in one object, FC 2.0 the former beside it."""
    changes: dict[str, Any] = {}
    lifecycle = given.instance_lifecycle_config
    if isinstance(given, FunctionInput2):
        if given.initializer is not None:
            changes |= _hook("initializer", "initializer", given.initializer, kept, theirs)
        if given.initialization_timeout is not None:
            changes["initializer_timeout_seconds"] = given.initialization_timeout
        if lifecycle is not None and lifecycle.initializer is not None:
            raise invalid("instanceLifecycleConfig.initializer: use initializer")
    elif lifecycle is not None:
        changes |= _written("initializer", lifecycle.initializer or Initializer(), kept, theirs)
    if lifecycle is not None:
        changes |= _written("preStop", lifecycle.pre_stop or Hook(), kept, theirs)
        if lifecycle.pre_freeze is not None and lifecycle.pre_freeze.handler:
            raise cannot(
                "instanceLifecycleConfig.preFreeze", "instances are never frozen; use preStop"
            )
    return changes


def _written(
    name: str, hook: Initializer | Hook, kept: dict[str, Any], theirs: Vendor
) -> dict[str, Any]:
    where = f"instanceLifecycleConfig.{name}"
    if hook.command:
        raise cannot(f"{where}.command", "it is of custom runtimes; use handler")
    changes = _hook(name, f"{where}.handler", hook.handler, kept, theirs)
    ours = "initializer" if name == "initializer" else "pre_stop"
    changes[f"{ours}_timeout_seconds"] = hook.timeout or HOOK_TIMEOUT_SECONDS
    return changes


def _hook(
    name: str, where: str, handler: str, kept: dict[str, Any], theirs: Vendor
) -> dict[str, Any]:
    kept[name] = handler
    ours = "initializer" if name == "initializer" else "pre_stop"
    return {ours: _handler(handler, where, theirs) if handler else ""}


def _handler(written: str, where: str, theirs: Vendor) -> str:
    """In our form."""
    handler = theirs.handler(written)
    if handler is None:
        raise invalid(f"{where}: {written[:256]!r} is not of the form {theirs.form}")
    return handler


def _checked(spec: FunctionSpec) -> FunctionSpec:
    """As our own checks see it; their sentences begin with the name of the field. (But for its
    destinations, which are not written here.)"""
    written = {"on_success": spec.on_success, "on_failure": spec.on_failure}
    try:
        plain = msgspec.to_builtins(spec) | dict.fromkeys(written)
        return replace(parse_function(plain), **written)
    except InvalidInput as error:
        raise _in_their_words(error) from None


def _in_their_words(error: InvalidInput) -> FcError:
    ours = str(error.fields.get("field", "")).partition(".")[0]
    return invalid(_THEIR_NAMES.get(ours, ours) + error.detail.removeprefix(ours))


def attributes(spec: FunctionSpec) -> dict[str, Any]:
    """What this door keeps of a function; empty where another one deployed it."""
    return kept_by(spec, DOOR)


def with_log(spec: FunctionSpec, log_config: Struct | None) -> FunctionSpec:
    """FC 2.0 has the logConfig in the service; contexts of its functions name it."""
    kept = {key: value for key, value in attributes(spec).items() if key != "logConfig"}
    if log_config is not None:
        kept["logConfig"] = msgspec.to_builtins(log_config)
    return keeping(spec, DOOR, kept)
