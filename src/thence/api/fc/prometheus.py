"""The vendor's asynchronous metrics as Prometheus series: `acs_fc_<its name>`, by function.

Counters are told as such (`…_total`), so that any period can be made of them; what waits and what
runs are gauges. Latencies are in `thence_start_latency_seconds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ...engine.stats import Stats
from ...store.records import FunctionCounts
from ..metrics.tally import Tally
from .metric_table import METRICS
from .names import name_of

LABELS = ("serviceName", "functionName")
GAUGES: dict[str, Callable[[FunctionCounts], float]] = {
    "FunctionAsyncMessagesBacklogV2": lambda counts: counts.waiting,
    "FunctionAsyncMessagesInProcess": lambda counts: counts.running,
}
COUNTERS: dict[str, Callable[[FunctionCounts], float]] = {
    "FunctionEnqueueCount": lambda counts: counts.accepted,
    "FunctionAsyncEventExpiredDropped": lambda counts: counts.expired,
    "FunctionDestinationErrors": lambda counts: counts.deliveries_dead,
    "FunctionDestinationSucceed": lambda counts: counts.deliveries_delivered,
    "FunctionDestinationSucceeded": lambda counts: counts.deliveries_delivered,
}
BEGUN = "FunctionDequeueCount"  # of this process, from its start


def series(stats: Stats | None, tally: Tally) -> Iterator[Metric]:
    """Those of the store are missing while it cannot be read."""
    for name, read in GAUGES.items() if stats is not None else ():
        gauge = GaugeMetricFamily(f"acs_fc_{name}", METRICS[name].meaning, labels=LABELS)
        for counts in stats.functions if stats is not None else ():
            gauge.add_metric(_labels(counts.function), read(counts))
        yield gauge
    for name, read in COUNTERS.items() if stats is not None else ():
        counter = CounterMetricFamily(f"acs_fc_{name}", METRICS[name].meaning, labels=LABELS)
        for counts in stats.functions if stats is not None else ():
            counter.add_metric(_labels(counts.function), read(counts))
        yield counter
    begun = CounterMetricFamily(f"acs_fc_{BEGUN}", METRICS[BEGUN].meaning, labels=LABELS)
    for function, number in tally.begun.items():
        begun.add_metric(_labels(function), number)
    yield begun


def _labels(function: str) -> tuple[str, str]:
    name = name_of(function)
    return name.service, name.function
