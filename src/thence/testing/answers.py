"""What a scripted function answers: one of these for each attempt, or any JSON value for success.

`seconds` is how long the attempt takes, in virtual time. An attempt that would take longer than the
function's `timeout_seconds` ends then as timed out, as it would with real instances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ..lifecycle.outcome import Fault, Outcome
from ..runtimes.interface import Ended, Run

FOREVER = float("inf")


class Ok(Struct, frozen=True):
    """It succeeds. `value` becomes JSON; bytes are answered as they are."""

    value: Any = None
    seconds: float = 0.0
    log: bytes | None = None


class Error(Struct, frozen=True):
    """The handler raised: spends a retry. `hopeless`: what it ended with would end every attempt, as a
    payload that is not JSON does; then there is no other. `fault`: what the runtime itself found."""

    message: str = "It failed on purpose."
    type: str = "ScriptedError"
    seconds: float = 0.0
    log: bytes | None = None
    hopeless: bool = False
    fault: Fault | None = None


class Crash(Struct, frozen=True):
    """The instance died while it ran: spends a retry."""

    seconds: float = 0.0


class OutOfMemory(Struct, frozen=True):
    """The instance passed its memory limit: spends a retry."""

    seconds: float = 0.0


class PlatformError(Struct, frozen=True):
    """500, 503 or nobody there: spends the time for platform errors, never a retry. `type`: as a
    runtime names it; `InstanceNotStarted` is how one has no room."""

    message: str = "No instance could be started."
    retry_after_seconds: float | None = None
    seconds: float = 0.0
    type: str = "PlatformError"


class Throttle(Struct, frozen=True):
    """429: spends the time for platform errors. `retry_after_seconds` as in Retry-After."""

    retry_after_seconds: float | None = None


class Lost(Struct, frozen=True):
    """Nobody can say what became of it: spends a loss."""

    seconds: float = 0.0


class Forever(Struct, frozen=True):
    """It runs until its time limit, a stop, a drain or a crash ends it."""

    seconds: float = FOREVER


Answer = Ok | Error | Crash | OutOfMemory | PlatformError | Throttle | Lost | Forever
Script = Sequence[Any] | Callable[[Run], Any]
"""Answers for one attempt after the other (the last one repeats), or a function that is asked for
each attempt."""


def as_answer(written: Any) -> Answer:
    """Anything that is not one of the answers is the value of a success."""
    return written if isinstance(written, Answer) else Ok(written)


def duration(answer: Answer, timeout_seconds: float) -> float:
    """How long the attempt takes, its time limit included."""
    return min(getattr(answer, "seconds", 0.0), timeout_seconds)


def ended(answer: Answer, run: Run) -> Ended:
    """The ending of the attempt; the runtime adds the times."""
    limit = run.function.spec.timeout_seconds
    if getattr(answer, "seconds", 0.0) > limit:
        return Ended(
            Outcome.TIMED_OUT, error_type="TimedOut", error_message=f"No answer within {limit:g} s."
        )
    match answer:
        case Ok(value=value, log=log):
            body = value if isinstance(value, bytes) else msgspec.json.encode(value)
            return Ended(Outcome.OK, result=body, log=log)
        case Error(message=message, type=kind, log=log, hopeless=hopeless, fault=fault):
            return Ended(
                Outcome.FUNCTION_ERROR,
                error_type=kind,
                error_message=message,
                log=log,
                hopeless=hopeless,
                fault=fault,
            )
        case Crash():
            return _failed(Outcome.CRASHED, "Crashed", "The instance died.")
        case OutOfMemory():
            return _failed(Outcome.OUT_OF_MEMORY, "OutOfMemory", "The memory limit was passed.")
        case PlatformError(message=message, retry_after_seconds=wait, type=kind):
            no_room = kind == "InstanceNotStarted"
            return Ended(
                Outcome.NO_RESOURCES if no_room else Outcome.PLATFORM_ERROR,
                error_type=kind,
                error_message=message,
                retry_after_seconds=wait,
            )
        case Throttle(retry_after_seconds=wait):
            return Ended(
                Outcome.THROTTLED,
                error_type="Throttled",
                error_message="429",
                retry_after_seconds=wait,
            )
    return _failed(Outcome.LOST, "AttemptLost", "Nobody knows what became of it.")


def _failed(outcome: Outcome, kind: str, message: str) -> Ended:
    return Ended(outcome, error_type=kind, error_message=message)
