"""What the edge of the service holds and refuses: connections, bytes that nobody vouches for, and answers
that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from ..metrics.families import counter, gauge
from .places import Places
from .unproven import Unproven
from .unread import Unread


def edge_series(places: Places, unproven: Unproven, unread: Unread) -> Iterator[Metric]:
    yield gauge("connections", "Connections that are open.", len(places))
    yield gauge("connections_limit", "How many may be open (beside a few for /livez).", places.most)
    yield counter(
        "connections_closed_for_others",
        "Idle connections that were closed because all places were taken.",
        places.closed,
    )
    yield counter(
        "connections_refused",
        "Connections and requests that were refused because all places were in use.",
        places.refused,
    )
    yield gauge(
        "unproven_bytes",
        "Bytes of requests that nobody vouches for yet.",
        unproven.bytes,
    )
    yield counter("overloaded", "Requests refused at limits.unproven_bytes_max.", unproven.refused)
    yield gauge("unread_bytes", "Bytes of large answers that wait to be read.", unread.bytes)
    yield counter("unread_refused", "Answers refused at limits.unread_bytes_max.", unread.refused)
    yield counter(
        "unread_cut_off",
        "Connections closed at limits.unread_bytes_max because they read too slowly.",
        unread.cut,
    )
