"""The bytes of a connection that nobody vouches for yet, as they are counted (shared/unproven.py)."""

from __future__ import annotations

from typing import Any

from ...errors import ThenceError
from .fast_turn import FastTurn
from .limits import HEADER_BYTES


class Unvouched(FastTurn):
    """A connection that counts what it keeps of strangers."""

    def _account(self) -> None:
        """Count what this connection keeps of them now, or refuse the request that is too much.
        Bodies that the application reads are counted there (body.py)."""
        wanted = 0 if self._ends() else self._unproven_bytes()
        more = wanted - self._counted
        if more > 0:
            try:
                self._context.unproven.take(more)
            except ThenceError as error:
                self._overloaded(error)
                return
        elif more < 0:
            self._context.unproven.give(-more)
        self._counted = wanted

    def _unproven_bytes(self) -> int:
        fast, wanted = self._fast, len(self._held)
        cycle: Any = self.cycle
        if self._in_head:
            wanted += self._beside_body
            if self._beside_body and not self._deaf:
                wanted += len(self.headers or ()) * HEADER_BYTES
        elif cycle is fast and fast.more_body and not fast.via.vouched(fast.asked):
            wanted += fast.size
        elif self.pipeline:
            wanted += len(cycle.body)
        return wanted

    def _overloaded(self, error: ThenceError) -> None:
        fast = self._fast
        cycle: Any = self.cycle
        self._held.clear()
        if cycle is fast and not fast.response_complete and fast.more_body:
            fast.chunks = []
            self._refuse_fast(error)
        else:
            self._refuse_in_turn(error)
        if self._counted:
            self._context.unproven.give(self._counted)
            self._counted = 0
