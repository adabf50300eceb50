"""The metrics by function and minute: their list, their documentation, hours, averages, quantiles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence.api.metrics.minutes import (
    BOUNDS_MS,
    HOUR_MS,
    LAST_BUCKET,
    METRICS,
    MINUTE_MS,
    average,
    bucket,
    by_period,
    quantile,
)
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import FINAL
from thence.store.records import MinuteCount, merged

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def counted(durations: list[float]) -> dict[str, float]:
    """What a minute with these executions holds."""
    values: dict[str, float] = {}
    for ms in durations:
        for metric, value in (
            ("executions", 1),
            ("duration_ms", ms),
            ("duration_ms_max", ms),
            ("duration_ms_min", ms),
            (bucket(ms), 1),
        ):
            values[metric] = merged(metric, values[metric], value) if metric in values else value
    return values


def test_every_metric_is_documented_and_every_documented_one_is_counted():
    page = PAGE.read_text("utf-8")
    section = page[page.index("## By the minute") :]
    shown = set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))
    buckets = {name for name in METRICS if name.startswith("duration_ms_to_")}
    assert shown == set(METRICS) - buckets
    for bound in (*BOUNDS_MS, "inf"):
        assert f"`{bound}`" in section


def test_every_outcome_and_every_ending_is_a_metric():
    for outcome in set(Outcome) - {Outcome.NOT_STARTED}:
        assert f"attempts_{outcome}" in METRICS
    for state in FINAL:
        assert str(state) in METRICS


@pytest.mark.parametrize(
    ("ms", "metric"),
    [
        (0.0, "duration_ms_to_1"),
        (1.0, "duration_ms_to_1"),
        (1.001, "duration_ms_to_5"),
        (300_000.0, "duration_ms_to_300000"),
        (300_000.1, LAST_BUCKET),
    ],
)
def test_a_duration_belongs_to_the_first_bucket_that_holds_it(ms, metric):
    assert bucket(ms) == metric and metric in METRICS


def test_minutes_are_put_together_as_the_store_merges_them():
    counts = [
        MinuteCount(minute * MINUTE_MS, "f", metric, value)
        for minute, metric, value in [
            (61, "executions", 2.0),
            (61, "duration_ms_max", 7.0),
            (61, "duration_ms_min", 3.0),
            (60, "executions", 1.0),
            (60, "duration_ms_max", 9.0),
            (60, "duration_ms_min", 1.0),
            (0, "executions", 5.0),
        ]
    ] + [MinuteCount(0, "e", "executions", 1.0)]
    by_minute = by_period(counts)
    assert list(by_minute) == [(0, "e"), (0, "f"), (60 * MINUTE_MS, "f"), (61 * MINUTE_MS, "f")]
    assert by_minute[61 * MINUTE_MS, "f"]["duration_ms_max"] == 7.0
    assert by_period(counts, HOUR_MS)[HOUR_MS, "f"] == {
        "executions": 3.0,
        "duration_ms_max": 9.0,
        "duration_ms_min": 1.0,
    }


def test_an_average_of_nothing_is_none():
    assert average({}, "duration_ms", "executions") is None
    assert average(counted([2, 4]), "duration_ms", "executions") == 3


def test_quantiles_of_one_execution_are_that_execution():
    for share in (0.0, 0.5, 0.9, 0.99, 1.0):
        assert quantile(counted([42.5]), share) == 42.5
    assert quantile({}, 0.9) is None


def test_a_long_tail_is_seen():
    values = counted([10.0] * 90 + [1000.0] * 9 + [90_000.0])
    assert quantile(values, 0.5) <= 10
    assert 500 < quantile(values, 0.99) <= 1000
    assert quantile(values, 1.0) == 90_000


@given(
    st.lists(st.floats(0, 1e7, allow_nan=False), min_size=1, max_size=60),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_quantiles_grow_and_stay_within_what_was_seen(durations, one, other):
    values, (low, high) = counted(durations), sorted((one, other))
    assert min(durations) <= quantile(values, low) <= quantile(values, high) <= max(durations)
