"""The routes of the service itself: settings, counts, events, sessions, health."""

from __future__ import annotations

from ..shared.rest.parameter import FUNCTION, Parameter
from ..shared.rest.route import Route
from . import (
    events,
    health,
    openapi,
    session,
    settings,
    stats,
)
from .health import Health
from .session import SessionShown
from .settings import SettingList
from .stats import MinutesAnswer, StatsAnswer
from .table_words import (
    JSON,
)

SERVICE = (
    Route(
        "GET",
        "/v1/settings",
        settings.listed,
        "The settings that the service runs with, without its secrets",
        {200: SettingList},
    ),
    Route(
        "GET",
        "/v1/stats",
        stats.stats,
        "Backlog, oldest age, counters, conservation difference",
        {200: StatsAnswer},
    ),
    Route(
        "GET",
        "/v1/stats/deliveries",
        stats.deliveries,
        "Deliveries by function and minute",
        {200: MinutesAnswer},
        (
            FUNCTION,
            Parameter("since", "time", "Only minutes from then on; by default the last 24 hours."),
            Parameter("until", "time", "Only minutes before then."),
        ),
    ),
    Route(
        "GET",
        "/v1/events",
        events.stream,
        "Every transition as server-sent events",
        {200: "text/event-stream"},
        (
            Parameter("after", "text", "Only behind this event; from now on without it."),
            FUNCTION,
            Parameter("invocation", "id", "Only of this invocation."),
        ),
        (("Last-Event-ID", "As `after`; wins over it."),),
    ),
    Route(
        "POST",
        "/v1/session",
        session.begin,
        "Sign in: a cookie in exchange for the credentials; 200 where none are asked for",
        {201: SessionShown, 200: SessionShown},
    ),
    Route("GET", "/v1/session", session.get, "Who asks, and its CSRF token", {200: SessionShown}),
    Route("DELETE", "/v1/session", session.end, "Sign out: the session holds no more", {204: None}),
    Route(
        "GET",
        "/v1/openapi.json",
        openapi.document,
        "This description",
        {200: JSON},
    ),
    Route("GET", "/metrics", stats.metrics, "Metrics for Prometheus", {200: "text/plain"}),
    Route("GET", "/livez", health.live, "Whether the process answers", {200: Health}, open=True),
    Route("GET", "/readyz", health.ready, "Whether it takes work", {200: Health}, open=True),
)
