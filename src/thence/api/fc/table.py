"""All routes of the door: each file brings those of its subject."""

from __future__ import annotations

from . import (
    async_config,
    code,
    functions,
    invoke,
    services,
    tagging,
    tasks,
    triggers,
)
from .route import Route

ROUTES: tuple[Route, ...] = (
    *async_config.ROUTES,
    *code.ROUTES,
    *functions.ROUTES,
    *invoke.ROUTES,
    *services.ROUTES,
    *tagging.ROUTES,
    *tasks.ROUTES,
    *triggers.ROUTES,
)
