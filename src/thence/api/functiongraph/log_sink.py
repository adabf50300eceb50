"""What a sink of the status log is, and how it says that lines could not be given away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .log_line import Line


class NotSent(ConnectionError):
    """The lines behind the first `done` were not taken; they are given again, not before
    `retry_after_seconds`. The text is a sentence."""

    def __init__(
        self, text: str, *, done: int = 0, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(text)
        self.done = done
        self.retry_after_seconds = retry_after_seconds


class Sink(Protocol):
    name: str
    lost: int
    """Lines that were refused for good, since the service started."""
    leave_seconds: float | None
    """So long a shutdown waits for a write that is under way, and gives the lines to the next start
    then. None: until it is done."""

    async def write(self, lines: Sequence[Line]) -> None:
        """Return when each is kept, or refused for good and counted in `lost`. Raises NotSent, or
        whatever else went wrong with all of them."""
        ...

    async def close(self) -> None: ...
