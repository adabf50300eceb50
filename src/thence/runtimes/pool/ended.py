"""How an ending is told: `Ended` from an answer, or for a run whose instance ended."""

from __future__ import annotations

import os
import signal

from ...lifecycle.outcome import Fault, Outcome
from ..interface import Ended
from ..wire import frames
from ..wire.output import marked
from .answer import Answer
from .instance import Instance

_OUTCOMES = {
    frames.OK: Outcome.OK,
    frames.FUNCTION_ERROR: Outcome.FUNCTION_ERROR,
    frames.OUT_OF_MEMORY: Outcome.OUT_OF_MEMORY,
    frames.CRASHED: Outcome.CRASHED,
    frames.SKIPPED: Outcome.NOT_STARTED,
    frames.INITIALIZER_FAILED: Outcome.FUNCTION_ERROR,
}

_FAULTS = {
    frames.FAULT_LOAD: Fault.LOAD,
    frames.FAULT_EVENT: Fault.EVENT,
    frames.FAULT_RESULT: Fault.RESULT,
    frames.FAULT_RESULT_SIZE: Fault.RESULT_SIZE,
    frames.FAULT_INITIALIZER: Fault.INITIALIZER,
}

END_REASON = {
    Outcome.TIMED_OUT: "timed_out",
    Outcome.OUT_OF_MEMORY: "out_of_memory",
    Outcome.STOPPED: "stopped",
    Outcome.LOST: "closing",
    Outcome.CRASHED: "crashed",
}

_ERROR_TYPES = {
    Outcome.TIMED_OUT: "TimedOut",
    Outcome.OUT_OF_MEMORY: "OutOfMemory",
    Outcome.STOPPED: "Stopped",
    Outcome.LOST: "Lost",
    Outcome.CRASHED: "InstanceCrashed",
    Outcome.PLATFORM_ERROR: "PlatformError",
}

_JSON = "application/json"


def of_answer(
    answer: Answer, instance: str, now: int, monotonic_ns: int, log_bytes_max: int
) -> Ended:
    """What the instance said. The instant comes from the node's clock less the time since."""
    kind = answer.kind
    if kind == frames.SKIPPED:
        return Ended(Outcome.NOT_STARTED, instance=instance)
    # A function can write into its instance's memory, so both numbers may be anything.
    since_us = max(0, (monotonic_ns - answer.began_ns) // 1000)
    started_at = max(answer.handed_at, now - since_us // 1000)
    duration_us = min(answer.duration_us, since_us)
    truncated = bool(answer.flags & frames.OUTPUT_TRUNCATED)
    log = answer.output or None
    if truncated:
        log = marked(answer.output, truncated, log_bytes_max)
    if kind == frames.OK:
        return Ended(
            Outcome.OK,
            started_at,
            duration_us,
            answer.result,
            "application/octet-stream" if answer.flags & frames.RAW_RESULT else _JSON,
            log=log,
            log_truncated=truncated,
            instance=instance,
        )
    return Ended(
        _OUTCOMES[kind],
        started_at,
        duration_us,
        error_type=answer.error_type,
        error_message=answer.error_message,
        error_stack=answer.error_stack,
        fault=_FAULTS.get(answer.flags >> frames.FAULT_SHIFT),
        hopeless=bool(answer.flags & frames.HOPELESS),
        log=log,
        log_truncated=truncated,
        instance=instance,
    )


def of_first(
    instance: Instance, status: int | None, handed_at: int, now: int, ns: int, log_bytes_max: int
) -> Ended:
    """For the first unanswered run of an instance that has ended. `status` as waitpid gives it,
    None: nobody knows."""
    begun = instance.first_has_begun()
    if not instance.ready or (instance.start_given_up and not begun):
        return _never_up(instance, status)
    if not begun:
        return _not_begun(instance)
    outcome: Outcome | None = instance.verdict
    message = instance.verdict_message
    kind = instance.verdict_type
    if outcome is None or instance.verdict_on != instance.answered + 1:
        kind = ""
        if status is None:
            outcome, message = Outcome.PLATFORM_ERROR, instance.failure
        else:
            outcome, message = Outcome.CRASHED, crash_sentence(status)
    since_us = max(0, (ns - instance.words[frames.BEGAN_NS]) // 1000)
    output, truncated = instance.take_output(log_bytes_max)
    log = marked(output, truncated, log_bytes_max)
    return Ended(
        outcome,
        max(handed_at, now - since_us // 1000),
        since_us,
        error_type=kind or _ERROR_TYPES.get(outcome, ""),
        error_message=message,
        log=log,
        log_truncated=truncated,
        instance=instance.name,
        memory_bytes=instance.peak_bytes,
    )


def _not_begun(instance: Instance) -> Ended:
    stopped = instance.verdict is Outcome.STOPPED
    return Ended(Outcome.STOPPED if stopped else Outcome.NOT_STARTED, instance=instance.name)


def _never_up(instance: Instance, status: int | None) -> Ended:
    if instance.verdict is not None:  # stopped, drained or closed before it came up
        return _not_begun(instance)
    why = why_not_up(instance, status)
    return not_up(f"An instance could not be started: {why}", instance.name)


def why_not_up(instance: Instance, status: int | None) -> str:
    return (
        instance.failure or ("" if status is None else crash_sentence(status)) or "reason unknown"
    )


def not_up(sentence: str, instance: str = "") -> Ended:
    """The instance never came up; the function's code was not touched."""
    return Ended(
        Outcome.NO_RESOURCES,
        error_type="InstanceNotStarted",
        error_message=sentence,
        instance=instance,
    )


def crash_sentence(status: int) -> str:
    """Why the process is gone, from its wait status."""
    if os.WIFEXITED(status):
        return (
            f"the instance exited with status {os.WEXITSTATUS(status)} before the handler "
            "returned (os._exit, or an extension that ended the process)."
        )
    number = os.WTERMSIG(status)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "an unknown signal"
    told = f"the instance was ended by signal {number} ({name}) before the handler returned."
    if number == signal.SIGKILL:
        told += " The kernel does that when the machine runs out of memory."
    return told
