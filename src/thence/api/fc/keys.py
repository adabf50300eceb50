"""Keys of bodies in any case, as the oldest generation takes them (reference 2.3). Pure."""

from __future__ import annotations

from typing import Any

from msgspec import inspect


def recased(data: dict[str, Any], kind: type) -> dict[str, Any]:
    """`data` with each key as `kind`, a Struct type, spells it (`MaxAsyncRetryAttempts` becomes
    `maxAsyncRetryAttempts`), nested objects as well. Keys that the type does not know, and those of
    maps, stay. A key that is there as spelled counts before the same in another case."""
    return _object(data, inspect.type_info(kind))


def _object(data: dict[str, Any], kind: inspect.Type) -> dict[str, Any]:
    if not isinstance(kind, inspect.StructType):
        return data
    fields = {each.encode_name.lower(): each for each in kind.fields}
    found: dict[str, Any] = {}
    for key, value in data.items():
        field = fields.get(key.lower())
        name = key if field is None else field.encode_name
        if name != key and name in data:
            continue
        found[name] = value if field is None else _value(value, field.type)
    return found


def _value(value: Any, kind: inspect.Type) -> Any:
    if not isinstance(value, dict):
        return value
    choices = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    inner = next((choice for choice in choices if isinstance(choice, inspect.StructType)), None)
    return value if inner is None else _object(value, inner)
