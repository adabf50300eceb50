"""How FunctionGraph tells that a function failed: the error JSON (reference 8, 13.1). Pure.

The notification and the door's synchronous answers give the same body.
"""

from __future__ import annotations

import msgspec

from ...runtimes.function_error import Frame
from ...runtimes.kinds import function_error
from ..shared.ending import Failed

PREFIX = "function invocation exception, error: "


def error_body(ended: Failed) -> bytes:
    """`errorMessage`, `errorType` and `stackTrace`, a string for each frame, indented as recorded.
    A failure without an exception (time limit, exit, memory) has its sentence and no frames."""
    error = function_error(ended.error_type, ended.error_message, ended.error_stack)
    body = {
        "errorMessage": PREFIX + error.message,
        "errorType": error.type,
        "stackTrace": [_shown(frame) for frame in error.frames],
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=2)


def _shown(frame: Frame) -> str:
    place = f'File "{frame.file}", line {frame.line}, in {frame.function}'
    return f"{place}: {frame.code}" if frame.code else place
