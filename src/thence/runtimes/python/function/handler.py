"""In the instance: finding the handler `module.function` in the function's code."""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from collections.abc import Callable
from typing import Any

from .failure import NotFound, NotLoaded

Handler = Callable[..., Any]


def load(name: str, code_path: str, setting: str = "handler") -> Handler:
    """The handler, or the hook that `setting` names. Raises whatever the import raises, or NotLoaded
    when the module has no such function or it cannot be called. A failed load may be tried again."""
    module_name, _, function_name = name.rpartition(".")
    _unshadow(module_name.partition(".")[0], code_path)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            raise NotFound(
                "ImportError",
                f"{setting} {name!r}: there is no module {error.name!r} in the function's code. "
                f"Put it at the top of the archive or correct `{setting}`.",
                error.name,
            ) from None
        raise
    if not hasattr(module, function_name):
        raise NotFound(
            "HandlerNotFound",
            f"{setting} {name!r}: module {module_name!r} has no {function_name!r}. "
            f"Define it or correct `{setting}`.",
            module_name,
            function_name,
        )
    found = getattr(module, function_name)
    if not callable(found):
        raise NotLoaded(
            "HandlerNotCallable",
            f"{setting} {name!r} is a {type(found).__name__}, not something that can be called.",
        )
    return found  # type: ignore[no-any-return]


def is_hopeless(error: BaseException) -> bool:
    """Of an error that `load` raised: whether loading the same code again would raise it again. What
    else a module raises while it is imported may come from outside (a service that was away)."""
    return isinstance(error, (ImportError, SyntaxError, NotLoaded))


def _unshadow(top: str, code_path: str) -> None:
    """Forget a preloaded module of the same name as the user's: a handler in `queue.py` means the
    user's own file, as it would for `python queue.py`."""
    loaded = sys.modules.get(top)
    if loaded is None or importlib.machinery.PathFinder.find_spec(top, [code_path]) is None:
        return
    # A folder without __init__.py has no file, but it has a path.
    places = [getattr(loaded, "__file__", None), *getattr(loaded, "__path__", ())]
    if any(place and place.startswith(code_path) for place in places):
        return
    for name in [name for name in sys.modules if name == top or name.startswith(top + ".")]:
        del sys.modules[name]
