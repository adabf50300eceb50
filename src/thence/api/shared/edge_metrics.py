"""What the edge of the service holds and refuses: connections, bytes that nobody vouches for, and answers
that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from .places import Places
from .unproven import Unproven
from .unread import Unread


def edge_series(places: Places, unproven: Unproven, unread: Unread) -> Iterator[Metric]:
    yield GaugeMetricFamily("thence_connections", "Connections that are open.", len(places))
    yield GaugeMetricFamily(
        "thence_connections_limit", "How many may be open (beside a few for /livez).", places.most
    )
    yield CounterMetricFamily(
        "thence_connections_closed_for_others",
        "Idle connections that were closed because all places were taken.",
        places.closed,
    )
    yield CounterMetricFamily(
        "thence_connections_refused",
        "Connections and requests that were refused because all places were in use.",
        places.refused,
    )
    yield GaugeMetricFamily(
        "thence_unproven_bytes",
        "Bytes of requests that nobody vouches for yet.",
        unproven.bytes,
    )
    yield CounterMetricFamily(
        "thence_overloaded", "Requests refused at limits.unproven_bytes_max.", unproven.refused
    )
    yield GaugeMetricFamily(
        "thence_unread_bytes", "Bytes of large answers that wait to be read.", unread.bytes
    )
    yield CounterMetricFamily(
        "thence_unread_refused", "Answers refused at limits.unread_bytes_max.", unread.refused
    )
    yield CounterMetricFamily(
        "thence_unread_cut_off",
        "Connections closed at limits.unread_bytes_max because they read too slowly.",
        unread.cut,
    )
