"""How Function Compute tells that a function failed: the error JSON and the error type.

The result callback and the door's synchronous answers say the same with these (reference 9, 10).
Pure.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ...lifecycle.outcome import BUDGET, Budget, Outcome
from ...runtimes.kinds import function_error
from ..shared.ending import Failed

UNHANDLED = "UnhandledInvocationError"
"""Of every failure of a function's code. `HandledInvocationError` is what a Node.js callback is
given, and no runtime here has one."""

MIB = 1 << 20
_SLOW_START = "InitializerTimedOut"
_SECONDS = re.compile(r"\b([0-9]+(?:\.[0-9]+)?) s\b")


def error_type(outcome: Outcome | None) -> str:
    """The value of `x-fc-error-type` and `functionError`; empty unless the function's code is at
    fault."""
    function = outcome is not None and BUDGET[outcome] is Budget.FUNCTION_ERRORS
    return UNHANDLED if function else ""


def error_body(ended: Failed, memory_bytes: int = 0) -> bytes:
    """The error JSON of a failure of the function's code, indented as FC's runtimes write it.

    An exception has `errorMessage`, `errorType` and `stackTrace`, a list of `[file, line, function,
    code]` each; a time limit, an exit and a passed memory limit have `errorMessage` alone. FC's
    text for the last is not known (reference 15.10): it is that of an exit. Nor is it for an
    initializer that took too long; one that failed is told as its exception. memory_bytes: the most
    that the instance used, 0 where it was not measured; it is then left out of the text.
    """
    match ended.outcome:
        case Outcome.TIMED_OUT:
            memory = f" (maxMemoryUsage: {memory_bytes / MIB:.2f}MB)" if memory_bytes else ""
            what = "Function initialization" if ended.error_type == _SLOW_START else "Function"
            return _pretty({"errorMessage": f"{what} timed out after {_limit(ended)}{memory}"})
        case Outcome.CRASHED | Outcome.OUT_OF_MEMORY:
            memory = f", maxMemoryUsage: {memory_bytes / MIB:.2f}MB" if memory_bytes else ""
            took = f"duration: {ended.duration_us // 1000}ms{memory}"
            text = f"Process exited unexpectedly before completing request ({took})"
            return _pretty({"errorMessage": text})
    error = function_error(ended.error_type, ended.error_message, ended.error_stack)
    return _pretty(
        {
            "errorMessage": error.message,
            "errorType": error.type,
            "stackTrace": [
                [
                    f'File "{frame.file}"',
                    f"line {frame.line}",
                    f"in {frame.function}",
                    frame.code,
                ]
                for frame in error.frames
            ],
        }
    )


def _limit(ended: Failed) -> str:
    """`3 seconds`: the limit that the runtime's sentence names, else how long the attempt ran."""
    named = _SECONDS.search(ended.error_message)
    seconds = named[1] if named else f"{ended.duration_us // 1_000_000}"
    return f"{seconds} second{'' if seconds == '1' else 's'}"


def _pretty(body: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(body), indent=2)
