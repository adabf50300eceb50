"""All routes of the door: each file brings those of its subject."""

from __future__ import annotations

from . import (
    aliases,
    async_config,
    code,
    concurrency,
    functions,
    invoke,
    metrics,
    provision,
    restriction,
    service_aliases,
    service_versions,
    services,
    tagging,
    tasks,
    triggers,
    upload,
    versions,
)
from .route import Route

ROUTES: tuple[Route, ...] = (
    *aliases.ROUTES,
    *async_config.ROUTES,
    *code.ROUTES,
    *concurrency.ROUTES,
    *functions.ROUTES,
    *invoke.ROUTES,
    *metrics.ROUTES,
    *provision.ROUTES,
    *restriction.ROUTES,
    *service_aliases.ROUTES,
    *service_versions.ROUTES,
    *services.ROUTES,
    *tagging.ROUTES,
    *tasks.ROUTES,
    *triggers.ROUTES,
    *upload.ROUTES,
    *versions.ROUTES,
)
