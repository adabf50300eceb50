"""Building Prometheus' families: a gauge, a counter or a histogram with values by label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from .histogram import Histogram

Values = float | Mapping[Any, float]  # by the values of its labels, a tuple of str


def gauge(name: str, text: str, values: Values, labels: tuple[str, ...] = ()) -> Metric:
    return _fill(GaugeMetricFamily(f"thence_{name}", text, labels=labels), values)


def counter(name: str, text: str, values: Values, labels: tuple[str, ...] = ()) -> Metric:
    return _fill(CounterMetricFamily(f"thence_{name}", text, labels=labels), values)


def _fill(family: GaugeMetricFamily | CounterMetricFamily, values: Values) -> Metric:
    pairs = values.items() if isinstance(values, Mapping) else (((), float(values)),)
    for labels, value in pairs:
        family.add_metric([str(label) for label in labels], value)
    return family


def histogram(
    name: str, text: str, histograms: Mapping[str, Histogram], labels: tuple[str, ...] = ()
) -> Metric:
    family = HistogramMetricFamily(f"thence_{name}", text, labels=labels)
    for label, counted in histograms.items():
        family.add_metric([label] if labels else [], counted.buckets(), counted.sum)
    return family


def by_label(counts: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items()}
