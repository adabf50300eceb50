"""The service's own series: what the store counts, the node, and what this process has seen."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from ...engine.engine import Engine
from ...engine.stats import Stats
from .families import by_label, counter, gauge, histogram
from .tally import Tally

FINAL = ("succeeded", "failed", "stopped", "expired", "invalid")


def sums(stats: Stats) -> Iterator[Metric]:
    yield gauge(
        "conservation_difference",
        "accepted - (waiting + running + ended), from one snapshot. Must be 0.",
        stats.conservation_difference,
    )


def of_store(stats: Stats, now: int) -> Iterator[Metric]:
    by = stats.functions
    label = ("function",)
    yield gauge(
        "invocations_waiting", "The backlog.", {(f.function,): f.waiting for f in by}, label
    )
    yield gauge(
        "invocations_delayed",
        "Of the backlog: not due yet.",
        {(f.function,): f.delayed for f in by},
        label,
    )
    yield gauge(
        "invocations_running",
        "Attempts under way.",
        {(f.function,): f.running for f in by},
        label,
    )
    yield gauge(
        "oldest_waiting_seconds",
        "Age of the oldest waiting invocation, 0 when none waits.",
        {
            (f.function,): 0.0 if f.oldest_due_at is None else max(0, now - f.oldest_due_at) / 1000
            for f in by
        },
        label,
    )
    yield counter(
        "invocations_accepted",
        "Invocations accepted since the store was made.",
        {(f.function,): f.accepted for f in by},
        label,
    )
    yield counter(
        "invocations_ended",
        "Invocations by their final state, since the store was made.",
        {(f.function, state): getattr(f, state) for f in by for state in FINAL},
        ("function", "state"),
    )
    yield gauge(
        "deliveries_pending",
        "Deliveries that are owed.",
        {(f.function,): f.deliveries_pending for f in by},
        label,
    )
    yield counter(
        "deliveries_ended",
        "Deliveries by their end, since the store was made.",
        {
            (f.function, state): getattr(f, f"deliveries_{state}")
            for f in by
            for state in ("delivered", "dead")
        },
        ("function", "state"),
    )


def of_node(engine: Engine) -> Iterator[Metric]:
    node = engine.health.occupancy()
    yield gauge(
        "node_instances_max",
        "Most instances of all functions together.",
        node.instances_max,
    )
    yield gauge("node_instances_held", "Instances that work or are promised.", node.in_use)
    yield gauge(
        "node_instances_kept_free",
        "Of the most: only for functions that hold none.",
        node.kept_free,
    )
    yield gauge(
        "node_instances_kept_short",
        "Of those that are kept free: only for functions whose runs are short.",
        node.kept_short,
    )
    yield gauge("node_functions_holding", "Functions that hold instances.", node.holders)
    yield gauge(
        "node_functions_in_line",
        "Functions that could run more if the node had an instance for them.",
        engine.health.functions_in_line,
    )


def of_functions(tally: Tally) -> Iterator[Metric]:
    label = ("function",)
    yield counter("attempts", "Attempts by outcome.", tally.attempts, ("function", "outcome"))
    yield histogram("attempt_duration_seconds", "How long attempts ran.", tally.durations, label)
    yield counter(
        "invocations_begun",
        "Invocations whose first attempt was begun.",
        by_label(tally.begun),
        label,
    )
    yield histogram(
        "start_latency_seconds",
        "From due to the start of an attempt.",
        tally.start_latency,
        label,
    )
    yield counter(
        "throttled",
        "Invocations that had to wait because their function was at its limit.",
        by_label(tally.throttled),
        label,
    )
    yield counter(
        "invocations_failed",
        "Invocations that ended as failed, by reason.",
        tally.failed,
        ("function", "reason"),
    )
    yield counter(
        "late_answers_dropped",
        "Answers dropped because another attempt owned the invocation.",
        by_label(tally.late),
        label,
    )
    yield counter("attempts_lost", "Attempts nobody could answer for.", by_label(tally.lost), label)
    yield counter(
        "delivery_attempts",
        "Attempts of deliveries: answered, or failed.",
        tally.delivery_attempts,
        ("function", "result"),
    )
    yield gauge("instances", "Instances that are up.", by_label(tally.instances), label)


def of_process(tally: Tally) -> Iterator[Metric]:
    yield histogram("commit_seconds", "Time of a group commit.", {"": tally.commit_seconds})
    yield histogram("commit_changes", "Changes in a group commit.", {"": tally.commit_size})
    yield counter("store_losses", "Times the store stopped writing.", tally.store_losses)
    yield counter(
        "store_down_seconds",
        "Time the store could not write, from when a write had failed.",
        tally.store_down_seconds,
    )
    yield histogram(
        "instance_start_seconds",
        "From the start of an instance to ready.",
        {"": tally.instance_starts},
    )
    yield counter(
        "instances_ended", "Instances ended, by reason.", by_label(tally.instance_ends), ("reason",)
    )
    yield counter(
        "loop_failures",
        "Failed rounds of the engine's loops.",
        by_label(tally.loop_failures),
        ("loop",),
    )
