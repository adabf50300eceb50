"""The numbers of retrying: one policy per function, and how long to wait before the next attempt.

Defaults are the native column of design §3. Function errors: 3 retries (FC: "3 times by default",
seed alibaba-fc-retries), 1 s doubling to 60 s with jitter. Platform errors: 0.5 s doubling for up
to five hours (same seed), each wait capped; catalog/preset.py says where that is otherwise.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

RETRIES_MAX = 8  # FC: 0-8
EVENT_AGE_SECONDS_MAX = 30 * 86_400
DELAY_SECONDS_MAX = 30 * 86_400

Jitter = Literal["none", "equal", "full"]


class RetryWait(Struct, frozen=True, forbid_unknown_fields=True):
    """Wait before retry n (from 1): first_seconds * factor**(n-1), at most cap_seconds, then jitter.
    first_seconds is at most cap_seconds (60 by default).

    jitter `none`: as computed; `equal`: between half and all of it; `full`: between 0 and all of it.
    """

    first_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 1.0
    factor: Annotated[float, Meta(ge=1, le=10)] = 2.0
    cap_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    jitter: Jitter = "equal"

    def seconds(self, retry: int, random: float) -> float:
        """The wait before retry `retry` (from 1) given a random number in [0, 1)."""
        exponent = min(retry - 1, 1000)
        try:
            wait = min(self.first_seconds * self.factor**exponent, self.cap_seconds)
        except OverflowError:
            wait = self.cap_seconds
        if self.jitter == "full":
            return wait * random
        if self.jitter == "equal":
            return wait * (0.5 + random / 2)
        return wait


PLATFORM_WAIT = RetryWait(first_seconds=0.5, factor=2.0, cap_seconds=300.0, jitter="none")


class Policy(Struct, frozen=True):
    """What decide() needs to know of a function's asynchronous configuration."""

    max_retries: int = 3
    retry_wait: RetryWait = RetryWait()
    platform_wait: RetryWait = PLATFORM_WAIT
    platform_seconds: float | None = 5 * 3600.0
    """How long platform errors are repeated, and how long it is held at a limit. None: as long as
    its event age allows."""
    losses_max: int = 3
    """An attempt may be lost this often; one more and the invocation is quarantined."""
