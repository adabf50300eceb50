"""The frames of a traceback that is kept as text (AttemptView.error_stack). Pure."""

from __future__ import annotations

import re

from ..function_error import Frame

_CHAINED = (
    "\nDuring handling of the above exception, another exception occurred:\n",
    "\nThe above exception was the direct cause of the following exception:\n",
)
_PLACE = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+), in (?P<function>.*)')
_GROUP = "  | "  # an exception group's own frames are drawn behind a line


def frames(stack: str, message: str = "") -> list[Frame]:
    """The frames of the exception that was raised last, outermost first.

    `message`: that exception's text, so that a traceback which it quotes is not taken for its own.
    A stack that was cut at its front gives the frames that are left; no stack gives none.
    """
    found: list[Frame] = []
    lines = _own(stack, message).split("\n")
    for number, line in enumerate(lines):
        place = _PLACE.fullmatch(_plain(line))
        if place is None:
            continue
        code = _plain(lines[number + 1]) if number + 1 < len(lines) else ""
        found.append(
            Frame(
                place["file"],
                int(place["line"]),
                place["function"],
                code.strip() if code.startswith("    ") else "",
            )
        )
    return found


def _own(stack: str, message: str) -> str:
    """Without the exceptions before the last one, and without its text."""
    if message:
        end = stack.rfind(f": {message}")
        stack = stack if end < 0 else stack[:end]
    begin = max((stack.rfind(mark) for mark in _CHAINED), default=-1)
    return stack if begin < 0 else stack[begin + 1 :]


def _plain(line: str) -> str:
    return line[len(_GROUP) :] if line.startswith(_GROUP) else line
