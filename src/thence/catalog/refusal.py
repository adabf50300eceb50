"""Why a decoded body does not fit its type, as a sentence that names field, value and limits.

msgspec says where; the type says the rest: both ends of a range, all words of a choice.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import inspect

from ..bounds import rule as rule_of
from ..errors import InvalidInput

_PATH = re.compile(r" - at `\$\.?(.*)`$")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PARTS = re.compile(r"\[\.\.\.\]|[^.\[]+")
_VALUE_CHARACTERS_MAX = 80


def refusal(error: msgspec.ValidationError, kind: type, data: Any) -> InvalidInput:
    """The error of `msgspec.convert(data, kind)`. `field` is the path inside the body, `limit`
    what may be there, `value` what was given if that is a number or a text. Values of
    environments do not appear: they may be secrets."""
    text = str(error)
    match = _PATH.search(text)
    path = match.group(1) if match else ""
    unknown = _UNKNOWN.search(text)
    if unknown:
        where = f"{path}.{unknown.group(1)}" if path else unknown.group(1)
        return InvalidInput(
            f"{where}: there is no such field; remove it or correct its name.", field=where
        )
    where, expected, value = _follow(path, inspect.type_info(kind), data)
    rule = rule_of(expected)
    fields: dict[str, Any] = {"limit": rule}
    shown = "what was given"
    if not where.startswith("environment."):
        shown, fields = _shown(value), fields | _scalar(value)
    return InvalidInput(f"{where}: {shown} is not valid: it must be {rule}.", field=where, **fields)


def _follow(path: str, expected: inspect.Type, value: Any) -> tuple[str, inspect.Type, Any]:
    """Down msgspec's path (`a.b`, `a[...]`): the field's name, its type, the value given."""
    names: list[str] = []
    for name in _PARTS.findall(path):
        if isinstance(expected, inspect.StructType):
            expected = next(one.type for one in expected.fields if one.encode_name == name)
        elif isinstance(expected, inspect.DictType):
            # msgspec does not say which key; texts are the only items that our types know.
            expected = expected.value_type
            name = next(key for key, item in value.items() if not isinstance(item, str))
        names.append(name)
        value = value[name]
    return ".".join(names) or "body", expected, value


def _scalar(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"value": value[:_VALUE_CHARACTERS_MAX]}
    return {"value": value} if isinstance(value, bool | int | float) else {}


def _shown(value: Any) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case None | bool():
            return str(msgspec.json.encode(value), "ascii")
        case str() if len(value) > _VALUE_CHARACTERS_MAX:
            return f"a text of {len(value)} characters"
        case _:
            return repr(value)
