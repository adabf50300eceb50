"""The states of an invocation and the one table of transitions.

    queued ──▶ running ──▶ succeeded
      ▲  │        │  ├───▶ failed
      │  │        │  └───▶ stopping ──▶ stopped
      │  │        ▼
      │  │     retrying ──▶ running | stopped | expired | failed | invalid
      │  └──▶ stopped | expired | failed | invalid
      └── (an attempt that never started is given back)

A final state never changes. Everything that affects transitions lives here: whoever decides on a
change checks it (`check_transition`), a store writes none that is not in the table, and `thence verify`
follows the journal. The diagram in `docs/concepts/invocation.md` is checked against `TRANSITIONS`.
"""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    QUEUED = "queued"  # waiting for its first start (or delayed until due_at)
    RUNNING = "running"  # an attempt is claimed under a lease
    RETRYING = "retrying"  # waiting for the next attempt
    STOPPING = "stopping"  # a stop was asked while an attempt runs
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    EXPIRED = "expired"
    INVALID = "invalid"  # can never run: its function or version is gone

    __str__ = str.__str__


WAITING = frozenset({State.QUEUED, State.RETRYING})
ACTIVE = frozenset({State.RUNNING, State.STOPPING})
FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.STOPPED, State.EXPIRED, State.INVALID})
DEAD = frozenset({State.FAILED, State.EXPIRED, State.INVALID})
"""Ended, and nobody asked for it: dead letters. Those stopped with the reason FUNCTION_DISABLED are, too."""

TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset(
        {State.RUNNING, State.STOPPED, State.EXPIRED, State.FAILED, State.INVALID}
    ),
    State.RUNNING: frozenset(
        {
            State.SUCCEEDED,
            State.FAILED,
            State.RETRYING,
            State.STOPPING,
            State.STOPPED,
            State.QUEUED,  # given back: the attempt never started
            State.EXPIRED,  # the next attempt would come after expires_at
            State.INVALID,
        }
    ),
    State.RETRYING: frozenset(
        {State.RUNNING, State.STOPPED, State.EXPIRED, State.FAILED, State.INVALID}
    ),
    State.STOPPING: frozenset({State.STOPPED, State.SUCCEEDED, State.FAILED}),
    **{state: frozenset() for state in FINAL},
}


class Reason(str, Enum):
    """Why an invocation is in its final state."""

    OK = "ok"
    RETRIES_EXHAUSTED = "retries_exhausted"
    NOT_RETRYABLE = "not_retryable"  # no attempt could end otherwise: its code or payload is wrong
    # The time for platform errors ended, and what it was that ended it:
    PLATFORM_ERRORS_EXHAUSTED = "platform_errors_exhausted"  # an error of the platform (500)
    CONCURRENCY_LIMIT = "concurrency_limit"  # its function was at its limit (429)
    NO_RESOURCES = "no_resources"  # there was nothing to run it with (503)
    SUSPECTED_POISON = "suspected_poison"  # lost too often: quarantined
    EVENT_AGE_EXCEEDED = "event_age_exceeded"
    STOPPED_BY_CALLER = "stopped_by_caller"
    FUNCTION_DISABLED = "function_disabled"  # it ran when its function was disabled with `abort`
    FUNCTION_DELETED = "function_deleted"

    __str__ = str.__str__


class ForbiddenTransition(RuntimeError):
    """A change that is not in the table was to be made: a mistake in the program."""

    def __init__(self, before: State | None, after: State) -> None:
        known = "what it was" if before is None else before.value
        super().__init__(f"no invocation goes from {known} to {after.value} in this way")


def allowed(before: State, after: State) -> bool:
    """Whether the table lets an invocation go from `before` to `after`."""
    return after in TRANSITIONS[before]


def sources(after: State) -> frozenset[State]:
    """The states from which the table lets an invocation go to `after`."""
    return frozenset(before for before in State if after in TRANSITIONS[before])


def check_transition(before: State, after: State) -> None:
    """Raises ForbiddenTransition."""
    if after not in TRANSITIONS[before]:
        raise ForbiddenTransition(before, after)
