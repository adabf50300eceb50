"""Python, as everybody else sees it."""

from __future__ import annotations

from ..kind import RuntimeKind
from .function.contracts.choice import details
from .launcher import ForkServer

PYTHON = RuntimeKind(name="python", launcher=ForkServer, details=details)
