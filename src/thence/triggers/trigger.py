"""One trigger as it is configured and kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ..catalog.function import LATEST
from ..catalog.refusal import refusal
from ..errors import InvalidInput
from .interface import Kind

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
DESCRIPTION_MAX = 1024
CONFIG_BYTES_MAX = 64 * 1024


class Trigger(Struct, frozen=True, kw_only=True):
    """`config`: plain data, as the kind's `config` type takes it."""

    name: str
    type: str
    config: Any = msgspec.field(default_factory=dict)
    qualifier: str = LATEST
    enabled: bool = True
    description: str = ""


def checked(trigger: Trigger, kinds: Mapping[str, Kind]) -> Trigger:
    """The trigger with its configuration as the kind wants it, defaults included. Raises InvalidInput
    naming the field."""
    if NAME.fullmatch(trigger.name) is None:
        raise InvalidInput(
            f"name: {trigger.name[:140]!r} is not a trigger name; letters, digits, _ and -, not "
            "beginning with a digit or -, at most 128 characters.",
            field="name",
            value=trigger.name[:140],
            limit=128,
        )
    if len(trigger.description) > DESCRIPTION_MAX:
        raise InvalidInput(
            f"description: {len(trigger.description)} characters; at most {DESCRIPTION_MAX}.",
            field="description",
            limit=DESCRIPTION_MAX,
        )
    kind = kinds.get(trigger.type)
    if kind is None:
        known = f"one of {', '.join(sorted(kinds))}" if kinds else "none is installed"
        raise InvalidInput(
            f"type: {trigger.type[:60]!r} is not a kind of trigger of this service; {known}.",
            field="type",
            value=trigger.type[:60],
        )
    return msgspec.structs.replace(
        trigger, config=msgspec.to_builtins(configuration(trigger.config, kind))
    )


def configuration(plain: Any, kind: Kind) -> Any:
    """The kind's own struct. Raises InvalidInput naming the field."""
    if not isinstance(plain, dict):
        raise InvalidInput("config: an object is needed.", field="config")
    size = len(msgspec.json.encode(plain))
    if size > CONFIG_BYTES_MAX:
        raise InvalidInput(
            f"config: {size} bytes as JSON; at most {CONFIG_BYTES_MAX}.",
            field="config",
            limit=CONFIG_BYTES_MAX,
        )
    try:
        return msgspec.convert(plain, kind.config)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, ValueError):  # of the struct's own `__post_init__`
            raise InvalidInput(f"config: {error.__cause__}", field="config") from None
        found = refusal(error, kind.config, plain)
        field = str(found.fields.get("field", ""))
        raise InvalidInput(
            f"config.{found.detail}", **{**found.fields, "field": f"config.{field}"}
        ) from None
