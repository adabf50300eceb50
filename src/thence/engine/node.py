"""The node: one running server. It joins the store, renews its lease at half its length, leaves.

A node is an incarnation, never a host name: a restart is another incarnation, so an old process
can never be taken for the new one. All attempts it claims carry its number as their lease.
"""

from __future__ import annotations

import logging

from ..clock import Clock
from ..errors import StoreUnavailable
from ..notices import ClockAstray, ClockRight, NodeStarted, Notices
from ..store.interface import Store
from .lease import Lease
from .loop import Loop

ASTRAY_MS = 5000
log = logging.getLogger("thence.node")


class Node:
    def __init__(
        self,
        store: Store,
        lease: Lease,
        clock: Clock,
        notices: Notices,
        *,
        name: str,
        lease_seconds: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._notices = notices
        self.name = name
        self._lease = lease
        self._lease_ms = round(lease_seconds * 1000)
        self._held_until = 0
        self._astray = False
        self.loop = Loop("lease", self.once, clock, notices, interval_seconds=lease_seconds / 2)

    async def join(self) -> int:
        now = self._clock.now()
        incarnation = await self._store.join(
            self.name, now, now + self._lease_ms, self._clock.mark()
        )
        self._lease.number = incarnation
        self._held_until = now + self._lease_ms
        self._notices.publish(NodeStarted(self.name, incarnation))
        return incarnation

    @property
    def incarnation(self) -> int:
        """The number of the present one; 0: it has not joined, or has left."""
        return self._lease.number

    @property
    def held(self) -> bool:
        """Whether the lease is still running, by our own clock."""
        return self._clock.now() < self._held_until

    async def once(self) -> float | None:
        until = self._clock.now() + self._lease_ms
        kept = await self._store.renew(self.incarnation, until, self._clock.mark())
        if kept:
            self._held_until = until
        else:
            # Others have declared us dead: what we run will be dropped at its settle. Begin anew.
            log.warning("the lease of incarnation %d had ended; joining again", self.incarnation)
            await self.join()
        self._look_at_clock()
        return None

    def _look_at_clock(self) -> None:
        """Say once that the machine's clock is not where service time is, and once that it is."""
        ahead_ms = self._clock.now() - self._clock.wall()
        if abs(ahead_ms) > (ASTRAY_MS // 2 if self._astray else ASTRAY_MS):
            if not self._astray:
                self._notices.publish(ClockAstray(ahead_ms / 1000))
            self._astray = True
        elif self._astray:
            self._astray = False
            self._notices.publish(ClockRight())

    async def leave(self) -> None:
        await self.loop.stop()
        if self.incarnation:
            try:
                await self._store.leave(self.incarnation, self._clock.mark())
            except StoreUnavailable as error:
                # The goodbye only shortens a wait: what we hold is lost when the lease ends.
                log.warning("incarnation %d could not leave: %s", self.incarnation, error)
            self._lease.number = 0
