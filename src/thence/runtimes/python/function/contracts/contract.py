"""What every handler contract has: how an event, a context, a result and an error are made.

One object serves an instance. The worker asks it for everything that differs between contracts and
knows of none; what it asks for each run is looked up once, so that a plain contract costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from ....wire.setup import Setup
from ..failure import describe

INVOKE: Final = "Invoke"
INITIALIZE: Final = "Initialize"
PRE_STOP: Final = "PreStop"

Log = Callable[[str], None]
"""Writes one line (without its end) to the captured output, after all that user code has written."""


class MakeContext(Protocol):
    """Makes the second argument of a handler, or the only one of a hook.

    `id`: the 16 bytes of the invocation, or what `Contract.pre_stop_id` gave. `qualifier`: what the
    call named where it was not the version that runs. `ends_ns`: monotonic nanoseconds at which the
    attempt, or the hook, is ended.
    """

    def __call__(
        self,
        setup: Setup,
        id: bytes,
        attempt: int,
        retry_count: int,
        accepted_at_ms: int,
        previous_attempt_may_have_run: bool,
        content_type: str,
        traceparent: str,
        qualifier: str,
        ends_ns: int,
    ) -> Any: ...


class Contract(Protocol):
    """One instance's contract."""

    writes_log: bool
    """Whether `begin` and `end` are to be called around every run."""
    pre_stop_takes_context: bool
    gives_up: bool
    """Whether what every other attempt would end with too is not retried."""

    @property
    def context(self) -> MakeContext: ...

    @property
    def event(self) -> Callable[[bytes], Any] | None:
        """The payload as the first argument; None: it stays as it is. May raise HandlerFault."""
        ...

    @property
    def result(self) -> Callable[[Any], tuple[bytes, bool]]:
        """What the handler returned, as (bytes, whether they are raw and not JSON). Raises
        HandlerFault: ResultNotSerializable, ResultTooLarge."""
        ...

    def environment(self) -> dict[str, str]:
        """Variables over those of the function."""
        ...

    def open_log(self, log: Log) -> None:
        """Set up `logging`, once, before any code of the user."""
        ...

    def begin(self, what: str, context: Any) -> None:
        """Before a run (INVOKE) or a hook (INITIALIZE, PRE_STOP)."""
        ...

    def end(self, what: str, failed: bool, duration_us: int) -> None:
        """After it, whatever happened, unless the process is no more."""
        ...

    def describe(self, error: BaseException) -> tuple[bytes, bytes, bytes]:
        """(type, message, stack) of an error, bounded as failure.py says."""
        ...

    def pre_stop_id(self) -> bytes:
        """The id of a context that belongs to no invocation: empty, or 16 bytes."""
        ...


class Plain:
    """What most contracts do not change: nothing is added to the environment or the log."""

    writes_log = False
    pre_stop_takes_context = True
    gives_up = False  # vendors retry whatever a function ended with

    def environment(self) -> dict[str, str]:
        return {}

    def begin(self, what: str, context: Any) -> None:
        return

    def end(self, what: str, failed: bool, duration_us: int) -> None:
        return

    def describe(self, error: BaseException) -> tuple[bytes, bytes, bytes]:
        return describe(error)

    def pre_stop_id(self) -> bytes:
        return b""


def id_text(id: bytes) -> str:
    """The invocation id as it is written; empty for none."""
    text = id.hex()
    if not text:
        return ""
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def remaining_ms(ends_ns: int) -> int:
    """Milliseconds until that monotonic instant, at least 0."""
    return max(0, (ends_ns - time.monotonic_ns()) // 1_000_000)


def whole(seconds: float) -> int | float:
    """A number of seconds as vendors write it: without a fraction where there is none."""
    return int(seconds) if seconds == int(seconds) else seconds
