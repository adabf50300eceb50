"""YAML as the tool of Serverless Devs reads it, within bounds: a file of a stranger must not keep this
machine busy.

The tool reads YAML 1.2: only `true` and `false` are truth values, and `10:30` is a text. PyYAML reads
YAML 1.1, so that the resolvers here are those of 1.2. Dates stay dates: see document.py.
"""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from ...errors import InvalidInput
from ..files import read_bounded

FILE_BYTES_MAX = 256 * 1024
DIGITS_MAX = 20
MERGED_MAX = 10_000  # entries that all `<<` of a file bring
NESTING_MAX = 64  # objects in objects; PyYAML calls itself for each, in C without a bound
TAG_CHARACTERS_MAX = 256

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML was built with it


class _Refused(yaml.YAMLError):  # type: ignore[misc, unused-ignore]
    """What YAML allows and a project may not hold."""


class _Loader(_BASE):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, list[Any]] = {}

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._flat: set[int] = set()  # mappings whose `<<` are in their places
        self._merged = 0

    def flatten_mapping(self, node: Any) -> None:
        """Puts the entries of `<<` before the mapping's own, as PyYAML does, but within a bound that
        counts for the whole file and is looked at before anything is copied. A name that is there
        twice is refused, as by the tool: one of the two would vanish in silence."""
        if id(node) in self._flat:
            return
        self._flat.add(id(node))
        taken: list[Any] = []
        own: list[Any] = []
        seen: set[str] = set()
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                for source in self._sources(value):
                    taken[:0] = source
                continue
            if isinstance(key, yaml.ScalarNode):
                name = key.value  # of whatever kind: 1 and '1' are one name
                if name in seen:
                    line = key.start_mark.line + 1
                    raise _Refused(f"line {line}: {key.value[:80]!r} is there twice; take one out")
                seen.add(name)
            own.append((key, value))
        node.value = taken + own

    def _sources(self, value: Any) -> list[list[Any]]:
        """The entries of each mapping that a `<<` names; those of the first win."""
        nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
        found = []
        for mapping in nodes:
            if not isinstance(mapping, yaml.MappingNode):
                line = value.start_mark.line + 1
                raise _Refused(f"line {line}: '<<' needs an object or a list of objects")
            self.flatten_mapping(mapping)
            self._merged += len(mapping.value)
            if self._merged > MERGED_MAX:
                raise _Refused(f"the file grows to over {MERGED_MAX} entries by '<<'")
            found.append(mapping.value)
        return found


def _bool(loader: Any, node: Any) -> bool:
    text = str(loader.construct_scalar(node)).lower()
    if text not in ("true", "false"):
        raise _Refused(f"{text[:40]!r} is neither true nor false")
    return text == "true"


def _int(loader: Any, node: Any) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    if len(text) > DIGITS_MAX:
        raise _Refused(f"a number of {len(text)} digits; at most {DIGITS_MAX}, or put it in quotes")
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2].lower(), 10)
    try:
        return sign * int(digits[2:] if base != 10 else digits, base)
    except ValueError:
        raise _Refused(f"{text[:40]!r} is no whole number; put it in quotes") from None


def _float(loader: Any, node: Any) -> float:
    text = str(loader.construct_scalar(node)).replace("_", "")
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise _Refused(f"{text[:40]!r} is no number that can be sent; put it in quotes")
    return found


def _timestamp(loader: Any, node: Any) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except (AttributeError, ValueError, OverflowError):  # PyYAML's for what is none
        raise _Refused(f"{str(node.value)[:40]!r} is no date; put it in quotes") from None


_RESOLVERS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("merge", r"<<", "<"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    (
        "timestamp",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
        r"(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9:]+))?)?",
        "0123456789",
    ),
)
for _name, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}",
        re.compile(rf"(?:{_pattern})\Z"),
        [letter if letter != "\0" else "" for letter in _first],
    )
for _name, _construct in (
    ("bool", _bool),
    ("int", _int),
    ("float", _float),
    ("timestamp", _timestamp),
):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _construct)


def load(path: Path) -> Any:
    """What the file holds. Raises InvalidInput naming it and what to do."""
    raw = read_bounded(path, FILE_BYTES_MAX)
    try:
        _check_events(_named(raw, path))
        return yaml.load(_named(raw, path), _Loader)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{path}: not valid YAML: {error}", field=str(path)) from None


def _named(raw: bytes, path: Path) -> io.BytesIO:
    """With the name that PyYAML's errors give the place in; of bytes alone it would be invented."""
    stream = io.BytesIO(raw)
    stream.name = str(path)
    return stream


def _check_events(stream: io.BytesIO) -> None:
    """Parsing to events needs no depth, making objects of them does. Tags are written out for each
    value that has one: `%TAG` could make gigabytes of them."""
    depth = 0
    for event in yaml.parse(stream, _Loader):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > NESTING_MAX:
                line = event.start_mark.line + 1
                raise _Refused(f"line {line}: nested over {NESTING_MAX} deep")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if len(getattr(event, "tag", None) or "") > TAG_CHARACTERS_MAX:
            line = event.start_mark.line + 1
            raise _Refused(f"line {line}: a tag of over {TAG_CHARACTERS_MAX} characters")
