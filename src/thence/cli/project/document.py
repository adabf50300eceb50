"""A Serverless Devs file: YAML, and the values that `${…}` takes from elsewhere."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from ...errors import InvalidInput
from .wanted import plain

FILE_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 16
VALUES_MAX = 100_000  # after all references are in their places
_VALUE = re.compile(r"\$\{([^{}]*)\}")
_ENV = re.compile(
    r"""env(?:\(\s*['"]?([A-Za-z_][A-Za-z0-9_]*)['"]?\s*(?:,\s*['"]?([^'"]*)['"]?\s*)?\)|\.([A-Za-z_]\w*))"""
)
_FILE = re.compile(r"""file\(\s*['"]?([^'"()]+)['"]?\s*\)""")


class Document:
    """`data`: the whole file with all values in their places. `folder`: relative paths begin here."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self.folder = path.parent
        self.data = data


def read_document(path: Path, environment: Mapping[str, str] | None = None) -> Document:
    """Raises InvalidInput naming the place and what to do."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{path}: it cannot be read ({error.strerror or error}).", field=str(path)
        ) from None
    if len(raw) > FILE_BYTES_MAX:
        raise InvalidInput(f"{path}: larger than {FILE_BYTES_MAX} bytes.", field=str(path))
    try:
        data = yaml.safe_load(raw)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path}: not valid YAML: {error}", field=str(path)) from None
    if not isinstance(data, dict):
        raise InvalidInput(
            f"{path}: a Serverless Devs project begins with 'edition:' and 'resources:'.",
            field=str(path),
        )
    values = _Values(path, data, os.environ if environment is None else environment)
    filled = values.fill(data, "", None)
    assert isinstance(filled, dict)
    return Document(path, filled)


class _Values:
    def __init__(self, path: Path, data: dict[str, Any], environment: Mapping[str, str]) -> None:
        self._path = path
        self._data = data
        self._environment = environment
        self._depth = 0
        self._count = 0

    def fill(self, value: Any, where: str, this: Any) -> Any:
        """The value with every `${…}` in it replaced. `this`: the resource that it is in."""
        self._count += 1
        if self._count > VALUES_MAX:
            raise InvalidInput(
                f"{self._path}: {where}: the file grows to over {VALUES_MAX} values.", field=where
            )
        if isinstance(value, datetime.date):
            raise InvalidInput(
                f"{self._path}: {where}: YAML reads {value} as a date; put it in quotes.",
                field=where,
            )
        if isinstance(value, dict):
            inside = value if where.count(".") == 1 and where.startswith(_RESOURCES) else this
            return {key: self.fill(one, f"{where}.{key}" if where else str(key), inside)
                    for key, one in value.items()}  # fmt: skip
        if isinstance(value, list):
            return [self.fill(one, f"{where}[{at}]", this) for at, one in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        whole = _VALUE.fullmatch(value)
        if whole is not None:
            return self._one(whole.group(1).strip(), where, this)
        return _VALUE.sub(lambda found: self._text(found.group(1).strip(), where, this), value)

    def _text(self, name: str, where: str, this: Any) -> str:
        """A value that is put into a longer text."""
        found = self._one(name, where, this)
        if isinstance(found, dict | list):
            raise self._unknown(name, where, "an object or a list cannot stand inside of a text")
        return plain(found)

    def _one(self, name: str, where: str, this: Any) -> Any:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._unknown(name, where, "it leads back to itself, or over too many others")
        try:
            return self._look_up(name, where, this)
        finally:
            self._depth -= 1

    def _look_up(self, name: str, where: str, this: Any) -> Any:
        """What comes from outside of the file is taken as it is; values of the file may have
        references of their own."""
        for pattern, read in ((_ENV, self._env), (_FILE, self._file)):
            found = pattern.fullmatch(name)
            if found is not None:
                return read(found, where)
        first, *parts = name.split(".")
        if first not in ("vars", "resources", "services", "this"):
            raise self._unknown(
                name, where, "env, file, vars, resources, services and this are understood"
            )
        value = this if first == "this" else self._data.get(first)
        for depth, part in enumerate(parts):
            if not isinstance(value, dict) or part not in value:
                raise self._unknown(name, where, f"there is no {part!r}")
            value = value[part]
            if first in ("resources", "services") and depth == 0:
                this = value  # what its `this` means
        return self.fill(value, where, this)

    def _env(self, found: re.Match[str], where: str) -> str:
        name, default = found.group(1) or found.group(3), found.group(2)
        value = self._environment.get(name, default)
        if value is None:
            raise self._unknown(found.group(0), where, f"the variable {name} is not set")
        return value

    def _file(self, found: re.Match[str], where: str) -> str:
        path = self._path.parent / found.group(1).strip()
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self._unknown(found.group(0), where, f"{path} cannot be read: {error}") from None

    def _unknown(self, name: str, where: str, why: str) -> InvalidInput:
        return InvalidInput(
            f"{self._path}: {where}: ${{{name}}} has no value: {why}.", field=where, value=name
        )


_RESOURCES = ("resources.", "services.")
