"""In the instance: an exception as a type, a message and the user's part of its traceback."""

from __future__ import annotations

import importlib
import os
import traceback

from ...wire.frames import (
    ERROR_MESSAGE_BYTES_MAX,
    ERROR_STACK_BYTES_MAX,
    ERROR_TYPE_BYTES_MAX,
    FAULT_EVENT,
    FAULT_INITIALIZER,
    FAULT_LOAD,
    FAULT_RESULT,
    FAULT_RESULT_SIZE,
)

_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
_IMPORT_MACHINERY = ("<frozen importlib", os.path.dirname(importlib.__file__) + os.sep)


class HandlerFault(Exception):
    """A mistake that the worker found itself. `kind` is the error type that is reported.
    `hopeless`: every other attempt would find it too. `fault`: as an answer names it (frames.py);
    names are for people, the user's own exceptions may have the same."""

    hopeless = False
    fault = 0

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class NotLoaded(HandlerFault):
    """What the function's configuration names cannot be had of its code."""

    hopeless = True
    fault = FAULT_LOAD


class NotFound(NotLoaded):
    """There is no such `module`, or no `function` (empty: the module itself is missing) in it."""

    def __init__(self, kind: str, message: str, module: str, function: str = "") -> None:
        super().__init__(kind, message)
        self.module = module
        self.function = function


class InvalidEvent(HandlerFault):
    """The payload is not what the handler takes."""

    hopeless = True
    fault = FAULT_EVENT


def unreadable(error: Exception) -> str:
    """Why a payload is not the JSON that was expected, for a sentence about it."""
    if isinstance(error, RecursionError):
        return "is JSON that is nested too deeply to be read"
    return f"is not JSON: {error}"


class InvalidResult(HandlerFault):
    """What the handler returned cannot be written down."""

    fault = FAULT_RESULT


class LargeResult(HandlerFault):
    """What the handler returned is too large."""

    fault = FAULT_RESULT_SIZE


class InitializerFault(HandlerFault):
    """The initializer failed, so the instance cannot be used."""

    fault = FAULT_INITIALIZER

    def __init__(self, kind: str, message: str, *, hopeless: bool = False) -> None:
        super().__init__(kind, message)
        self.hopeless = hopeless


def describe(error: BaseException) -> tuple[bytes, bytes, bytes]:
    """(type, message, stack) as bounded UTF-8. The stack holds no frames of the worker and none
    of Python's import machinery; of a long one the end is kept, where the cause is."""
    if isinstance(error, HandlerFault):
        cause = error.__cause__
        stack = b"" if cause is None else _stack(cause)
        return _head(error.kind, ERROR_TYPE_BYTES_MAX), _message(error), stack
    return _head(type(error).__name__, ERROR_TYPE_BYTES_MAX), _message(error), _stack(error)


def exit_message(who: str, error: BaseException) -> bytes:
    """Of SystemExit and KeyboardInterrupt, as bounded UTF-8."""
    if not isinstance(error, SystemExit):
        return f"the {who} was interrupted (KeyboardInterrupt)".encode()
    try:
        code = repr(error.code)
    except Exception as broken:  # the user's __repr__ may raise anything
        code = f"a value that cannot be shown: {type(broken).__name__}"
    told = f"the {who} ended its process with sys.exit({code}"
    return _head(told, ERROR_MESSAGE_BYTES_MAX - 1, "…") + b")"


def _message(error: BaseException) -> bytes:
    try:
        text = str(error)
    except Exception as broken:  # the user's __str__ may raise anything
        text = f"(the text of this error cannot be made: {type(broken).__name__})"
    return _head(text, ERROR_MESSAGE_BYTES_MAX, "…")


def _stack(error: BaseException) -> bytes:
    try:
        told = traceback.TracebackException.from_exception(error)
        _trim(told)
        # A message is told elsewhere; here it must not push out the frames, which say where.
        data = b"".join(_head(text, ERROR_MESSAGE_BYTES_MAX, "…\n") for text in told.format())
    except Exception as broken:  # the user's __str__ again, or a source file that vanished
        data = f"(no traceback: {type(broken).__name__})\n".encode()
    return data[-ERROR_STACK_BYTES_MAX:].decode("utf-8", "ignore").encode()


def _trim(told: traceback.TracebackException) -> None:
    seen: set[int] = set()
    waiting = [told]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        part.stack[:] = [frame for frame in part.stack if _is_users(frame.filename)]
        waiting.extend(other for other in (part.__cause__, part.__context__) if other is not None)


def _is_users(filename: str) -> bool:
    return not filename.startswith((_OURS, *_IMPORT_MACHINERY))


def _head(text: str, bytes_max: int, mark: str = "") -> bytes:
    """Its beginning as UTF-8. What is cut ends with `mark`."""
    data = text[: bytes_max + 1].encode("utf-8", "replace")
    if len(data) <= bytes_max:
        return data
    end = mark.encode()
    return data[: bytes_max - len(end)].decode("utf-8", "ignore").encode() + end
