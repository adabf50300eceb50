"""What packages of others bring: objects that they name as entry points of a group.

One that cannot be used stops the start with a sentence: what silently is not there would be found out by
calls or deliveries that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from typing import TypeVar

from .errors import StartupError

T = TypeVar("T")


def brought(
    group: str, what: str, of: type[T], types: Callable[[T, str, str], Iterable[str]]
) -> list[T]:
    """All of a group, each an `of`. `what`: one of them, for people. `types`: what no two packages may both
    bring; it is given one, how a sentence about it begins, and its entry point's name, and may raise
    StartupError itself. Raises StartupError."""
    found: list[T] = []
    owners: dict[str, str] = {}  # by type: the entry point that has it
    for entry in entry_points(group=group):
        name = f"The {what} {entry.name!r} ({entry.value})"
        try:
            made = entry.load()
        except Exception as error:  # whatever a foreign package does when it is imported
            raise StartupError(
                f"{name} cannot be loaded: {type(error).__name__}: {error}. Repair or remove the "
                "package that brings it.",
                entry_point=entry.name,
            ) from error
        if not isinstance(made, of):
            raise StartupError(
                f"{name} is a {type(made).__name__}; it must be a {of.__module__}.{of.__qualname__}.",
                entry_point=entry.name,
            )
        for word in types(made, name, entry.name):
            other = owners.setdefault(word, entry.value)
            if other != entry.value:
                raise StartupError(
                    f"{name} and another package ({other}) both bring the type {word!r}. Remove one "
                    "of them.",
                    entry_point=entry.name,
                )
        found.append(made)
    return found
