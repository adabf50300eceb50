"""How long finished invocations are kept, and how their records are delivered."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from .secret import about


class Retention(Struct, frozen=True):
    """How long finished invocations are kept, by class."""

    payload_days: Annotated[
        float,
        about(
            "Payloads, from the end of their invocation; none longer than "
            "`retention.history_days`.",
            gt=0,
            le=3650,
        ),
    ] = 7.0
    result_days: Annotated[
        float,
        about(
            "Results and captured output, from the end; none longer than `retention.history_days`.",
            gt=0,
            le=3650,
        ),
    ] = 7.0
    history_days: Annotated[
        float, about("States, attempts and deliveries, from the end.", gt=0, le=3650)
    ] = 7.0
    events_hours: Annotated[
        float, about("Transitions that the event stream can be resumed from.", gt=0, le=8760)
    ] = 24.0
    idempotency_hours: Annotated[
        float, about("Idempotency keys, from their first use.", gt=0, le=8760)
    ] = 24.0
    unused_days: Annotated[
        float,
        about(
            "Code and large bodies that nothing in the store uses, from when that was seen.",
            ge=0.05,
            le=3650,
        ),
    ] = 7.0


class Destinations(Struct, frozen=True):
    """How records of finished invocations are delivered (rules: seed alibaba-fc-result-callback)."""

    allow_networks: Annotated[
        tuple[str, ...],
        about(
            "Private networks (CIDR) that webhooks may reach; without it loopback, private and "
            "metadata addresses are refused. In the environment: separated by commas."
        ),
    ] = ()
    timeout_seconds: Annotated[
        float, about("One attempt of a delivery may take so long.", gt=0, le=600)
    ] = 30.0
    first_seconds: Annotated[
        float,
        about(
            "Wait before the second attempt; it doubles from there. At most "
            "`destinations.budget_seconds`.",
            gt=0,
            le=3600,
        ),
    ] = 0.5
    budget_seconds: Annotated[
        float,
        about("A delivery is tried for so long, then it is a dead letter.", gt=0, le=30 * 86_400),
    ] = 1800.0
    concurrency_per_key: Annotated[
        int, about("Most attempts under way at one webhook receiver.", ge=1, le=1000)
    ] = 8
