"""In the instance: load what a function's configuration names, and say what was found.

A trial is a request that is no call. Its payload names what is to be loaded, by setting; its answer
is a finding as JSON, of the first that could not be loaded. What ends the process ends it here, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .failure import NotFound, NotLoaded, describe
from .handler import load


def load_all(names: bytes, code_path: str) -> bytes:
    """`names`: a JSON object of settings and what they name. The finding: see interface.Trial."""
    for setting, name in json.loads(names).items():
        try:
            found = load(name, code_path, setting)
        except (MemoryError, SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # the user's own error, whatever its class
            return json.dumps(_finding(setting, error)).encode()
        if setting == "handler" and (wrong := _arguments(name, found)):
            said = {"found": "arguments", "setting": setting, "error_message": wrong}
            return json.dumps(said).encode()
    return b"{}"


def _arguments(name: str, handler: Callable[..., Any]) -> str:
    """A sentence where the handler cannot be called with (event, context), as far as one can see: what
    it wraps does not count, and a signature that cannot be read is taken as right."""
    import inspect  # only here: no call needs it

    try:
        signature = inspect.signature(handler, follow_wrapped=False)
        written = str(signature)[:200]
    except Exception:  # a builtin, or an object of the user's own making
        return ""
    try:
        signature.bind(None, None)
    except TypeError as error:
        return (
            f"handler {name!r} is written {written} and is called with two arguments, (event, "
            f"context): {error}. Every call will fail so; write it as (event, context)."
        )
    return ""


def _finding(setting: str, error: BaseException) -> dict[str, str]:
    kind, message, stack = describe(error)
    return {
        "found": _found(error),
        "setting": setting,
        "missing": (error.name or "") if isinstance(error, ModuleNotFoundError) else "",
        "error_type": kind.decode(),
        "error_message": message.decode(),
        "error_stack": stack.decode(),
    }


def _found(error: BaseException) -> str:
    if isinstance(error, NotLoaded):
        return "no_module" if isinstance(error, NotFound) and not error.function else "no_function"
    if isinstance(error, ModuleNotFoundError):
        return "dependency"
    if isinstance(error, SyntaxError):
        return "syntax"
    return "import" if isinstance(error, ImportError) else "raised"
