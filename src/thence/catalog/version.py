"""Versions and the names of versions and aliases: what may be one, which number is next, who uses one.
Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from ..errors import Conflict, InvalidInput
from .alias import Alias
from .function import LATEST

NOTE_MAX = 1024  # characters
QUALIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def check_qualifier(field: str, name: str) -> None:
    """A name for a version or an alias. Raises InvalidInput."""
    if QUALIFIER.fullmatch(name) is None or name.lower() == LATEST:
        raise InvalidInput(
            f"{field}: {name[:140]!r} is not the name of one. Use letters, digits, _, . and - (not the "
            f"last two first), at most 128 characters, and not {LATEST!r}.",
            field=field,
            value=name[:140],
            limit=QUALIFIER.pattern,
        )


def check_new_version(
    function: str, name: str, versions: Collection[str], aliases: Collection[str]
) -> None:
    """Raises InvalidInput; Conflict where a version or an alias of the function has that name."""
    check_qualifier("version", name)
    if name in versions or name in aliases:
        raise Conflict(
            f"{_there(function, name, aliases)}; choose another name.",
            version=name,
        )


def check_new_alias(
    function: str, name: str, versions: Collection[str], aliases: Collection[str]
) -> None:
    """Raises InvalidInput; Conflict where a version or an alias of the function has that name."""
    check_qualifier("name", name)
    if name in versions or name in aliases:
        raise Conflict(f"{_there(function, name, aliases)}.", alias=name)


def _there(function: str, name: str, aliases: Collection[str]) -> str:
    what = "alias" if name in aliases else "version"
    return f"Function {function!r} has the {what} {name!r} already"


def check_note(note: str) -> None:
    """Raises InvalidInput."""
    if len(note) > NOTE_MAX:
        raise InvalidInput(
            f"note: {len(note)} characters; at most {NOTE_MAX}.", field="note", limit=NOTE_MAX
        )


def number_of(version: str) -> int:
    """0: its name is no number."""
    return int(version) if version.isdecimal() else 0


def next_number(highest: int, versions: Iterable[str], aliases: Collection[str]) -> str:
    """The whole number that no version has, had (`highest`: ever given), or could be taken for."""
    number = max([highest, *map(number_of, versions)]) + 1
    while str(number) in aliases:
        number += 1
    return str(number)


def check_unused(function: str, version: str, aliases: Mapping[str, Alias]) -> None:
    """That no alias leads to that version. Raises Conflict; `aliases`: those that do."""
    users = sorted(alias.name for alias in aliases.values() if version in alias.versions())
    if users:
        raise Conflict(
            f"Version {version!r} of {function!r} is used by the alias {users[0]!r}; change or "
            "delete the alias first.",
            aliases=users,
        )
