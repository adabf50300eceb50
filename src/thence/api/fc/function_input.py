"""What the vendor's clients send to create or update a function, as types. Pure.

Each field of the vendor's models has its decision: acted on, shown only (`SHOWN`), or refused when
it asks for something (`refuse_what_cannot_be_done`). docs/reference/api-fc.md has the same table.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from ...runtimes.kinds import vendor_runtimes
from .errors import FcError, invalid

RUNTIMES = vendor_runtimes("fc")

Seconds = Annotated[int, Meta(ge=1, le=86_400)]  # reference 8.1
MemoryMb = Annotated[int, Meta(ge=128, le=32_768)]
MEMORY_STEP_MB = 64
InstanceConcurrency = Annotated[int, Meta(ge=1, le=200)]
Cpu = Annotated[float, Meta(ge=0.05, le=16)]
InitializerSeconds = Annotated[int, Meta(ge=1, le=300)]
HookSeconds = Annotated[int, Meta(ge=1, le=90)]


class Initializer(Struct, forbid_unknown_fields=True):
    handler: str = ""
    timeout: InitializerSeconds | None = None
    command: Any = None


class Hook(Struct, forbid_unknown_fields=True):
    handler: str = ""
    timeout: HookSeconds | None = None
    command: Any = None


class Lifecycle(Struct, forbid_unknown_fields=True, rename="camel"):
    """`initializer` is of FC 3.0, `preFreeze` of FC 2.0."""

    initializer: Initializer | None = None
    pre_stop: Hook | None = None
    pre_freeze: Hook | None = None


class CodeInput(Struct, forbid_unknown_fields=True, rename="camel"):
    zip_file: str | None = None
    oss_bucket_name: str | None = None
    oss_object_name: str | None = None
    checksum: str | None = None


class LogConfig(Struct, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    project: str | None = None
    logstore: str | None = None
    log_begin_rule: str | None = None
    enable_request_metrics: bool | None = None
    enable_instance_metrics: bool | None = None
    enable_llm_metrics: bool | None = None


class TracingConfig(Struct, forbid_unknown_fields=True, omit_defaults=True):
    type: str | None = None
    params: dict[str, str] | None = None


class Tag(Struct, forbid_unknown_fields=True, rename="pascal"):
    key: str
    value: str = ""


class FunctionInput(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What all generations have. None: not given."""

    function_name: str | None = None
    runtime: str | None = None
    handler: str | None = None
    code: CodeInput | None = None
    timeout: Seconds | None = None
    memory_size: MemoryMb | None = None
    description: Annotated[str, Meta(max_length=256)] | None = None
    environment_variables: dict[str, str] | None = None
    instance_concurrency: InstanceConcurrency | None = None
    instance_lifecycle_config: Lifecycle | None = None
    cpu: Cpu | None = None
    disk_size: Literal[512, 10_240] | None = None
    layers: Any = None
    custom_container_config: Any = None
    custom_runtime_config: Any = None
    custom_dns: Any = field(default=None, name="customDNS")


class FunctionInput3(FunctionInput, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """FC 3.0: CreateFunctionInput and UpdateFunctionInput."""

    tags: list[Tag] | None = None
    role: str | None = None
    log_config: LogConfig | None = None
    tracing_config: TracingConfig | None = None
    resource_group_id: str | None = None
    idle_timeout: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    disable_inject_credentials: str | None = None
    internet_access: bool | None = None
    disable_ondemand: bool | None = None
    enable_long_living: bool | None = None
    instance_isolation_mode: str | None = None
    session_affinity: str | None = None
    session_affinity_config: Any = None
    gpu_config: Any = None
    vpc_config: Any = None
    nas_config: Any = None
    oss_mount_config: Any = None
    juice_fs_config: Any = None
    polar_fs_config: Any = None
    micro_sandbox_config: Any = None


class FunctionInput2(FunctionInput, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """FC 2.0: CreateFunctionRequest and UpdateFunctionRequest."""

    initializer: str | None = None
    initialization_timeout: InitializerSeconds | None = None
    instance_type: str | None = None
    instance_soft_concurrency: InstanceConcurrency | None = None
    ca_port: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    gpu_memory_size: Any = None
    custom_health_check_config: Any = None


SHOWN = (
    "cpu",
    "disk_size",
    "role",
    "log_config",
    "tracing_config",
    "resource_group_id",
    "idle_timeout",
    "disable_inject_credentials",
    "instance_concurrency",
    "instance_type",
    "instance_soft_concurrency",
    "ca_port",
)
"""Kept with the function as given, and shown; `instance_concurrency` acts as well."""

_NOT_HERE = {
    "layers": "layers are not kept here; put their content into the code archive",
    "custom_container_config": "container images are not run here; use a Python runtime",
    "custom_runtime_config": "custom runtimes are not run here; use a Python runtime",
    "custom_health_check_config": "custom runtimes are not run here; use a Python runtime",
    "custom_dns": "functions use the name servers of the machine",
    "disable_ondemand": "there are no provisioned instances here, so the function could never run",
    "enable_long_living": "there are no GPU functions here",
    "session_affinity_config": "requests are not bound to instances here",
    "gpu_config": "there are no GPUs here",
    "gpu_memory_size": "there are no GPUs here",
    "vpc_config": "functions use the network of the machine",
    "nas_config.mountPoints": "nothing can be mounted here; put files into the code archive",
    "oss_mount_config.mountPoints": "nothing can be mounted here; put files into the code archive",
    "juice_fs_config": "nothing can be mounted here; put files into the code archive",
    "polar_fs_config": "nothing can be mounted here; put files into the code archive",
    "micro_sandbox_config": "sandboxes inside functions are not made here",
}
_HARMLESS = {
    # Values that ask for nothing, of texts that name a kind.
    "session_affinity": ("", "NONE"),
    "instance_isolation_mode": ("", "SHARE"),
    "instance_type": ("", "e1", "c1"),
}


def refuse_what_cannot_be_done(given: Struct) -> None:
    """Raises InvalidArgument naming the first field that asks for what there is not."""
    for where, why in _NOT_HERE.items():
        name, _, inside = where.partition(".")
        value = getattr(given, name, None)
        if inside and isinstance(value, dict):
            value = value.get(inside)
        if asks(value):
            raise cannot(".".join(filter(None, (_theirs(given, name), inside))), why)
    for name, harmless in _HARMLESS.items():
        value = getattr(given, name, None)
        if value is not None and value not in harmless:
            raise cannot(
                _theirs(given, name), f"{value[:40]!r} is not one of {', '.join(harmless[1:])}"
            )
    if getattr(given, "internet_access", None) is False:
        raise cannot("internetAccess", "functions use the network of the machine; it must be true")


def check_runtime(runtime: str) -> None:
    if runtime not in RUNTIMES:
        raise invalid(
            f"runtime: {runtime[:40]!r} is not run here; it must be one of {', '.join(RUNTIMES)}"
        )


def check_memory(memory_mb: int) -> None:
    if memory_mb % MEMORY_STEP_MB:
        raise invalid(f"memorySize: {memory_mb} is not a multiple of {MEMORY_STEP_MB}")


def cannot(where: str, why: str) -> FcError:
    return invalid(f"{where}: this cannot be done here: {why}")


def asks(value: Any) -> bool:
    """Whether a value asks for anything: empty texts, zeros and what holds only such do not."""
    if isinstance(value, dict):
        return any(asks(inner) for inner in value.values())
    if isinstance(value, list):
        return any(asks(item) for item in value)
    return bool(value)


def _theirs(given: Struct, name: str) -> str:
    fields = given.__struct_fields__
    return given.__struct_encode_fields__[fields.index(name)]
