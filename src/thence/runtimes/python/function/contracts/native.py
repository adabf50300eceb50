"""The native contract: `handler(event, context)`, JSON or bytes in, JSON or bytes out.

What JSON has becomes JSON, and so do dates, UUIDs, sets, dataclasses and the like by msgspec's
rules. Hooks are `initializer(context)` and `pre_stop(context)`; the former's context is that of the
run which waits for it, the latter's belongs to no invocation (no id, attempt 0).
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from ....wire.setup import Setup
from ..failure import InvalidEvent, unreadable
from ..result import not_serializable, too_large
from .contract import Log, Plain, id_text, remaining_ms

_logger = logging.getLogger("function")
_decode = msgspec.json.Decoder().decode


class Context:
    """One attempt, as its handler sees it.

    `attempt` counts from 1; `retry_count` only the retries that function errors have used.
    `previous_attempt_may_have_run`: an earlier attempt began and nobody knows how far it came (it
    was lost, cut off by a shutdown, or its instance broke);
    `idempotency_key` (the invocation id) is the same in every attempt.
    """

    __slots__ = (
        "_ends_ns",
        "_id",
        "_qualifier",
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
        qualifier: str,
        ends_ns: int,
    ) -> None:
        self._setup = setup
        self._id = id
        self._qualifier = qualifier
        self._ends_ns = ends_ns
        self.attempt = attempt
        self.retry_count = retry_count
        self.accepted_at_ms = accepted_at_ms
        self.previous_attempt_may_have_run = previous_attempt_may_have_run
        self.content_type = content_type
        self.traceparent = traceparent

    @property
    def invocation_id(self) -> str:
        return id_text(self._id)

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
    def function_version(self) -> str:
        """The version that runs: `latest` or a published one."""
        return self._setup.version

    @property
    def qualifier(self) -> str:
        """What the call named: a version or an alias."""
        return self._qualifier or self._setup.version

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
        """Milliseconds until this attempt (in a hook: the hook) is ended, at least 0."""
        return remaining_ms(self._ends_ns)

    @property
    def logger(self) -> logging.Logger:
        """Writes to the attempt's captured output."""
        return _logger

    def __repr__(self) -> str:
        return f"<Context {self.function_name} {self.invocation_id} attempt {self.attempt}>"


class Native(Plain):
    """See the module."""

    gives_up = True

    def __init__(self, setup: Setup) -> None:
        self.context = Context
        self.event: Callable[[bytes], Any] | None = _json_event if setup.event == "json" else None
        self._bytes_max = setup.result_bytes_max

    def open_log(self, log: Log) -> None:
        logging.basicConfig(
            stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.INFO
        )

    def result(self, returned: Any) -> tuple[bytes, bool]:
        raw = isinstance(returned, (bytes, bytearray, memoryview))
        data = bytes(returned) if raw else _json(returned)
        if len(data) > self._bytes_max:
            raise too_large(len(data), self._bytes_max)
        return data, raw


def _json_event(payload: bytes) -> Any:
    if not payload:
        return None
    try:
        return _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent(
            "InvalidEvent",
            f"the payload ({len(payload)} bytes) {unreadable(error)}. Send JSON, or set "
            '`event` of the function to "bytes".',
        ) from None


def _refuse(value: Any) -> NoReturn:
    kind = type(value)
    raise TypeError(f"{kind.__module__}.{kind.__qualname__}")


_encode = msgspec.json.Encoder(enc_hook=_refuse).encode


def _json(value: Any) -> bytes:
    try:
        return _encode(value)
    except TypeError as error:
        raise not_serializable(str(error)) from None
    except (ValueError, RecursionError, OverflowError) as error:
        # Text that is not Unicode, a structure that holds itself, a number out of range.
        named = f"{type(value).__module__}.{type(value).__qualname__} ({error})"
        raise not_serializable(named) from None
