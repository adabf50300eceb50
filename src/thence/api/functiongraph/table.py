"""All routes of the door: each file brings those of its subject."""

from __future__ import annotations

from . import (
    account,
    aliases,
    async_config,
    cancel,
    code,
    events,
    functions,
    invoke,
    metrics,
    pinned,
    records,
    status_log,
    tags,
    triggers,
    versions,
)
from .route import Route

ROUTES: tuple[Route, ...] = (
    *account.ROUTES,
    *aliases.ROUTES,
    *async_config.ROUTES,
    *cancel.ROUTES,
    *code.ROUTES,
    *events.ROUTES,
    *functions.ROUTES,
    *invoke.ROUTES,
    *metrics.ROUTES,
    *pinned.ROUTES,
    *records.ROUTES,
    *status_log.ROUTES,
    *tags.ROUTES,
    *triggers.ROUTES,
    *versions.ROUTES,
)
