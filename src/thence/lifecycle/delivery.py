"""When a delivery that failed is tried again: pure.

Seed alibaba-fc-result-callback: 5xx or no answer is retried with exponential backoff from 500 ms
for at most 30 minutes; 4xx is recorded and not retried.
"""

from __future__ import annotations

from msgspec import Struct


class DeliveryPolicy(Struct, frozen=True):
    first_seconds: float = 0.5
    budget_seconds: float = 1800.0


def next_try(
    policy: DeliveryPolicy,
    *,
    attempt: int,
    since: int,
    now: int,
    retry_after_seconds: float | None = None,
) -> int | None:
    """When to try again after the failed try number `attempt` (from 1), in ms; None: give up.

    `since` is its first try. The last try falls on the end of the budget.
    """
    ends = since + round(policy.budget_seconds * 1000)
    if now >= ends:
        return None
    wait = policy.first_seconds * 2.0 ** min(attempt - 1, 40)
    wait = max(wait, retry_after_seconds or 0.0)
    return min(now + round(wait * 1000), ends)
