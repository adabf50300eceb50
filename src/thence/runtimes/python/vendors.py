"""Python functions as vendors write them. All their runtimes are run by the Python that runs this
service: the name only decides what is shown."""

from __future__ import annotations

import re

from ..kind import Vendor

HANDLER = r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+"
"""Ours: module.function; the module may be dotted."""


def source_file(handler: str) -> str:
    return handler.rpartition(".")[0].replace(".", "/") + ".py"


_ONE_DOT = re.compile(r"[^.]+\.[^.]+")


def _dotted(handler: str) -> str | None:
    """`dir/module.function` as `dir.module.function`."""
    dotted = handler.replace("/", ".")
    return dotted if re.fullmatch(HANDLER, dotted) else None


def _dotted_once(handler: str) -> str | None:
    """The same where folders are set off by `/` only."""
    return _dotted(handler) if _ONE_DOT.fullmatch(handler) else None


FC = Vendor(
    runtimes=(
        "python3",
        "python3.6",
        "python3.9",
        "python3.10",
        "python3.11",
        "python3.12",
        "python3.13",
    ),
    shown="python3",
    handler=_dotted,
    form="module.function or dir/module.function (letters, digits and '_')",
)

FUNCTIONGRAPH = Vendor(
    runtimes=("Python3.6", "Python3.9", "Python3.10", "Python3.11", "Python3.12", "Python3.13"),
    shown="Python3.10",
    handler=_dotted_once,
    form="file.function or dir/file.function (letters, digits and '_')",
)
