"""The vendor's description of a function as ours (reference 10). Pure.

What is only shown goes into `FunctionSpec.attributes["functiongraph"]` under the vendor's names.
`encrypted` there has the names of the environment variables that are answered blank.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from ...catalog.function import (
    CONCURRENCY_MAX,
    ENVIRONMENT_BYTES_MAX,
    ENVIRONMENT_ITEMS_MAX,
    FunctionSpec,
)
from ...catalog.update import keeping, kept_by, updated
from ...errors import InvalidInput
from ...runtimes.kind import Vendor
from ...runtimes.kinds import parse_function, runtime_of, vendor
from .defaults import DEFAULTS
from .errors import FssError, invalid
from .function_input import SHOWN, ConfigInput, wrong

DOOR = "functiongraph"
EVENT_AGE_SECONDS = DEFAULTS.max_event_age_seconds  # also without asynchronous settings
_THEIR_NAMES = {
    "environment": "user_data",
    "initializer": "initializer_handler",
    "pre_stop": "pre_stop_handler",
}
_HOOKS = ("initializer", "pre_stop")


def attributes(spec: FunctionSpec) -> dict[str, Any]:
    """What this door keeps of a function."""
    return kept_by(spec, DOOR)


def new_spec(given: ConfigInput, project: str) -> FunctionSpec:
    """Of a function to be created. Without settings of its own a function error is not retried
    (seed huawei-functiongraph-async-invocation). How many instances it may have is said by its
    control (instances.py), not here. Raises FssError."""
    before = FunctionSpec(
        runtime=runtime_of(DOOR, given.runtime or "") or FunctionSpec().runtime,
        contract="functiongraph",
        max_retries=0,
        max_event_age_seconds=EVENT_AGE_SECONDS,
        concurrency=CONCURRENCY_MAX,
        listed=True,
        attributes={DOOR: {"project_id": project, "runtime": given.runtime}},
    )
    return changed_spec(before, given)


def changed_spec(before: FunctionSpec, given: ConfigInput) -> FunctionSpec:
    """`before` with what is given, its runtime and its handler contract as they are. Raises
    FssError."""
    kept = {**attributes(before), **_shown(given)}
    changes: dict[str, Any] = {}
    theirs = vendor(DOOR, before.runtime)
    if given.handler is not None:
        changes["handler"] = _handler(given.handler, "handler", theirs)
        kept["handler"] = given.handler
    changes |= {
        "timeout_seconds": given.timeout,
        "memory_mb": given.memory_size,
        "description": given.description,
    }
    changes |= _hooks(given, kept, theirs)
    changes |= _environment(before, given, kept)
    return _checked(updated(before, changes, DOOR, kept))


def with_attributes(spec: FunctionSpec, **kept: Any) -> FunctionSpec:
    """`spec` with more that this door keeps."""
    return keeping(spec, DOOR, {**attributes(spec), **kept})


def _shown(given: ConfigInput) -> dict[str, Any]:
    found = {name: getattr(given, name, None) for name in SHOWN}
    if given.log_config is not None:
        found["log_group_id"] = given.log_config.group_id
        found["log_stream_id"] = given.log_config.stream_id
    if given.strategy_config is not None:
        found["concurrent_num"] = given.strategy_config.concurrent_num
    return {name: value for name, value in found.items() if value is not None}


def _hooks(given: ConfigInput, kept: dict[str, Any], theirs: Vendor) -> dict[str, Any]:
    """An empty handler is none; a time limit of 0 is the default one."""
    changes: dict[str, Any] = {}
    for ours in _HOOKS:
        where = f"{ours}_handler"
        handler, seconds = getattr(given, where), getattr(given, f"{ours}_timeout")
        if handler is not None:
            changes[ours] = _handler(handler, where, theirs) if handler else ""
            kept[where] = handler
        if seconds:
            changes[f"{ours}_timeout_seconds"] = seconds
    return changes


def _handler(written: str, where: str, theirs: Vendor) -> str:
    """In our form."""
    handler = theirs.handler(written)
    if handler is None:
        raise wrong(f"{where}: {written[:256]!r} is not of the form {theirs.form}")
    return handler


# ---------------------------------------------------------------- environment


def _environment(
    before: FunctionSpec, given: ConfigInput, kept: dict[str, Any]
) -> dict[str, dict[str, str]]:
    """`user_data` and `encrypted_user_data` are two parts of one environment; each replaces its own
    part only. A name in both is the encrypted one."""
    if given.user_data is None and given.encrypted_user_data is None:
        return {}
    plain, secret = parts(before)
    if given.user_data is not None:
        plain = _variables(given.user_data, "user_data")
    if given.encrypted_user_data is not None:
        secret = _variables(given.encrypted_user_data, "encrypted_user_data")
    kept["encrypted"] = sorted(secret)
    found = {**plain, **secret}
    if len(found) > ENVIRONMENT_ITEMS_MAX:
        raise invalid(
            f"user_data: {len(found)} variables; at most {ENVIRONMENT_ITEMS_MAX}", "FSS.1017"
        )
    size = sum(len(name.encode()) + len(value.encode()) for name, value in found.items())
    if size > ENVIRONMENT_BYTES_MAX:
        raise invalid(
            f"user_data: {size} bytes of names and values; at most {ENVIRONMENT_BYTES_MAX}",
            "FSS.1018",
        )
    return {"environment": found}


def parts(spec: FunctionSpec) -> tuple[dict[str, str], dict[str, str]]:
    """The environment: what is shown, and what is answered blank."""
    secret = set(attributes(spec).get("encrypted", ()))
    plain = {name: value for name, value in spec.environment.items() if name not in secret}
    return plain, {name: value for name, value in spec.environment.items() if name in secret}


def _variables(text: str, where: str) -> dict[str, str]:
    """A JSON object as text. What is no text is taken as it is written; objects and lists are
    refused. An empty text is no variable."""
    if not text.strip():
        return {}
    try:
        # Its strings are checked too: half of a surrogate pair is not JSON in UTF-8.
        found = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        return {name: _variable(name, bytes(value), where) for name, value in found.items()}
    except msgspec.ValidationError:
        raise wrong(f"{where}: the text must hold a JSON object of variables") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(f"{where}: the text is not valid JSON: {error}") from None


def _variable(name: str, raw: bytes, where: str) -> str:
    if raw[:1] in b"{[" or raw == b"null":
        raise wrong(f"{where}: the value of {name[:80]!r} is not a text")
    return msgspec.json.decode(raw, type=str) if raw[:1] == b'"' else raw.decode()


def _checked(spec: FunctionSpec) -> FunctionSpec:
    """As our own checks see it; their sentences begin with the name of the field. (But for its
    destinations, which are not written here.)"""
    written = {"on_success": spec.on_success, "on_failure": spec.on_failure}
    try:
        plain = msgspec.to_builtins(spec) | dict.fromkeys(written)
        return replace(parse_function(plain), **written)
    except InvalidInput as error:
        raise _theirs(error) from None


def _theirs(error: InvalidInput) -> FssError:
    for ours, theirs in _THEIR_NAMES.items():
        if error.detail.startswith(ours):
            return wrong(theirs + error.detail.removeprefix(ours))
    return wrong(error.detail)
