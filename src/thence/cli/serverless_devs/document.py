"""A Serverless Devs file: its data, and the values that `${…}` takes from elsewhere.

A value that cannot be had hurts only what uses it: it stays in the data as an `MissingValue`. What
makes the whole file a danger (values that grow without end) refuses the whole file.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import InvalidInput
from ..files import inside, read_bounded
from .missing_values import MissingValue
from .properties import plain
from .yaml_file import NESTING_MAX, load

DEPTH_MAX = 16  # references that lead to references
VALUES_MAX = 100_000  # after all references are in their places
TEXT_CHARACTERS_MAX = 2 * 1024 * 1024  # of all texts and names, wherever they are put
TEXT_FILE_BYTES_MAX = 256 * 1024  # of ${file(…)}
NAME_CHARACTERS = 80  # of a name in a place
PLACE_CHARACTERS = 200  # of a place in a sentence
OWN = "THENCE_"  # variables of the service: they hold its secrets

_VALUE = re.compile(r"\$\{([^{}]*)\}")
_LEFT = re.compile(r"\$\{\s*(?:(?:env|file|path|config)\(|(?:env|vars|resources|services|this)\.)")
"""The beginning of a reference that is none as a whole: there are braces in it."""
_ENV = re.compile(r"env(?:\((.*)\)|\.([A-Za-z_]\w*))", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CALL = re.compile(r"(file|path|config)\(([^()]+)\)")
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""No expression of the tool: patterns and templates of other services are written so."""
_RESOURCES = ("resources", "services")
_ROOTS = ("vars", "resources", "services", "this")


class Document:
    """`data`: the whole file with all values in their places. `folder`: relative paths begin here."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self.folder = path.parent
        self.data = data


def read_document(
    path: Path,
    environment: Mapping[str, str] | None = None,
    account: Callable[[], str] = str,
) -> Document:
    """`account`: asks for the account id of the service, where the file needs it. Raises InvalidInput
    naming the place and what to do."""
    data = load(path)
    if not isinstance(data, dict):
        raise InvalidInput(
            f"{path}: a Serverless Devs project begins with 'edition:' and 'resources:'.",
            field=str(path),
        )
    values = _Values(path, data, os.environ if environment is None else environment, account)
    filled = values.fill(data, "", None)
    assert isinstance(filled, dict)
    return Document(path, filled)


class _NoValue(Exception):
    """A sentence."""


class _Values:
    def __init__(
        self,
        path: Path,
        data: dict[str, Any],
        environment: Mapping[str, str],
        account: Callable[[], str],
    ) -> None:
        self._path = path
        self._data = data
        self._environment = environment
        self._account = account
        self._depth = 0
        self._nesting = 0
        self._count = 0
        self._characters = 0
        self._files: dict[str, tuple[str, str]] = {}  # by what is written: the text, or why none

    def fill(self, value: Any, where: str, this: Any) -> Any:
        """The value with every `${…}` in it replaced. `this`: the resource that it is in.

        Every text counts each time that it is looked through, also one that is only an alias or has
        no value in the end: work and memory keep to the bounds, whatever leads where."""
        self._count += 1
        if self._count > VALUES_MAX:
            raise self._too_much(where, f"the file grows to over {VALUES_MAX} values")
        if isinstance(value, (dict, list)):
            self._nesting += 1
            if self._nesting > NESTING_MAX:
                what = f"an object holds itself, or is nested over {NESTING_MAX} deep"
                raise self._too_much(where, what)
            try:
                return self._fill_inside(value, where, this)
            finally:
                self._nesting -= 1
        if isinstance(value, str):
            self._grow(len(value), where)
            return self._fill_text(value, where, this) if "${" in value else value
        if value is None or isinstance(value, (bool, int, float)):
            return value
        kind = "a date" if isinstance(value, datetime.date) else f"a {type(value).__name__}"
        raise InvalidInput(
            f"{self._path}: {where}: YAML reads {str(value)[:40]} as {kind}; put it in quotes.",
            field=where,
        )

    def _fill_inside(self, value: Any, where: str, this: Any) -> Any:
        if isinstance(value, list):
            return [self.fill(item, f"{where}[{at}]", this) for at, item in enumerate(value)]
        filled = {}
        for key, inner in value.items():
            name = self._key(key, where)
            self._grow(len(name), where)
            shown = name if len(name) <= NAME_CHARACTERS else f"{name[:NAME_CHARACTERS]}…"
            place = f"{where}.{shown}" if where else shown
            filled[name] = self.fill(inner, place, inner if where in _RESOURCES else this)
        return filled

    def _key(self, key: Any, where: str) -> str:
        """Names are texts; the tool makes texts of numbers."""
        if isinstance(key, str):
            return key
        if isinstance(key, (int, float)) and not isinstance(key, bool):
            return plain(key)
        raise InvalidInput(
            f"{self._path}: {where}: YAML reads a name as {str(key)[:40]}; put it in quotes.",
            field=where,
        )

    def _fill_text(self, value: str, where: str, this: Any) -> Any:
        whole = _VALUE.fullmatch(value)
        try:
            if "${" in _VALUE.sub("", value) and _LEFT.search(_VALUE.sub(" ", value)):
                why = f"{value[:80]!r}: no braces can stand in a reference."
                raise _NoValue(f"{_short(where)}: {why}")
            if whole is not None and not _BARE.fullmatch(whole.group(1)):
                return self._value(whole.group(1).strip(), where, this)
            return _VALUE.sub(lambda found: self._text(found, where, this), value)
        except _NoValue as error:
            return MissingValue.of(value, str(error))

    def _grow(self, characters: int, where: str) -> None:
        """Before they are put anywhere: what is refused must not have been made."""
        self._characters += characters
        if self._characters > TEXT_CHARACTERS_MAX:
            what = f"its texts grow to over {TEXT_CHARACTERS_MAX} characters"
            raise self._too_much(where, what)

    def _text(self, found: re.Match[str], where: str, this: Any) -> str:
        """A value that is put into a longer text."""
        name = found.group(1).strip()
        if _BARE.fullmatch(name):
            return found.group(0)
        value = self._value(name, where, this)
        if isinstance(value, dict | list):
            raise self._unknown(name, where, "an object or a list cannot stand inside of a text")
        return plain(value)

    def _value(self, name: str, where: str, this: Any) -> Any:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            self._depth -= 1
            raise self._unknown(name, where, "it leads back to itself, or over too many others")
        try:
            value = self._look_up(name, where, this)
        finally:
            self._depth -= 1
        if isinstance(value, MissingValue):
            raise _NoValue(value.why)
        return value

    def _look_up(self, name: str, where: str, this: Any) -> Any:
        """What comes from outside of the file is taken as it is; values of the file may have
        references of their own."""
        found = _ENV.fullmatch(name)
        if found is not None:
            return self._env(found, where)
        found = _CALL.fullmatch(name)
        if found is not None:
            read = {"file": self._file, "path": self._given_path, "config": self._config}
            return read[found.group(1)](found, where)
        first, *parts = name.split(".")
        if first not in _ROOTS:
            known = f"env, file, path, config, {', '.join(_ROOTS)} are understood"
            raise self._unknown(name, where, known)
        value = this if first == "this" else self._data.get(first)
        for depth, part in enumerate(parts):
            if not isinstance(value, dict) or part not in value:
                raise self._unknown(name, where, f"there is no {part!r}")
            value = value[part]
            if first in _RESOURCES and depth == 0:
                this = value  # what its `this` means
        return self.fill(value, where, this)

    def _env(self, found: re.Match[str], where: str) -> str:
        written, comma, default = (found.group(1) or "").partition(",")
        name = found.group(2) or _unquoted(written)
        if _NAME.fullmatch(name) is None:
            raise self._unknown(found.group(0), where, f"{name[:80]!r} is no name of a variable")
        if name.upper().startswith(OWN):
            why = f"variables that begin with {OWN} are the service's own; no project is given them"
            raise self._unknown(found.group(0), where, why)
        value = self._environment.get(name, _unquoted(default) if comma else None)
        if value is None:
            raise self._unknown(found.group(0), where, f"the variable {name} is not set")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise self._unknown(found.group(0), where, f"the variable {name} is not UTF-8")
        self._grow(len(value), where)
        return value

    def _file(self, found: re.Match[str], where: str) -> str:
        name = _unquoted(found.group(2))
        if name not in self._files:
            self._files[name] = self._read(name)
        text, why = self._files[name]
        if why:
            raise self._unknown(found.group(0), where, why)
        self._grow(len(text), where)
        return text

    def _read(self, name: str) -> tuple[str, str]:
        """The text of that file, or why there is none."""
        try:
            path = inside(self._path.parent, name)
            return read_bounded(path, TEXT_FILE_BYTES_MAX).decode(), ""
        except InvalidInput as error:
            return "", error.detail.rstrip(".")
        except (UnicodeDecodeError, ValueError) as error:
            return "", str(error)

    def _given_path(self, found: re.Match[str], where: str) -> str:
        """The tool makes an absolute path of it; here all paths begin in the project's folder."""
        return _unquoted(found.group(2))

    def _config(self, found: re.Match[str], where: str) -> str:
        if _unquoted(found.group(2)) != "AccountID":
            raise self._unknown(found.group(0), where, "of the credentials only AccountID is known")
        account = self._account()
        if not account:
            why = "the service has no account id; give it one with THENCE_ACCOUNT_ID"
            raise self._unknown(found.group(0), where, why)
        self._grow(len(account), where)
        return account

    def _unknown(self, name: str, where: str, why: str) -> _NoValue:
        return _NoValue(f"{_short(where)}: ${{{name[:200]}}} has no value: {why}.")

    def _too_much(self, where: str, what: str) -> InvalidInput:
        where = _short(where)
        return InvalidInput(f"{self._path}: {where}: {what}.", field=where)


def _short(where: str) -> str:
    return where if len(where) <= PLACE_CHARACTERS else f"{where[:PLACE_CHARACTERS]}…"


def _unquoted(text: str) -> str:
    """What stands in the parentheses of a reference, in quotes of either kind or without."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text
