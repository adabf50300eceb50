"""A table of errors: what a door has for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ...errors import ThenceError

Words = TypeVar("Words")


def by_kind(
    table: Sequence[tuple[type[ThenceError], Words]], error: ThenceError, otherwise: Words
) -> Words:
    """What a table has for an error: of the first kind that it is one of."""
    return next((words for kind, words in table if isinstance(error, kind)), otherwise)
