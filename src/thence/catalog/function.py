"""A function as it is deployed: the configuration and its checks.

`FunctionSpec` is what a caller writes (without the code archive), `Function` is what the catalog
knows: a numbered row with a revision. Vendors' doors translate into these words.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from ..errors import InvalidInput
from ..lifecycle.policy import EVENT_AGE_SECONDS_MAX, RETRIES_MAX, RetryWait
from .kinds import parse_destination, stored_destination
from .refusal import refusal

_PART = r"[A-Za-z_][A-Za-z0-9_-]{0,127}"
NAME = re.compile(rf"{_PART}(\${_PART})?")
INITIALIZER_SECONDS_MAX = 300
PRE_STOP_SECONDS_MAX = 90
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ENVIRONMENT_BYTES_MAX = 4096
ENVIRONMENT_ITEMS_MAX = 100
TIMEOUT_SECONDS_MAX = 259_200  # FG: 3 to 259200 (reference 10.1)
MEMORY_MB_MIN, MEMORY_MB_MAX = 64, 32_768
CONCURRENCY_MAX = 1000
DESCRIPTION_MAX = 512  # FG: 512 (reference 10.1)

LATEST = "latest"

Contract = Literal["native", "fc", "functiongraph"]
"""How handlers are called and what they are told: one file each under runtimes/python/function/contracts/."""


class FunctionSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """What is deployed under a name."""

    runtime: str = "python"  # which there are, and how they name handlers: runtimes/kinds.py
    handler: str = "main.handler"
    event: Literal["json", "bytes"] = "json"  # how the handler gets its payload
    timeout_seconds: Annotated[float, Meta(gt=0, le=TIMEOUT_SECONDS_MAX)] = 60.0
    memory_mb: Annotated[int, Meta(ge=MEMORY_MB_MIN, le=MEMORY_MB_MAX)] = 256
    concurrency: Annotated[int, Meta(ge=0, le=CONCURRENCY_MAX)] = 10  # slots; 0 = paused
    environment: dict[str, str] = field(default_factory=dict)
    description: Annotated[str, Meta(max_length=DESCRIPTION_MAX)] = ""
    max_retries: Annotated[int, Meta(ge=0, le=RETRIES_MAX)] = 3
    max_event_age_seconds: Annotated[int, Meta(ge=1, le=EVENT_AGE_SECONDS_MAX)] = 86_400
    retry_wait: RetryWait = RetryWait()
    on_success: Any = None  # see catalog/kinds.py
    on_failure: Any = None
    contract: Contract = "native"
    initializer: str = ""  # as the handler: once an instance, before its first run
    initializer_timeout_seconds: Annotated[int, Meta(ge=1, le=INITIALIZER_SECONDS_MAX)] = 3
    pre_stop: str = ""  # as the handler: before an idle instance is ended
    pre_stop_timeout_seconds: Annotated[int, Meta(ge=1, le=PRE_STOP_SECONDS_MAX)] = 3
    listed: bool = False  # its invocations are kept in its list, whatever they come from (FG)
    attributes: dict[str, Any] = field(default_factory=dict)
    """What a vendor's door keeps of a function beside, by door; shown at that door alone."""


class Function(Struct, frozen=True):
    """A deployed function, or one of its published versions: each is a row, a lane and instances of
    its own. `id` never changes for a name until it is deleted; a name deployed again after that has
    a new id. `revision` counts every change from 1. The rows of one name are a family; its id is
    that of the row `latest`. Published versions never change."""

    id: int
    name: str
    revision: int
    spec: FunctionSpec
    code_digest: str  # sha256 hex of the archive
    code_bytes: int
    created_at: int
    updated_at: int
    deleted_at: int | None = None
    version: str = LATEST
    family_id: int = 0  # 0: its own id
    note: str = ""  # what was said when the version was published

    @property
    def family(self) -> int:
        return self.family_id or self.id


def check_name(name: str, field_name: str = "name") -> str:
    if NAME.fullmatch(name) is None:
        raise InvalidInput(
            f"{field_name}: {name[:140]!r} is not a function name. Use a letter or _ first, then "
            "letters, digits, _ or -, at most 128 characters (two such parts with a $ between "
            "where a service or package holds the function).",
            field=field_name,
            value=name[:140],
            limit=NAME.pattern,
        )
    return name


def parse_spec(data: bytes | dict[str, Any]) -> FunctionSpec:
    """A spec from JSON bytes or a decoded object, checked but for what its runtime says
    (`runtimes.kinds.parse_function` checks that too).

    Raises InvalidInput naming the field, the value and the limit. Destinations are parsed (and so
    checked) but kept as written; `render_spec` gives them back without secrets.
    """
    try:
        decoded = msgspec.json.decode(data) if isinstance(data, bytes) else data
    except msgspec.DecodeError as error:
        raise InvalidInput(f"body: not valid JSON ({error}).", field="body") from None
    try:
        spec = msgspec.convert(decoded, type=FunctionSpec)
    except msgspec.ValidationError as error:
        raise refusal(error, FunctionSpec, decoded) from None
    _check_environment(spec.environment)
    for which in ("on_success", "on_failure"):
        written = getattr(spec, which)
        if written is not None:
            parse_destination(written, which)
    return spec


def check_waits(wait: RetryWait) -> RetryWait:
    """What a caller wrote of waits between retries. Raises InvalidInput where it would not act."""
    if wait.first_seconds > wait.cap_seconds:
        raise InvalidInput(
            f"retry_wait.first_seconds: {wait.first_seconds:g} is longer than "
            f"retry_wait.cap_seconds, {wait.cap_seconds:g}, and no wait is longer than that. Raise "
            "cap_seconds (--retry-cap) or lower first_seconds (--retry-first).",
            field="retry_wait.first_seconds",
            value=wait.first_seconds,
            limit=wait.cap_seconds,
        )
    return wait


def _check_environment(environment: dict[str, str]) -> None:
    size = 0
    if len(environment) > ENVIRONMENT_ITEMS_MAX:
        raise InvalidInput(
            f"environment: {len(environment)} variables; at most {ENVIRONMENT_ITEMS_MAX} are allowed.",
            field="environment",
            value=len(environment),
            limit=ENVIRONMENT_ITEMS_MAX,
        )
    for name, value in environment.items():
        if ENVIRONMENT_NAME.fullmatch(name) is None or name.startswith("THENCE_"):
            raise InvalidInput(
                f"environment: {name[:80]!r} is not a usable variable name (letters, digits and _, "
                "not starting with a digit; names starting with THENCE_ are reserved).",
                field=f"environment.{name[:80]}",
                value=name[:80],
            )
        if "\x00" in value:
            raise InvalidInput(
                f"environment.{name}: the value holds a NUL character.", field=f"environment.{name}"
            )
        size += len(name.encode()) + len(value.encode("utf-8", "surrogatepass"))
    if size > ENVIRONMENT_BYTES_MAX:
        raise InvalidInput(
            f"environment: {size} bytes of names and values; at most {ENVIRONMENT_BYTES_MAX} are allowed.",
            field="environment",
            value=size,
            limit=ENVIRONMENT_BYTES_MAX,
        )


def render_spec(spec: FunctionSpec) -> dict[str, Any]:
    """The spec as shown to people and programs: destinations without their secrets."""
    shown: dict[str, Any] = msgspec.to_builtins(spec)
    for which in ("on_success", "on_failure"):
        written = getattr(spec, which)
        shown[which] = None if written is None else stored_destination(written).shown()
    return shown
