"""What the doors know of the service: its engine, its limits, whether it is ready."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator
from typing import Any

from prometheus_client.core import Metric

from ...clock import Clock
from ...config import Settings
from ...descriptors import RESERVED_CONNECTIONS
from ...destinations.http.addresses import AddressGuard
from ...engine.engine import Engine
from ...engine.stats import Stats
from ...notices import NodeDraining, Notices
from ...triggers.triggers import Triggers
from ..metrics.scrape import Metrics
from ..metrics.tally import Tally
from ..metrics.triggers import trigger_series
from .credentials import Credentials
from .edge_metrics import edge_series
from .places import Places
from .sessions import Sessions
from .unproven import Unproven
from .unread import Unread


class Context:
    """Shared by every handler of one service."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        clock: Clock,
        notices: Notices,
        metrics: Metrics,
        *,
        triggers: Triggers | None = None,
        connections_max: int | None = None,
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.limits = settings.limits
        self.guard = AddressGuard(
            [ipaddress.ip_network(text) for text in settings.destinations.allow_networks]
        )
        self.clock = clock
        self.notices = notices
        self.metrics = metrics
        self.triggers = triggers or Triggers(engine, clock, notices)
        metrics.more.append(self._trigger_series)
        metrics.more.append(self._series)
        self.credentials = Credentials(settings.root_access_key_id, settings.root_access_key_secret)
        self.sessions = Sessions(
            settings.root_access_key_secret, engine, clock, settings.limits.session_hours * 3600
        )
        most = settings.limits.connections_max if connections_max is None else connections_max
        self.places = Places(most, RESERVED_CONNECTIONS)
        self.unproven = Unproven(settings.limits.unproven_bytes_max)
        self.unread = Unread(settings.limits.unread_bytes_max)
        self.routes: tuple[Any, ...] = ()
        """All routes under `/v1`, of every door."""
        self.started_at: int | None = None
        self.closing = asyncio.Event()
        """Set when the service begins to shut down: long polls and streams end."""
        notices.on(NodeDraining, lambda _notice: self.closing.set())

    def _series(self, _stats: Stats | None, _tally: Tally) -> Iterator[Metric]:
        return edge_series(self.places, self.unproven, self.unread)

    def _trigger_series(self, _stats: Stats | None, _tally: Tally) -> Iterator[Metric]:
        return trigger_series(self.triggers)

    def check_unread(self) -> None:
        """Before something is done whose answer may be large. Raises Overloaded."""
        self.unread.check(asyncio.get_running_loop().time())

    def started(self) -> None:
        self.started_at = self.clock.now()

    def starting(self) -> str | None:
        """Why not even a 404 may be said: what is deployed is not known yet. None: it is."""
        if self.started_at is not None:
            return None
        health = self.engine.health
        return (
            health.refusal().detail if health.disk_full else "The service is starting. Try again."
        )

    def unready(self) -> str | None:
        """Why the service cannot take work now, as a sentence; None when it can."""
        if self.closing.is_set():
            return "The service is shutting down."
        if self.started_at is None:
            return self.starting()
        if self.engine.health.store_down:
            return self.engine.health.refusal().detail
        return None
