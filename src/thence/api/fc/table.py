"""All routes of the door: each file brings those of its subject."""

from __future__ import annotations

from . import async_config, triggers
from .route import Route

ROUTES: tuple[Route, ...] = (
    *async_config.ROUTES,
    *triggers.ROUTES,
)
