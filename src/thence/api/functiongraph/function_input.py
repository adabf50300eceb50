"""What the vendor's clients send to create a function or change its configuration, as types. Pure.

Each field of the vendor's models has its decision: acted on, shown only (`SHOWN`), or refused when
it asks for something (`_NOT_HERE`). docs/reference/api-functiongraph.md has the same table.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import asdict

from ...runtimes.kinds import vendor_runtimes
from .call import convert
from .errors import FssError, invalid

T = TypeVar("T", bound=Struct)

RUNTIMES = vendor_runtimes("functiongraph")
MEMORY_MB = (
    *(128, 256, 512, 768, 1024, 1280, 1536, 1792, 2048),
    *(2560, 3072, 3584, 4096, 8192, 10_240),
)
"""Reference 4.1."""
TIMEOUT_SECONDS_MIN, TIMEOUT_SECONDS_MAX = 3, 259_200
INSTANCES_MAX = 1000
CODE_TYPES = ("zip", "inline")

_HANDLER_MAX = 128
Seconds = Annotated[int, Meta(ge=TIMEOUT_SECONDS_MIN, le=TIMEOUT_SECONDS_MAX)]
Instances = Annotated[int, Meta(ge=-1, le=INSTANCES_MAX)]
Handler = Annotated[str, Meta(max_length=_HANDLER_MAX)]
Text = Annotated[str, Meta(max_length=512)]


class FunctionCode(Struct, forbid_unknown_fields=True):
    file: str = ""  # base64
    link: str = ""


class Strategy(Struct, forbid_unknown_fields=True):
    concurrency: Instances | None = None
    concurrent_num: Annotated[int, Meta(ge=1, le=INSTANCES_MAX)] | None = None


class LogConfig(Struct, forbid_unknown_fields=True):
    group_name: Text | None = None
    group_id: Text | None = None
    stream_name: Text | None = None
    stream_id: Text | None = None


class ConfigInput(Struct, forbid_unknown_fields=True, kw_only=True):
    """UpdateFunctionConfigRequestBody. None: not given."""

    func_name: str | None = None
    runtime: str | None = None
    timeout: Seconds | None = None
    handler: Handler | None = None
    memory_size: int | None = None
    user_data: str | None = None
    encrypted_user_data: str | None = None
    xrole: Text | None = None
    app_xrole: Text | None = None
    description: Text | None = None
    strategy_config: Strategy | None = None
    initializer_handler: Handler | None = None
    initializer_timeout: Annotated[int, Meta(ge=0, le=300)] | None = None
    pre_stop_handler: Handler | None = None
    pre_stop_timeout: Annotated[int, Meta(ge=0, le=90)] | None = None
    ephemeral_storage: Literal[0, 512, 10_240] | None = None
    enterprise_project_id: Text | None = None
    log_config: LogConfig | None = None
    enable_lts_log: bool | None = None
    lts_custom_tag: dict[str, str] | None = None
    enable_dynamic_memory: bool | None = None
    enable_auth_in_header: bool | None = None
    is_stateful_function: bool | None = None
    enable_class_isolation: bool | None = None
    gpu_memory: Any = None
    gpu_type: Any = None
    func_vpc: Any = None
    peering_cidr: Any = None
    mount_config: Any = None
    custom_image: Any = None
    network_controller: Any = None
    extend_config: Any = None
    domain_names: Any = None
    heartbeat_handler: Any = None
    restore_hook_handler: Any = None
    restore_hook_timeout: Any = None
    user_data_encrypt_kms_key_id: Any = None


class CreateInput(ConfigInput, forbid_unknown_fields=True, kw_only=True):
    """CreateFunctionRequestBody."""

    package: str | None = None
    code_type: str | None = None
    code_url: str | None = None
    code_filename: Text | None = None
    func_code: FunctionCode | None = None
    type: Literal["", "v1", "v2"] | None = None
    depend_version_list: Any = None
    code_encrypt_kms_key_id: Any = None
    tags: Any = None


class CodeInput(Struct, forbid_unknown_fields=True, kw_only=True):
    """UpdateFunctionCodeRequestBody."""

    code_type: str | None = None
    code_url: str | None = None
    code_filename: Text | None = None
    func_code: FunctionCode | None = None
    depend_version_list: Any = None
    code_encrypt_kms_key_id: Any = None


SHOWN = (
    "xrole",
    "app_xrole",
    "ephemeral_storage",
    "enterprise_project_id",
    "enable_lts_log",
    "lts_custom_tag",
    "type",
    "code_filename",
)
"""Kept with the function as given, and shown; nothing here depends on them. So are `concurrent_num`
of strategy_config, and the ids of log_config."""

_MACHINE = "functions use the network of the machine"
_NO_KEYS = "there is no key management here; leave it out"
_NOT_HERE = {
    "depend_version_list": "dependencies are not kept here; put them into the code archive",
    "func_vpc": _MACHINE,
    "network_controller": _MACHINE,
    "peering_cidr": _MACHINE,
    "domain_names": "functions use the name servers of the machine",
    "mount_config": "nothing can be mounted here; put files into the code archive",
    "custom_image": "container images are not run here; use a Python runtime",
    "gpu_memory": "there are no GPUs here",
    "gpu_type": "there are no GPUs here",
    "is_stateful_function": "calls are not bound to instances here",
    "enable_dynamic_memory": "a call cannot have other memory than its function; use memory_size",
    "enable_auth_in_header": "HTTP functions are not run here",
    "enable_class_isolation": "it is of Java, which is not run here",
    "heartbeat_handler": "it is of Java and custom runtimes, which are not run here",
    "restore_hook_handler": "it is of Java snapshots, which are not made here",
    "restore_hook_timeout": "it is of Java snapshots, which are not made here",
    "extend_config": "what it would change is not known; leave it out",
    "user_data_encrypt_kms_key_id": _NO_KEYS,
    "code_encrypt_kms_key_id": _NO_KEYS,
    "tags": "tags are put with the call that creates tags, once the function is there",
}
_CODES = {
    "func_name": "FSS.1002",
    "package": "FSS.1004",
    "handler": "FSS.1003",
    "runtime": "FSS.1005",
    "code_type": "FSS.1006",
    "memory_size": "FSS.1007",
    "timeout": "FSS.1008",
    "user_data": "FSS.1009",
    "encrypted_user_data": "FSS.1009",
    "code_url": "FSS.1010",
    "func_code": "FSS.1011",
    "description": "FSS.1019",
    "depend_version_list": "FSS.1024",
    "strategy_config": "FSS.1026",
    "max_instance_num": "FSS.1026",
    "initializer_handler": "FSS.1404",
    "initializer_timeout": "FSS.1405",
}
"""What is wrong with which field (reference 14.1); of others it is FSS.0400."""


def read(data: dict[str, Any], kind: type[T]) -> T:
    """A decoded body as that type, everything checked that needs no function. Raises FssError."""
    try:
        given = convert(_without_null(data), kind)
    except FssError as error:
        raise wrong(error.detail) from None
    for name, why in _NOT_HERE.items():
        if isinstance(given, ConfigInput | CodeInput) and _asks(getattr(given, name, None)):
            raise wrong(f"{name}: this cannot be done here: {why}")
    runtime, memory = getattr(given, "runtime", None), getattr(given, "memory_size", None)
    if runtime is not None and runtime not in RUNTIMES:
        raise wrong(
            f"runtime: {runtime[:40]!r} is not run here; it must be one of {', '.join(RUNTIMES)}"
        )
    if memory is not None and memory not in MEMORY_MB:
        allowed = ", ".join(map(str, MEMORY_MB))
        raise wrong(f"memory_size: {memory} is not a size in MB; it must be one of {allowed}")
    return given


def check_required(given: CreateInput) -> None:
    """Raises FssError for what a new function must say (reference 10.1)."""
    fields = asdict(given)
    for name in ("func_name", "package", "runtime", "handler", "code_type"):
        if not fields[name]:
            raise wrong(f"{name}: it is required")
    for name in ("timeout", "memory_size"):
        if fields[name] is None:
            raise wrong(f"{name}: it is required")


def wrong(message: str) -> FssError:
    """400 with the code of the field with which the message begins."""
    field = message.partition(":")[0].partition(".")[0]
    return invalid(message, _CODES.get(field, "FSS.0400"))


def _without_null(value: Any) -> Any:
    """Null means not given, wherever it stands."""
    if isinstance(value, dict):
        return {key: _without_null(inner) for key, inner in value.items() if inner is not None}
    return value


def _asks(value: Any) -> bool:
    """Whether a value asks for anything: empty texts, zeros and what holds only such do not."""
    if isinstance(value, dict):
        return any(_asks(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_asks(item) for item in value)
    return value not in (None, "", "0", "-1", -1, 0)
