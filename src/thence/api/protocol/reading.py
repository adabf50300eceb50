"""How callers read their answers: how long they may take, and how much of it is counted until then
(shared/unread.py)."""

from __future__ import annotations

from typing import Any

from ..shared.unread import CONNECTION, COUNTED_BYTES
from . import limits
from .connection import Connection
from .unframed import unframed


class Reading(Connection):
    """A connection whose answers are read in time, or are not."""

    def pause_writing(self) -> None:
        super().pause_writing()
        size = self.transport.get_write_buffer_size()
        self._read_by = (
            self.loop.time() + limits.READ_SECONDS + size / limits.BODY_BYTES_PER_SECOND_MIN
        )

    def resume_writing(self) -> None:
        if self._unread and self._keeps_some():
            return
        super().resume_writing()
        self._idle_since = self.loop.time()  # until now it has read
        if self._unread:
            self._all_read()

    def _keeps_some(self) -> bool:
        """Whether a byte is left of a large answer: the transport keeps all of it until the last byte
        has gone. Then nothing more is written before that."""
        left = self.transport.get_write_buffer_size() > 0
        if left != self._narrow:
            self._narrow = left
            self.transport.set_write_buffer_limits(high=0 if left else None)
        return left

    def reserve(self, size: int, *, spare: bool) -> None:
        """See unread.Connection."""
        if not self._reserved:
            self._count(size, spare=spare)
            self._reserved = True

    def answers(self, size: int, *, done: bool) -> None:
        """See unread.Connection."""
        if self._reserved:
            self._reserved = False
        elif size > COUNTED_BYTES:
            self._count(size, done=done)

    def _count(self, size: int, **how: bool) -> None:
        if self._lost:
            return  # (One that is closing still keeps what is written to it.)
        self._context.unread.take(self, size, self.loop.time(), **how)
        self._unread = True
        self._making += size

    def cut_off(self) -> None:
        self.transport.abort()

    def _all_read(self) -> None:
        """All that was written; the next answer may be waiting for that."""
        self._unread = self._making > 0
        self._context.unread.read(self, self._making, self.loop.time())

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if cycle.scope["method"] != "HEAD":
            cycle.scope[CONNECTION] = self
        if cycle.scope["http_version"] == "1.0":
            app = unframed(app, cycle)
        super()._start_asgi_task(cycle, app)
