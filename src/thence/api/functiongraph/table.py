"""All routes of the door: each file brings those of its subject."""

from __future__ import annotations

from . import code, functions, pinned
from .route import Route

ROUTES: tuple[Route, ...] = (
    *code.ROUTES,
    *functions.ROUTES,
    *pinned.ROUTES,
)
