"""All routes of the door: each file brings those of its subject."""

from __future__ import annotations

from .route import Route

ROUTES: tuple[Route, ...] = ()
