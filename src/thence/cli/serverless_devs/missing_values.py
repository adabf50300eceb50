"""Texts of a project some of whose `${…}` have no value: they hurt only what uses them."""

from __future__ import annotations

from typing import Any


class MissingValue(str):
    """The text as the file has it. `why`: a sentence."""

    why: str

    @classmethod
    def of(cls, text: str, why: str) -> MissingValue:
        made = cls(text)
        made.why = why
        return made


def why_missing(value: Any) -> list[str]:
    """Why values in there are not known, each once."""
    found: dict[str, None] = {}
    _gather(value, found)
    return list(found)


def _gather(value: Any, found: dict[str, None]) -> None:
    if isinstance(value, MissingValue):
        found.setdefault(value.why)
    elif isinstance(value, dict):
        for inner in value.values():
            _gather(inner, found)
    elif isinstance(value, list):
        for inner in value:
            _gather(inner, found)


def without_missing(value: Any) -> Any:
    """The value without those that are not known."""
    if isinstance(value, dict):
        return {
            key: without_missing(inner)
            for key, inner in value.items()
            if not isinstance(inner, MissingValue)
        }
    if isinstance(value, list):
        return [without_missing(inner) for inner in value if not isinstance(inner, MissingValue)]
    return value
