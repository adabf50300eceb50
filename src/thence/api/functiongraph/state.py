"""What this door keeps of the service for all its requests."""

from __future__ import annotations

import asyncio
from typing import Any

from ..shared.code_link import CodeLinks
from ..shared.context import Context
from .authenticator import Authenticator
from .logs import StatusLogs
from .section import FunctionGraphSettings


class FunctionGraphState:
    """What this door keeps of the service. `region` and `project`: what URNs are made of (THENCE_REGION, THENCE_ACCOUNT_ID)."""

    def __init__(self, context: Context) -> None:
        settings, clock = context.settings, context.clock
        self.context = context
        self.engine = context.engine
        self.authenticator = Authenticator(settings, clock)
        self.region = settings.region
        self.project = settings.account_id
        self.settings = settings.section(FunctionGraphSettings)
        self.links = CodeLinks(clock, settings.public_url)
        self.logs = StatusLogs(settings)
        self.unanswered: set[asyncio.Future[Any]] = set()
        """Synchronous calls that still run although their callers were answered 504."""
