"""When a delivery that failed is tried again: pure.

Seed alibaba-fc-result-callback: 5xx or no answer is retried with exponential backoff from 500 ms
for at most 30 minutes; 4xx is recorded and not retried.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

EXHAUSTED: Final = "retries_exhausted"
ASKED_TOO_LONG: Final = "retry_after_too_long"
"""The receiver asked for a longer wait than is left: no attempt would honour it."""


class DeliveryPolicy(Struct, frozen=True):
    first_seconds: float = 0.5
    budget_seconds: float = 1800.0


class Again(Struct, frozen=True, gc=False):
    """Another attempt at `due_at` (ms), always later than now."""

    due_at: int


class GiveUp(Struct, frozen=True, gc=False):
    """No further attempt; `reason` of the dead letter and what was left of the budget."""

    reason: str
    left_seconds: float = 0.0


def next_attempt(
    policy: DeliveryPolicy,
    *,
    attempt: int,
    since: int,
    now: int,
    retry_after_seconds: float | None = None,
) -> Again | GiveUp:
    """What follows the failed attempt number `attempt` (from 1).

    `since` is its first attempt, ms. The last attempt falls on the end of the budget. What the receiver
    asked for is a floor: where the budget ends before it, the delivery is given up now.
    """
    ends = since + round(policy.budget_seconds * 1000)
    if now >= ends:
        return GiveUp(EXHAUSTED)
    asked_ms = round((retry_after_seconds or 0.0) * 1000)
    if now + asked_ms > ends:
        return GiveUp(ASKED_TOO_LONG, (ends - now) / 1000)
    wait_ms = round(policy.first_seconds * 2.0 ** min(attempt - 1, 40) * 1000)
    # Later than now, whatever is wrong above: an attempt that is due at once for ever holds up the node.
    return Again(max(now + 1, min(now + max(wait_ms, asked_ms), ends)))
