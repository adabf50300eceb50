"""When a delivery that failed is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence.lifecycle.delivery import (
    ASKED_TOO_LONG,
    EXHAUSTED,
    Again,
    DeliveryPolicy,
    GiveUp,
    next_attempt,
)

NOW = 1_800_000_000_000
BUDGET = 1800.0
POLICY = DeliveryPolicy(0.5, BUDGET)


def after(seconds: float, **fields: float | None) -> Again | GiveUp:
    """What follows a try that failed so long after the first one."""
    return next_attempt(POLICY, attempt=3, since=NOW - round(seconds * 1000), now=NOW, **fields)  # type: ignore[arg-type]


def test_at_the_very_end_of_the_budget_there_is_no_further_try() -> None:
    # With one more "at once", a receiver that is down would be tried for ever.
    assert after(BUDGET) == GiveUp(EXHAUSTED)
    assert after(BUDGET + 1) == GiveUp(EXHAUSTED)
    assert after(BUDGET - 0.001) == Again(NOW + 1)


def test_waits_double_from_the_first() -> None:
    waits = [
        next_attempt(POLICY, attempt=number, since=NOW, now=NOW).due_at - NOW  # type: ignore[union-attr]
        for number in (1, 2, 3, 4)
    ]
    assert waits == [500, 1000, 2000, 4000]


@pytest.mark.parametrize(
    ("spent", "asked", "then"),
    [
        (0, 1200, Again(NOW + 1_200_000)),
        (0, 1800, Again(NOW + 1_800_000)),  # exactly the end: it can be honoured
        (0, 1801, GiveUp(ASKED_TOO_LONG, 1800)),
        (1024, 1200, GiveUp(ASKED_TOO_LONG, 776)),
        (1024, 776, Again(NOW + 776_000)),
        (0, 1, Again(NOW + 2000)),  # the usual wait is longer
        (BUDGET, 60, GiveUp(EXHAUSTED)),
    ],
)
def test_what_the_receiver_asks_for_is_a_floor_or_the_end(
    spent: float, asked: float, then: Again | GiveUp
) -> None:
    assert after(spent, retry_after_seconds=asked) == then


@given(
    attempt=st.integers(1, 5000),
    spent=st.integers(0, 4_000_000),
    first=st.floats(0.0001, 3600),
    budget=st.floats(0.001, 30 * 86_400),
    asked=st.none() | st.floats(0, 1e9),
)
def test_every_wait_moves_on_and_none_passes_the_end(
    attempt: int, spent: int, first: float, budget: float, asked: float | None
) -> None:
    since = NOW - spent
    policy = DeliveryPolicy(first, budget)
    then = next_attempt(policy, attempt=attempt, since=since, now=NOW, retry_after_seconds=asked)
    ends = since + round(budget * 1000)
    if isinstance(then, Again):
        assert NOW < then.due_at <= ends
        assert then.due_at >= NOW + round((asked or 0) * 1000)
    else:
        assert ends <= NOW or NOW + round((asked or 0) * 1000) > ends
