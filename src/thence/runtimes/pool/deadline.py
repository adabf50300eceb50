"""When what an instance runs has taken too long: its handler's limit, or its initializer's.

The time of the initializer is not the handler's. Where it stands is read from the shared words; a
function can write them, which wins it the limits of both, once.
"""

from __future__ import annotations

from msgspec import Struct

from ..wire import frames
from .instance import Instance


class Overdue(Struct, frozen=True):
    """As `Ended` tells it."""

    error_type: str
    message: str


def overdue(instance: Instance, now: int) -> Overdue | None:
    """Whether the first of its queue has to be ended. now: ms."""
    spec = instance.function.spec
    if spec.initializer and not instance.initialized and not _initialized(instance, now):
        if not instance.initializing_since:
            return _handler_overdue(instance, now)  # it loads the code
        limit = spec.initializer_timeout_seconds
        if now - instance.initializing_since < limit * 1000:
            return None
        return Overdue(
            "InitializerTimedOut",
            f"the initializer ran longer than its {limit:g} s (`initializer_timeout_seconds`) "
            "and was ended.",
        )
    return _handler_overdue(instance, now)


def _handler_overdue(instance: Instance, now: int) -> Overdue | None:
    limit = instance.function.spec.timeout_seconds
    if now - instance.since < limit * 1000:
        return None
    return Overdue(
        "TimedOut",
        f"the handler ran longer than its {limit:g} s (`timeout_seconds`) and was ended.",
    )


def _initialized(instance: Instance, now: int) -> bool:
    """Look at the words: has the initializer begun, has it ended? What it took is added to the time
    of the run that waited for it."""
    began_ns = instance.words[frames.INITIALIZER_BEGAN_NS]
    ended_ns = instance.words[frames.INITIALIZER_ENDED_NS]
    if began_ns and not instance.initializing_since:
        instance.initializing_since = now
    if not ended_ns:
        return False
    took_ms = -(-(ended_ns - began_ns) // 1_000_000)
    if instance.initializing_since:
        took_ms = max(took_ms, now - instance.initializing_since)
    instance.since += max(0, min(took_ms, now - instance.since))
    instance.initialized = True
    return True
