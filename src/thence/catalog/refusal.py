"""Why a decoded body does not fit its type, as a sentence that names field, value and limits.

msgspec says where; the type says the rest: both ends of a range, all words of a choice.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from ..bounds import did_you_mean
from ..bounds import rule as rule_of
from ..errors import InvalidInput

T = TypeVar("T")
_PATH = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PARTS = re.compile(r"\[\.\.\.\]|\[\d+\]|[^.\[]+")
_VALUE_CHARACTERS_MAX = 80

_type_info = lru_cache(maxsize=256)(inspect.type_info)
"""It takes milliseconds for a large type, on the event loop, and whoever sends mistakes sends many."""


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
        hint = did_you_mean(unknown.group(1), _names(path, _type_info(kind), data))
        return InvalidInput(
            f"{where}: there is no such field{hint}; remove it or correct its name.", field=where
        )
    missing = _MISSING.search(text)
    if missing:
        where = f"{path}.{missing.group(1)}" if path else missing.group(1)
        return InvalidInput(f"{where}: it is required.", field=where)
    where, expected, value = _follow(path, _type_info(kind), data)
    rule = rule_of(expected)
    fields: dict[str, Any] = {"limit": rule}
    shown = "what was given"
    if not where.startswith("environment."):
        shown, fields = _shown(value), fields | _scalar(value)
    return InvalidInput(f"{where}: {shown} is not valid: it must be {rule}.", field=where, **fields)


def _names(path: str, expected: inspect.Type, data: Any) -> list[str]:
    """Of the fields that the object at `path` may have."""
    kind = _of_kind(_follow(path, expected, data)[1])
    return (
        [member.encode_name for member in kind.fields]
        if isinstance(kind, inspect.StructType)
        else []
    )


def _follow(path: str, expected: inspect.Type, value: Any) -> tuple[str, inspect.Type, Any]:
    """Down msgspec's path (`a.b`, `a[0]`, `a[...]`): the field's name, its type, the value given."""
    where = ""
    for name in _PARTS.findall(path):
        expected = _of_kind(expected)
        if isinstance(expected, inspect.ListType | inspect.VarTupleType):
            expected = expected.item_type
            where += name
            value = value[int(name[1:-1])]
            continue
        if isinstance(expected, inspect.StructType):
            expected = next(member.type for member in expected.fields if member.encode_name == name)
        elif isinstance(expected, inspect.DictType):
            # msgspec does not say which key; texts are the only items that our types know.
            expected = expected.value_type
            name = next(key for key, item in value.items() if not isinstance(item, str))
        where += f".{name}" if where else name
        value = value[name]
    return where or "body", expected, value


def _of_kind(expected: inspect.Type) -> inspect.Type:
    """Of a choice of types that one which a path can lead into."""
    if not isinstance(expected, inspect.UnionType):
        return expected
    deep = (inspect.StructType, inspect.DictType, inspect.ListType, inspect.VarTupleType)
    return next((choice for choice in expected.types if isinstance(choice, deep)), expected)


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


def checked(kind: type[T], made: T) -> T:
    """What a program made, checked as what was read is: constructors check no ranges. Raises
    InvalidInput naming the field."""
    plain = msgspec.to_builtins(made)
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise refusal(error, kind, plain) from None
