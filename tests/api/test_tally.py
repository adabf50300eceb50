"""What notices become: counts of the minute, given away in the loop's next round."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from thence.api.metrics.minutes import METRICS
from thence.api.metrics.tally import Tally
from thence.lifecycle.outcome import BUDGET, Budget, Outcome
from thence.lifecycle.states import FINAL, Reason
from thence.notices import (
    AttemptEnded,
    AttemptLost,
    AttemptStarted,
    DeliveryAttempted,
    DeliveryEnded,
    InvocationAccepted,
    InvocationSettled,
    InvocationThrottled,
    Notice,
    Notices,
    StoreBack,
    StoreHit,
    StoreLost,
)
from thence.store.records import merged
from thence.testing.clock import VirtualClock

Counted = Callable[..., Any]


@pytest.fixture
def counted() -> Counted:
    """Publish notices and answer what was counted, by function and metric."""

    async def publish(*told: Notice, rounds: int = 1) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = {}

        def count(function: str, metric: str, value: float) -> None:
            assert metric in METRICS
            key = (function, metric)
            found[key] = merged(metric, found[key], value) if key in found else value

        notices = Notices()
        Tally(notices, count, VirtualClock(0))
        for _ in range(rounds):
            for notice in told:
                notices.publish(notice)
            await asyncio.sleep(0)
        return found

    return publish


def ended(outcome: Outcome, ms: float, function: str = "f") -> AttemptEnded:
    return AttemptEnded(1, function, 1, outcome, round(ms * 1000))


async def test_the_way_of_an_invocation_is_counted(counted):
    assert await counted(
        InvocationAccepted(1, "f"),
        AttemptStarted(1, "f", 1, 40),
        ended(Outcome.FUNCTION_ERROR, 8),
        AttemptStarted(1, "f", 2, 3000),
        ended(Outcome.OK, 4),
        InvocationSettled(1, "f", "succeeded", Reason.OK, 2),
        DeliveryAttempted(1, 1, "f", "queue:q", 1, 500, "no"),
        DeliveryAttempted(1, 1, "f", "queue:q", 2, 200, ""),
        DeliveryEnded(1, 1, "f", "queue:q", "delivered", ""),
    ) == {
        ("f", "accepted"): 1,
        ("f", "dequeued"): 1,
        ("f", "start_latency_ms"): 40,
        ("f", "start_latency_ms_max"): 40,
        ("f", "attempts_function_error"): 1,
        ("f", "attempts_ok"): 1,
        ("f", "executions"): 2,
        ("f", "duration_ms"): 12,
        ("f", "duration_ms_max"): 8,
        ("f", "duration_ms_min"): 4,
        ("f", "duration_ms_to_10"): 1,
        ("f", "duration_ms_to_5"): 1,
        ("f", "succeeded"): 1,
        ("f", "delivery_tries_failed"): 1,
        ("f", "deliveries_delivered"): 1,
    }


async def test_what_comes_in_several_rounds_adds_up(counted):
    found = await counted(ended(Outcome.OK, 5), ended(Outcome.OK, 7, "g"), rounds=3)
    assert found["f", "executions"] == found["g", "executions"] == 3
    assert found["f", "duration_ms"] == 15 and found["f", "duration_ms_max"] == 5


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_only_what_ran_the_functions_code_is_an_execution(counted, outcome):
    found = await counted(ended(outcome, 5))
    ran = outcome is Outcome.OK or BUDGET[outcome] is Budget.FUNCTION_ERRORS
    assert (("f", "executions") in found) is ran
    assert (("f", f"attempts_{outcome}") in found) is (outcome is not Outcome.NOT_STARTED)


async def test_endings_throttles_losses_and_dead_letters_are_counted(counted):
    found = await counted(
        *(InvocationSettled(1, "f", state, Reason.OK, 1) for state in FINAL),
        InvocationThrottled(1, "f"),
        AttemptLost(1, "f", 1),
        DeliveryEnded(1, 1, "f", "queue:q", "dead", "rejected"),
        DeliveryEnded(2, 1, "f", "queue:q", "stopped", ""),
    )
    assert found == {
        **{("f", str(state)): 1 for state in FINAL},
        ("f", "throttled"): 1,
        ("f", "attempts_lost"): 1,
        ("f", "deliveries_dead"): 1,
    }


async def test_a_synchronous_call_is_counted_when_its_door_tells_of_it():
    found: dict[tuple[str, str], float] = {}
    tally = Tally(
        Notices(),
        lambda function, metric, value: found.update({(function, metric): value}),
        VirtualClock(0),
    )
    tally.ran("f", Outcome.OK, 4_000, 40 << 20)
    tally.ran("f", Outcome.OK, 6_000, 30 << 20)
    tally.ran("f", Outcome.OK, 5_000)
    await asyncio.sleep(0)
    assert found["f", "executions"] == 3 and found["f", "duration_ms_max"] == 6
    assert found["f", "memory_bytes_max"] == 40 << 20
    assert tally.attempts["f", Outcome.OK] == 3


async def test_the_time_that_the_store_is_away_is_counted_while_it_is_away():
    notices, clock = Notices(), VirtualClock(0)
    tally = Tally(notices, lambda *_: None, clock)

    async def seen(notice: Notice | None, seconds: float) -> float:
        """What a scrape tells, so long after that notice."""
        if notice is not None:
            notices.publish(notice)
        await clock.advance(seconds)
        return (await tally.copy()).store_down_seconds

    lost, back = StoreLost("full."), StoreBack
    assert await seen(lost, 20) == 20
    assert await seen(None, 40) == 60
    assert await seen(back(60.0), 100) == 60  # once, and no more while it writes
    assert await seen(lost, 5) == 65
    assert await seen(lost, 5) == 70  # the first of several is what counts
    assert await seen(back(5.0), 0) == 70
    assert await seen(back(3.0), 0) == 73  # nobody was told of the begin of this one
    assert await seen(StoreHit("damaged.", ()), 30) == 103  # and it does not come back
    assert await seen(StoreHit("damaged.", ("calls",)), 30) == 133
    assert tally.store_losses == 3
