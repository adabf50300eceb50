"""All routes under `/v1`: those of the native door, and what other doors add."""

from __future__ import annotations

from typing import Any

from thence.api.functiongraph.log_route import log_route
from thence.api.native.table import ROUTES as NATIVE

NO_STATE: Any = None  # no handler is called
ROUTES = (*NATIVE, log_route(NO_STATE))
