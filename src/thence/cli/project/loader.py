"""YAML as the tool of Serverless Devs reads it, within bounds: a file of a stranger must not keep this
machine busy.

The tool reads YAML 1.2: only `true` and `false` are truth values, and `10:30` is a text. PyYAML reads
YAML 1.1, so that the resolvers here are those of 1.2. Dates stay dates: see document.py.
"""

from __future__ import annotations

import math
import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from ...errors import InvalidInput

FILE_BYTES_MAX = 256 * 1024
DIGITS_MAX = 20
MERGED_MAX = 10_000  # entries of one object after all `<<` are in their places
NESTING_MAX = 64  # objects in objects; PyYAML calls itself for each, in C without a bound

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML was built with it


class _Refused(yaml.YAMLError):  # type: ignore[misc, unused-ignore]
    """What YAML allows and a project may not hold."""


class _Loader(_BASE):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, list[Any]] = {}

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MERGED_MAX:
            raise _Refused(f"an object grows to over {MERGED_MAX} entries by '<<'")


def _bool(loader: Any, node: Any) -> bool:
    return str(loader.construct_scalar(node)).lower() == "true"


def _int(loader: Any, node: Any) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    if len(text) > DIGITS_MAX:
        raise _Refused(f"a number of {len(text)} digits; at most {DIGITS_MAX}, or put it in quotes")
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2].lower(), 10)
    return sign * int(digits[2:] if base != 10 else digits, base)


def _float(loader: Any, node: Any) -> float:
    text = str(loader.construct_scalar(node)).replace("_", "")
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise _Refused(f"{text[:40]!r} is no number that can be sent; put it in quotes")
    return found


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
        [one if one != "\0" else "" for one in _first],
    )
for _name, _construct in (("bool", _bool), ("int", _int), ("float", _float)):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _construct)


def load(path: Path) -> Any:
    """What the file holds. Raises InvalidInput naming it and what to do."""
    raw = read_bounded(path, FILE_BYTES_MAX)
    try:
        _check_nesting(raw)
        return yaml.load(raw, _Loader)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{path}: not valid YAML: {error}", field=str(path)) from None


def _check_nesting(raw: bytes) -> None:
    """Parsing to events needs no depth, making objects of them does."""
    depth = 0
    for event in yaml.parse(raw, _Loader):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > NESTING_MAX:
                line = event.start_mark.line + 1
                raise _Refused(f"line {line}: nested over {NESTING_MAX} deep")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1


def read_bounded(path: Path, bytes_max: int) -> bytes:
    """A plain file. Raises InvalidInput naming it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InvalidInput(f"{path}: it is no plain file; put one there.", field=str(path))
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise InvalidInput(
            f"{path}: it cannot be read ({error.strerror or error}).", field=str(path)
        ) from None
    if len(data) > bytes_max:
        raise InvalidInput(f"{path}: larger than {bytes_max} bytes.", field=str(path))
    return data


def inside(folder: Path, written: str) -> Path:
    """The path that a file in `folder` names, links resolved. Raises ValueError with the reason
    where it leads out of the folder or nowhere: a project says nothing of the machine."""
    root = folder.resolve()
    try:
        found = (root / written).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"{written[:200]!r} is no path ({error})") from None
    if not found.is_relative_to(root):
        raise ValueError(
            f"{written[:200]!r} leads out of the project's folder; put what it needs into it"
        )
    if not found.exists():
        raise ValueError(f"there is no {written[:200]!r} in {folder}")
    return found
