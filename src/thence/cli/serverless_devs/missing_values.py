"""Texts of a project some of whose `${…}` have no value: they hurt only what uses them."""

from __future__ import annotations

from typing import Any


class Unresolved(str):
    """The text as the file has it. `why`: a sentence."""

    why: str

    @classmethod
    def of(cls, text: str, why: str) -> Unresolved:
        made = cls(text)
        made.why = why
        return made


def reasons(value: Any) -> list[str]:
    """Why values in there are not known, each once."""
    found: dict[str, None] = {}
    _gather(value, found)
    return list(found)


def _gather(value: Any, found: dict[str, None]) -> None:
    if isinstance(value, Unresolved):
        found.setdefault(value.why)
    elif isinstance(value, dict):
        for one in value.values():
            _gather(one, found)
    elif isinstance(value, list):
        for one in value:
            _gather(one, found)


def without(value: Any) -> Any:
    """The value without those that are not known."""
    if isinstance(value, dict):
        return {key: without(one) for key, one in value.items() if not isinstance(one, Unresolved)}
    if isinstance(value, list):
        return [without(one) for one in value if not isinstance(one, Unresolved)]
    return value
