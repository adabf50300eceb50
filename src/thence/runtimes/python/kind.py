"""Python, as everybody else sees it."""

from __future__ import annotations

from ..kind import HandlerForm, RuntimeKind
from .function.contracts.choice import details
from .launcher import ForkServerLauncher
from .tracebacks import frames
from .vendors import FC, FUNCTIONGRAPH, HANDLER, source_file

PYTHON = RuntimeKind(
    name="python",
    launcher=ForkServerLauncher,
    handlers=HandlerForm(
        pattern=HANDLER,
        form="module.function",
        rule="letters, digits and _, dots between",
    ),
    source_file=source_file,
    vendors={"fc": FC, "functiongraph": FUNCTIONGRAPH},
    details=details,
    frames=frames,
)
