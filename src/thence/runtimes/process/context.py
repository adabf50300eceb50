"""In the instance: what a handler is told about its invocation, its second argument."""

from __future__ import annotations

import logging
import time

from msgspec import Struct

_logger = logging.getLogger("function")


class Setup(Struct, frozen=True):
    """What the node tells the forker about an instance that it wants."""

    number: int
    function_name: str
    code_path: str
    handler: str
    event: str  # "json" or "bytes"
    environment: dict[str, str]
    memory_mb: int
    timeout_seconds: float
    log_bytes_max: int
    result_bytes_max: int
    account_id: str = ""
    region: str = ""


class Context:
    """One attempt, as its handler sees it.

    `attempt` counts from 1; `retry_count` only the retries that function errors have used.
    `previous_attempt_may_have_run`: an earlier attempt was lost and nobody knows how far it came;
    `idempotency_key` (the invocation id) is the same in every attempt.
    """

    __slots__ = (
        "_began_ns",
        "_id",
        "_setup",
        "accepted_at_ms",
        "attempt",
        "content_type",
        "previous_attempt_may_have_run",
        "retry_count",
        "traceparent",
    )

    def __init__(
        self,
        setup: Setup,
        id: bytes,
        attempt: int,
        retry_count: int,
        accepted_at_ms: int,
        previous_attempt_may_have_run: bool,
        content_type: str,
        traceparent: str,
        began_ns: int,
    ) -> None:
        self._setup = setup
        self._id = id
        self._began_ns = began_ns
        self.attempt = attempt
        self.retry_count = retry_count
        self.accepted_at_ms = accepted_at_ms
        self.previous_attempt_may_have_run = previous_attempt_may_have_run
        self.content_type = content_type
        self.traceparent = traceparent

    @property
    def invocation_id(self) -> str:
        text = self._id.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    @property
    def request_id(self) -> str:
        return self.invocation_id

    @property
    def idempotency_key(self) -> str:
        """The same in every attempt of this invocation: give it to what must happen only once."""
        return self.invocation_id

    @property
    def function_name(self) -> str:
        return self._setup.function_name

    @property
    def account_id(self) -> str:
        """The account the service is configured for (THENCE_ACCOUNT_ID)."""
        return self._setup.account_id

    @property
    def region(self) -> str:
        """The region the service is configured for (THENCE_REGION)."""
        return self._setup.region

    @property
    def memory_mb(self) -> int:
        return self._setup.memory_mb

    @property
    def timeout_seconds(self) -> float:
        return self._setup.timeout_seconds

    @property
    def deadline_ms(self) -> int:
        """Milliseconds since the epoch at which this attempt is ended."""
        return time.time_ns() // 1_000_000 + self.remaining_ms()

    def remaining_ms(self) -> int:
        """Milliseconds until this attempt is ended, at least 0."""
        spent_ms = (time.monotonic_ns() - self._began_ns) // 1_000_000
        return max(0, int(self._setup.timeout_seconds * 1000) - spent_ms)

    @property
    def logger(self) -> logging.Logger:
        """Writes to the attempt's captured output."""
        return _logger

    def __repr__(self) -> str:
        return f"<Context {self.function_name} {self.invocation_id} attempt {self.attempt}>"
