"""An error of a function's code as every language has one. A runtime makes it of what it kept as text;
vendors' forms make their text of it."""

from __future__ import annotations

from msgspec import Struct


class Frame(Struct, frozen=True):
    """Where a call was when the error was raised."""

    file: str
    line: int
    function: str
    code: str  # the line of source, trimmed; empty where it was not at hand


class FunctionError(Struct, frozen=True):
    type: str
    message: str
    frames: list[Frame]  # outermost first; none where nothing is known of them
