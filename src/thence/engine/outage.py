"""Whether the store can be written now, what is said while it cannot, and the wait until it can again.

An outage begins with a commit that fails, or with another write that found the disk full. It is over
when a probe succeeds; on a full disk when there is room again (room.py). A damaged store does not come
back. A node that leaves waits less, and needs no room for the reserve.
"""

from __future__ import annotations

import asyncio
import logging
import math

from ..clock import Clock
from ..errors import StoreDamaged, StoreLocked, StoreUnavailable
from ..notices import Notices, StoreBack, StoreLost
from ..store.interface import Store
from .room import Room

log = logging.getLogger("thence.writer")

PROBE_SECONDS = 0.5
PROBE_SECONDS_MAX = 30.0
AGAIN_SECONDS = 5.0  # a disk that is full again so soon after it had room is left alone so long


class Outage:
    """wake: set when the writer must look at it."""

    def __init__(
        self, store: Store, room: Room, clock: Clock, notices: Notices, wake: asyncio.Event
    ) -> None:
        self._store = store
        self._room = room
        self._clock = clock
        self._notices = notices
        self._wake = wake
        self.down = False
        """The store does not write at present: all that may be refused is."""
        self.damaged: StoreDamaged | None = None
        """The store is damaged: it is down, and stays so."""
        self.leaving = asyncio.Event()
        """The node leaves: nothing new comes."""
        self._failures = 0  # commits in a row
        self._began_at = 0  # the present one, or the last
        self._had_room_at = -math.inf  # (ms) a full disk, again, for the last time
        self._why: StoreUnavailable | None = None  # it was down for the last time
        self._failed: StoreUnavailable  # the last write that is not a commit
        room.on_full(self._disk_full)

    # ------------------------------------------------------------ what is said

    def refusal(self) -> StoreUnavailable:
        """What is said to those who are refused while the store is down."""
        if self.damaged is None and self._room.full:
            return self._room.refusal()
        why = self.damaged or self._why
        return self._room.refusal() if why is None else why.again()

    def no_stop(self) -> StoreUnavailable:
        """What is said to whoever stops something, and that could not be written."""
        if self.may_wait_for_room:
            return self._room.no_stop()
        return self.refusal()

    @property
    def may_wait_for_room(self) -> bool:
        """It is the disk that is full, and nothing else is wrong."""
        return self.damaged is None and self._room.full

    @property
    def begins(self) -> bool:
        """A start, or a file beside the store, found the disk full: no commit has failed yet."""
        return self._room.full and not self.leaving.is_set()

    # ------------------------------------------------------------ what is found

    def start(self) -> None:
        """The writer begins; the disk may be full already."""
        self.down = self.down or self._room.full

    def leave(self) -> None:
        """The node leaves."""
        self.leaving.set()
        self._room.leaving = True

    def condemn(self, damaged: StoreDamaged) -> None:
        """Damage was found, or more is known of it: nothing is accepted any more."""
        self.damaged, self.down = damaged, True

    def _disk_full(self) -> None:
        """A file beside the store found that: all is as if a commit had."""
        if not self.down and not self.leaving.is_set():
            self.down = True
            self._wake.set()

    def unwritten(self, error: StoreUnavailable) -> bool:
        """A write of the store that is not one of ours failed. Where the disk is full all is as if a
        commit had found that; True: it was not known yet, so the reserve's space is there now. Where it
        was known, raises what says how much is free where."""
        self._failed = error
        if self._room.full and not isinstance(error, StoreLocked):
            raise self._room.refusal() from error
        known = self.down or self._room.full or self.leaving.is_set()
        if known:
            return False
        self._room.lost(error)
        if self._room.full:
            self.down = True
            self._wake.set()
        return self._room.full

    # ------------------------------------------------------------ its course

    def written(self) -> None:
        """A commit succeeded."""
        self._failures = 0

    def begin(self, error: StoreUnavailable) -> StoreUnavailable:
        """A commit failed: from now on the store is down. What those who wait are told."""
        self._why = told = self._room.lost(error)
        self.down = True
        return told

    def say(self) -> None:
        """It has begun, and who may be refused has been."""
        self._failures += 1
        self._began_at = self._clock.now()
        # Damage was said in its own words; one who leaves tries twice a second and says it once.
        if self.damaged is None and not (self.leaving.is_set() and self._failures > 1):
            assert self._why is not None
            self._notices.publish(StoreLost(self._why.detail))

    async def over(self) -> None:
        """Wait until the store can be written; then it is up. Longer from time to time where a probe
        succeeds and the commits fail all the same."""
        tight = self._room.full  # which a disk at its edge is not, for moments
        rest = min(PROBE_SECONDS * 2 ** max(0, self._failures - 3), PROBE_SECONDS_MAX)
        if rest > PROBE_SECONDS:
            await self._rest(rest)
        again_at = self._began_at + AGAIN_SECONDS * 1000
        at_edge = tight and self._began_at < self._had_room_at + AGAIN_SECONDS * 1000
        while at_edge and self._clock.now() < again_at and not self.leaving.is_set():
            await self._rest(PROBE_SECONDS)
        while not await self._healthy():
            await self._rest(PROBE_SECONDS_MAX if self.damaged else rest)
        self.down = False
        if self._room.full:  # and the node leaves
            log.warning("the disk is full; what has ended is written in the reserve's space")
            return
        if tight:
            self._had_room_at = self._clock.now()
        self._notices.publish(StoreBack((self._clock.now() - self._began_at) / 1000))

    async def _healthy(self) -> bool:
        """One probe."""
        if self.damaged is not None:
            return False
        try:
            if not await self._has_room():
                return False
            self._failed = self.refusal()
            if await self._store.healthy():
                return True
            self._room.lost(self._failed)  # or what it failed for, as unwritten() was told
            return False
        except StoreUnavailable:
            return False  # it cannot even be read
        except Exception:
            # A driver's mistake while its database is away: the writer must outlive that too.
            log.exception("the store could not be probed")
            return False

    async def _has_room(self) -> bool:
        """Whether a write may be tried. One who leaves tries also where the log cannot be emptied: it may
        have room in itself. Raises StoreUnavailable."""
        try:
            return await self._room.back() or self.leaving.is_set()
        except StoreUnavailable:
            if self.leaving.is_set():
                return True
            raise

    async def _rest(self, seconds: float) -> None:
        """Sleep so long; a node that leaves has no time for that."""
        if self.leaving.is_set():
            await self._clock.sleep(min(seconds, PROBE_SECONDS))
            return
        waits = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self.leaving.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
