"""Metrics of triggers, by kind: what they fired, and how many are watched and fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ...triggers.runner import WatchState
from ...triggers.triggers import Triggers


def trigger_series(triggers: Triggers) -> Iterator[Metric]:
    states = Counter(triggers.watched())
    watched = GaugeMetricFamily(
        "thence_triggers", "Triggers that are watched here.", labels=("type", "state")
    )
    fired = CounterMetricFamily(
        "thence_trigger_firings", "Invocations that triggers caused.", labels=("type",)
    )
    refused = CounterMetricFamily(
        "thence_trigger_refused", "Firings that can never be accepted.", labels=("type",)
    )
    failures = CounterMetricFamily(
        "thence_trigger_failures", "Rounds of a trigger that failed.", labels=("type",)
    )
    for type, counts in triggers.counts.items():
        for state in WatchState:
            watched.add_metric((type, str(state)), states[type, state])
        fired.add_metric((type,), counts.fired)
        refused.add_metric((type,), counts.refused)
        failures.add_metric((type,), counts.failures)
    yield from (watched, fired, refused, failures)
