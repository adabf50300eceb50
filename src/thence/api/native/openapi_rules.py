"""What OpenAPI's document says beyond the types: the rules by which names, headers and fields of
bodies are refused. A client that is made from the document then sends nothing that cannot be taken.
"""

from __future__ import annotations

from typing import Any

from ...catalog.function import ENVIRONMENT_NAME, NAME
from ...catalog.kinds import installed
from ...catalog.version import NOTE_MAX
from ...destinations.mailbox import MAILBOX_KINDS
from ...lifecycle.policy import DELAY_SECONDS_MAX
from ...runtimes.kinds import KINDS
from .filters import REASONS

QUALIFIER = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
TIME_MS_MIN, TIME_MS_MAX = 946_684_800_000, 999_999_999_999_999  # from 2000 on, in 15 digits
INTEGER_MAX = 999_999_999_999_999
TIME: list[dict[str, Any]] = [
    {"type": "string", "format": "date-time"},
    {"type": "integer", "minimum": TIME_MS_MIN, "maximum": TIME_MS_MAX},
]


def _matches(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


PATHS: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "format": "uuid"},
    "kind": {"type": "string", "enum": list(MAILBOX_KINDS)},
    "name": _matches(NAME.pattern),
    "version": _matches(QUALIFIER),
    "alias": _matches(QUALIFIER),
    "qualifier": _matches(QUALIFIER),
}
BOX = {"type": "string", "minLength": 1}

HEADERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 255},
    "Thence-Delay-Seconds": {"type": "number", "minimum": 0, "maximum": DELAY_SECONDS_MAX},
}

_DESTINATIONS = ("on_success", "on_failure")


def _destination() -> dict[str, Any]:
    """By the installed kinds."""
    kinds = installed()
    types = "; ".join(f"`{name}` ({', '.join(names)})" for name, names in kinds.types.items())
    return {
        "description": f"{kinds.written}; or an object with `type` and the fields of that type: {types}.",
        "anyOf": [
            {
                "type": "string",
                "examples": ["queue:done", "function:next", "https://example.com/hook"],
            },
            {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"type": "string", "enum": list(kinds.types)}},
            },
            {"type": "null"},
        ],
    }


_HANDLER = "|".join(kind.handlers.pattern for kind in KINDS)
_OPTIONAL_NAME = {"type": "string", "pattern": f"^(?:{_HANDLER})?$"}

FIELDS: dict[str, dict[str, Any]] = {
    "runtime": {"enum": [kind.name for kind in KINDS]},
    "handler": _matches(_HANDLER),
    "initializer": _OPTIONAL_NAME,
    "pre_stop": _OPTIONAL_NAME,
    "environment": {"propertyNames": _matches(ENVIRONMENT_NAME.pattern)},
    "code": {"contentEncoding": "base64", "contentMediaType": "application/zip"},
}
"""By the name of a body's field: what its schema says too."""


def _or_null(*choices: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [*choices, {"type": "null"}]}


_TIME_OR_NULL = _or_null(*TIME)
_NAME_OF_ONE = {**_matches(QUALIFIER), "not": {"pattern": "^[Ll][Aa][Tt][Ee][Ss][Tt]$"}}

OF_ONE_BODY: dict[tuple[str, str], dict[str, Any]] = {
    ("AliasBody", "weights"): {
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}
    },
    ("PublishBody", "note"): {"maxLength": NOTE_MAX},
    ("PublishBody", "version"): _or_null(_NAME_OF_ONE),
    ("RedriveBody", "reason"): _or_null({"enum": list(REASONS)}),
    ("RedriveBody", "since"): _TIME_OR_NULL,
    ("RedriveBody", "until"): _TIME_OR_NULL,
}
"""By the names of a body and its field."""

_FILTERS = ("function", "reason", "since", "until")
_GIVEN: dict[str, Any] = {"not": {"type": "null"}}
_TEXT: dict[str, Any] = {"type": "string"}


def _needs(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": [name], "properties": {name: schema}}


BETWEEN: dict[str, dict[str, Any]] = {
    "ControlBody": {
        "if": _needs("abort", {"const": True}),
        "then": _needs("disabled", _TEXT),
    },
    "RedriveBody": {
        "if": {"properties": {"all": {"const": False}, "dry_run": {"const": False}}},
        "then": {"anyOf": [_needs(name, _GIVEN) for name in _FILTERS]},
        "dependentSchemas": {
            "qualifier": {
                "if": {"properties": {"qualifier": _TEXT}},
                "then": _needs("function", _TEXT),
            }
        },
    },
}
"""By the name of a body: rules between its fields. What a schema cannot say (a sum, one number against
another) is in the descriptions of the types. No `anyOf` at the top: generators take it for a choice of
types."""

NOT_TAKEN = {"attributes"}
"""Fields of the types that bodies may not have."""


def tighten(name: str, schema: dict[str, Any]) -> None:
    """The schema of the body of that name, in place."""
    schema.update(BETWEEN.get(name, {}))
    properties = schema.get("properties", {})
    for field in NOT_TAKEN & properties.keys():
        del properties[field]
    for field, found in properties.items():
        found.update(FIELDS.get(field, {}))
        if field in _DESTINATIONS:
            found.update(_destination())
        found.update(OF_ONE_BODY.get((name, field), {}))
