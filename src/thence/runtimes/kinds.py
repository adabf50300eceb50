"""The runtimes that are installed, a line each."""

from __future__ import annotations

from .kind import RuntimeKind
from .python.kind import PYTHON

KINDS: tuple[RuntimeKind, ...] = (PYTHON,)
