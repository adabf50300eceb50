"""The backlog: whoever must know is told that an invocation waits, on disk, for an attempt.

expire learns when it is too old, dispatch (or suspects, of one that was lost with a node) when it is
due. Of a deleted function nothing is due: retire ends what waits.
"""

from __future__ import annotations

from ..clock import Clock
from .dispatch import Dispatch
from .expire import Expire
from .lanes import UNKNOWN, Lane
from .retire import Retire
from .suspects import Suspects


class Backlog:
    def __init__(
        self, dispatch: Dispatch, suspects: Suspects, expire: Expire, retire: Retire, clock: Clock
    ) -> None:
        self._dispatch = dispatch
        self._suspects = suspects
        self._expire = expire
        self._retire = retire
        self._clock = clock

    def waits(self, lane: Lane, due_at: int, expires_at: int) -> None:
        """One waits for its first attempt or its next."""
        if lane.deleted:
            self._retire.note(lane)
            return
        self._expire.note(expires_at)
        self._dispatch.note(lane, due_at, self._clock.now())
        self._dispatch.pump()

    def suspect_waits(self, lane: Lane, due_at: int, expires_at: int) -> None:
        """The same of one that was lost before: it runs alone."""
        if lane.deleted:
            self._retire.note(lane)
            return
        self._expire.note(expires_at)
        self._suspects.note(lane, due_at)

    def found(self, lane: Lane, due_at: int) -> None:
        """Some of it wait in the store, of which this node may never have heard."""
        if lane.deleted:
            self._retire.note(lane)
        elif not lane.ready and not lane.claiming:
            self._dispatch.note(lane, due_at, self._clock.now(), UNKNOWN)
            self._dispatch.pump()

    def found_suspect(self, lane: Lane, due_at: int) -> None:
        """The same of those that were lost before."""
        if lane.deleted:
            self._retire.note(lane)
        else:
            self._suspects.note(lane, due_at)

    def may_begin(self, lane: Lane) -> None:
        """Its function may have more slots than before: whatever waits may be due."""
        now = self._clock.now()
        self._dispatch.note(lane, now, now, UNKNOWN)
        self._dispatch.pump()
