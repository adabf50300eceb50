"""What vendors' metrics are made of: a measure is a number made of one period's counts (minutes.py), by
function. Doors name them and say which belong together. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...lifecycle.outcome import BUDGET, Budget, Outcome
from .minutes import ATTEMPTS, average, quantile

Values = Mapping[str, float]
Measure = Callable[[Values], float | None]
"""None: nothing was measured."""

FUNCTION_ERRORS = tuple(
    outcome for outcome in ATTEMPTS if BUDGET[outcome] is Budget.FUNCTION_ERRORS
)
"""The function's own."""


def counted(*names: str) -> Measure:
    """All of them together; 0 where nothing was counted."""
    return lambda values: sum(values.get(name, 0.0) for name in names)


def attempts(*outcomes: Outcome) -> Measure:
    """Those that ended so."""
    return counted(*(ATTEMPTS[outcome] for outcome in outcomes))


def seen(name: str, unit: float = 1.0) -> Measure:
    """What was measured, in so large a unit."""
    return lambda values: values[name] / unit if name in values else None


def averaged(total: str, number: str) -> Measure:
    return lambda values: average(values, total, number)


def not_passed_by(share: float) -> Measure:
    """The duration (ms) that such a share of executions did not pass."""
    return lambda values: quantile(values, share)
