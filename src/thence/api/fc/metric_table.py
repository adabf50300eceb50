"""The metrics of Function Compute (reference 11), each made of the counts of our minutes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from ...lifecycle.outcome import Outcome
from ..metrics.minutes import ATTEMPTS, average, quantile

Values = Mapping[str, float]
MIB = 1 << 20
_FUNCTION_ERRORS = (
    Outcome.FUNCTION_ERROR,
    Outcome.TIMED_OUT,
    Outcome.CRASHED,
    Outcome.OUT_OF_MEMORY,
)


class Metric(Struct, frozen=True):
    """`value` answers None where nothing was measured: then there is no datapoint."""

    meaning: str
    unit: str
    value: Callable[[Values], float | None]


def _count(*names: str) -> Callable[[Values], float | None]:
    return lambda values: sum(values.get(name, 0.0) for name in names)


def _seen(name: str, unit: float = 1.0) -> Callable[[Values], float | None]:
    return lambda values: values[name] / unit if name in values else None


def _attempts(*outcomes: Outcome) -> Callable[[Values], float | None]:
    return _count(*(ATTEMPTS[outcome] for outcome in outcomes))


_SUCCEEDED = Metric("Records of finished invocations that were delivered.", "count",
                    _count("deliveries_delivered"))  # fmt: skip
METRICS: dict[str, Metric] = {
    "FunctionEnqueueCount": Metric("Asynchronous calls accepted.", "count", _count("accepted")),
    "FunctionDequeueCount": Metric("Asynchronous calls begun.", "count", _count("dequeued")),
    "FunctionAsyncMessageLatencyAvg": Metric(
        "From enqueue (or the end of a delay) to the begin of processing, on average.",
        "ms",
        lambda values: average(values, "start_latency_ms", "dequeued"),
    ),
    "FunctionAsyncMessageLatencyMax": Metric(
        "The longest of these.", "ms", _seen("start_latency_ms_max")
    ),
    "FunctionAsyncMessagesBacklogV2": Metric(
        "Asynchronous calls waiting, as sampled each minute.", "count", _count("waiting_max")
    ),
    "FunctionAsyncMessagesInProcess": Metric(
        "Asynchronous calls in process, as sampled each minute.", "count", _count("running_max")
    ),
    "FunctionAsyncEventExpiredDropped": Metric(
        "Asynchronous calls dropped for their age.", "count", _count("expired")
    ),
    "FunctionDestinationErrors": Metric(
        "Records that could not be delivered.", "count", _count("deliveries_dead")
    ),
    "FunctionDestinationSucceed": _SUCCEEDED,
    "FunctionDestinationSucceeded": _SUCCEEDED,  # the spelling of another page
    "FunctionTotalInvocations": Metric(
        "Executions; every attempt counts, a 202 does not.",
        "count",
        _attempts(*(outcome for outcome in ATTEMPTS)),
    ),
    "FunctionFunctionErrors": Metric(
        "Executions that ended with a function error.", "count", _attempts(*_FUNCTION_ERRORS)
    ),
    "FunctionServerErrors": Metric(
        "Attempts that the platform failed.",
        "count",
        _attempts(Outcome.PLATFORM_ERROR, Outcome.LOST, Outcome.DRAINED),
    ),
    "FunctionConcurrencyThrottles": Metric(
        "Attempts and calls refused at a concurrency limit (429).",
        "count",
        _count(ATTEMPTS[Outcome.THROTTLED], "throttled", "failed_concurrency_limit"),
    ),
    "FunctionResourceThrottles": Metric(
        "Attempts and calls that found no resources (503).",
        "count",
        _count(ATTEMPTS[Outcome.NO_RESOURCES], "failed_no_resources"),
    ),
    "FunctionHTTPStatus2xx": Metric(
        "Attempts answered 200: successes and function errors.",
        "count",
        _attempts(Outcome.OK, *_FUNCTION_ERRORS),
    ),
    "FunctionAvgDuration": Metric(
        "How long executions ran, on average.",
        "ms",
        lambda values: average(values, "duration_ms", "executions"),
    ),
    "FunctionMaxDuration": Metric("The longest execution.", "ms", _seen("duration_ms_max")),
    "FunctionP90Duration": Metric(
        "What nine of ten executions did not pass.", "ms", lambda values: quantile(values, 0.9)
    ),
    "FunctionP99Duration": Metric(
        "What 99 of 100 executions did not pass.", "ms", lambda values: quantile(values, 0.99)
    ),
    "FunctionMaxMemoryUsage": Metric(
        "The most that an instance used, of synchronous calls.",
        "MB",
        _seen("memory_bytes_max", MIB),
    ),
    "FunctionOndemandActiveInstance": Metric(
        "Instances that were up, as sampled each minute.", "count", _count("instances_max")
    ),
}
"""The metrics that are answered; docs/reference/api-fc.md names those that are not, and why."""
