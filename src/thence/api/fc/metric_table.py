"""The metrics of Function Compute (reference 11), each made of the counts of our minutes. Pure."""

from __future__ import annotations

from msgspec import Struct

from ...lifecycle.outcome import Outcome
from ..metrics.measures import (
    FUNCTION_ERRORS,
    Measure,
    attempts,
    averaged,
    counted,
    not_passed_by,
    seen,
)
from ..metrics.minutes import ATTEMPTS

MIB = 1 << 20


class Metric(Struct, frozen=True):
    """Where nothing was measured there is no datapoint."""

    meaning: str
    unit: str
    value: Measure


_SUCCEEDED = Metric("Records of finished invocations that were delivered.", "count",
                    counted("deliveries_delivered"))  # fmt: skip
METRICS: dict[str, Metric] = {
    "FunctionEnqueueCount": Metric("Asynchronous calls accepted.", "count", counted("accepted")),
    "FunctionDequeueCount": Metric("Asynchronous calls begun.", "count", counted("dequeued")),
    "FunctionAsyncMessageLatencyAvg": Metric(
        "From enqueue (or the end of a delay) to the begin of processing, on average.",
        "ms",
        averaged("start_latency_ms", "dequeued"),
    ),
    "FunctionAsyncMessageLatencyMax": Metric(
        "The longest of these.", "ms", seen("start_latency_ms_max")
    ),
    "FunctionAsyncMessagesBacklogV2": Metric(
        "Asynchronous calls waiting, as sampled each minute.", "count", counted("waiting_max")
    ),
    "FunctionAsyncMessagesInProcess": Metric(
        "Asynchronous calls in process, as sampled each minute.", "count", counted("running_max")
    ),
    "FunctionAsyncEventExpiredDropped": Metric(
        "Asynchronous calls dropped for their age.", "count", counted("expired")
    ),
    "FunctionDestinationErrors": Metric(
        "Records that could not be delivered.", "count", counted("deliveries_dead")
    ),
    "FunctionDestinationSucceed": _SUCCEEDED,
    "FunctionDestinationSucceeded": _SUCCEEDED,  # the spelling of another page
    "FunctionTotalInvocations": Metric(
        "Executions; every attempt counts, a 202 does not.",
        "count",
        attempts(*ATTEMPTS),
    ),
    "FunctionFunctionErrors": Metric(
        "Executions that ended with a function error.", "count", attempts(*FUNCTION_ERRORS)
    ),
    "FunctionServerErrors": Metric(
        "Attempts that the platform failed.",
        "count",
        attempts(Outcome.PLATFORM_ERROR, Outcome.LOST, Outcome.DRAINED),
    ),
    "FunctionConcurrencyThrottles": Metric(
        "Attempts and calls refused at a concurrency limit (429).",
        "count",
        counted(ATTEMPTS[Outcome.THROTTLED], "throttled", "failed_concurrency_limit"),
    ),
    "FunctionResourceThrottles": Metric(
        "Attempts and calls that found no resources (503).",
        "count",
        counted(ATTEMPTS[Outcome.NO_RESOURCES], "failed_no_resources"),
    ),
    "FunctionHTTPStatus2xx": Metric(
        "Attempts answered 200: successes and function errors.",
        "count",
        attempts(Outcome.OK, *FUNCTION_ERRORS),
    ),
    "FunctionAvgDuration": Metric(
        "How long executions ran, on average.",
        "ms",
        averaged("duration_ms", "executions"),
    ),
    "FunctionMaxDuration": Metric("The longest execution.", "ms", seen("duration_ms_max")),
    "FunctionP90Duration": Metric(
        "What nine of ten executions did not pass.", "ms", not_passed_by(0.9)
    ),
    "FunctionP99Duration": Metric(
        "What 99 of 100 executions did not pass.", "ms", not_passed_by(0.99)
    ),
    "FunctionMaxMemoryUsage": Metric(
        "The most that an instance used, of synchronous calls.",
        "MB",
        seen("memory_bytes_max", MIB),
    ),
    "FunctionOndemandActiveInstance": Metric(
        "Instances that were up, as sampled each minute.", "count", counted("instances_max")
    ),
}
"""The metrics that are answered; docs/reference/api-fc.md names those that are not, and why."""
