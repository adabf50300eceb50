"""room: what is done when the disk is full.

A write that fails for want of space gives up the reserve. From then on nothing new is taken (accepts,
code, bodies, mail: 503), while reading, deleting, pruning and stopping go on with the reserve's space. When
there is room again (on the disk, or in the store's own files where something was deleted) the
reserve is taken back first, and then accepting goes on, by itself. That needs ROOM_PART of the reserve
more than the reserve: a disk at its edge would be full again with the next call.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

from ..errors import StoreDamaged, StoreLocked, StoreUnavailable
from ..seldom import Seldom
from ..space import Space
from ..store.interface import Store
from ..store.reserve import Reserve

log = logging.getLogger("thence.room")

ROOM_PART = 4
ROOM_BYTES_MIN = 1024 * 1024
STOPS_PART = 2  # so much of the reserve's space is left to what deletes
RETRY_SECONDS = 5
ROWS_BYTES = 4 * 1024 * 1024  # the last of the reserve's space is for rows


class _Bodies(Space):
    """The same for bodies: a service that leaves writes what its runs came to, as long as some is left of
    the reserve's space for rows."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def check(self) -> None:
        if not self._room.leaving or (self._room.free_bytes() or 0) < ROWS_BYTES:
            self._room.check()

    def short(self, error: StoreUnavailable) -> StoreUnavailable:
        return self._room.short(error)


class Room(Space):
    """reserve: None where there is no disk to look at (tests in memory, another store)."""

    def __init__(self, store: Store, reserve: Reserve | None = None) -> None:
        self._store = store
        self.reserve = reserve
        """Tests put another one here, to have a disk as full as they want."""
        self.full = False
        self.leaving = False
        """The service leaves: nothing new comes."""
        self.bodies = _Bodies(self)
        self._on_full: list[Callable[[], None]] = []
        self._seldom = Seldom()

    # ------------------------------------------------------------ asked by whoever writes

    def check(self) -> None:
        """Raises StoreUnavailable while nothing new may be written."""
        if self.full:
            raise self.refusal()

    def check_stop(self) -> None:
        """Raises StoreUnavailable while too little of the reserve's space is left even for a stop: who
        stops a whole backlog must still be able to delete."""
        if self.full and (self.free_bytes() or 0) < self._stop_needs():
            raise self.no_stop()

    def no_stop(self) -> StoreUnavailable:
        """What is said to whoever stops something while the disk has no room for that either."""
        free, needed = self.free_bytes(), self._stop_needs()
        if not self.full or self.reserve is None or free is None:
            return self.refusal()
        folder = self.reserve.folder
        why = (
            f"and a stop needs {needed:,} (half of the reserve), so it was not made"
            if free < needed
            else "and the stop could not be written, so it was not made"
        )
        return StoreUnavailable(
            f"The disk is full: {free:,} bytes are free in {folder}, {why}. A restart of the service "
            "cuts off what runs, and nothing of a disabled function begins again ('thence function "
            "disable NAME' without --abort needs little room). Or delete other files on that disk.",
            retry_after_seconds=RETRY_SECONDS,
            path=str(folder),
            free_bytes=free,
            needed_bytes=needed,
        )

    def refusal(self) -> StoreUnavailable:
        """What is said to those who are refused: how much is free where, and what to do."""
        reserve = self.reserve
        if not self.full or reserve is None:
            return StoreUnavailable(
                "The store cannot write now (a disk error); nothing was stored. Try again.",
                retry_after_seconds=2,
            )
        try:
            free, needed = reserve.free_bytes(), self._needed()
            files = reserve.free_files()
        except OSError as error:
            return StoreUnavailable(
                f"The data directory {reserve.folder} cannot be looked at: "
                f"{error.strerror or error}; nothing was stored.",
                retry_after_seconds=RETRY_SECONDS,
            )
        sentence = (
            f"The disk is full: {free:,} bytes are free in {reserve.folder}, and {needed:,} are needed "
            f"before anything new is taken. Nothing was stored. {_remedy(free)}; it goes on by itself."
        )
        if free >= needed and not files:
            sentence = (
                f"The disk of {reserve.folder} can hold no more files (its inodes are used up), though "
                f"{free:,} bytes are free. Nothing was stored. Delete other files on it; it goes on by "
                "itself."
            )
        elif free >= needed:  # and that was not found yet
            sentence = (
                f"The disk was full: {free:,} bytes are free in {reserve.folder} now. It goes on by "
                "itself within some seconds. Nothing was stored. Try again."
            )
        return StoreUnavailable(
            sentence,
            retry_after_seconds=RETRY_SECONDS,
            path=str(reserve.folder),
            free_bytes=free,
            needed_bytes=needed,
        )

    # ------------------------------------------------------------ told by the writer

    def opened(self) -> None:
        """The store is open: take the reserve, or begin as on a full disk. (Where the disk had no room to
        open it, `lost` has given up the reserve already.)"""
        if self.reserve is None or not self.reserve.bytes_wanted or self.full:
            return
        try:
            if not self._take(self.reserve, 0):
                self.reserve.release()
                self.full = True
        except OSError as error:
            log.warning("the disk's space cannot be looked at: %s", error)

    def lost(self, error: StoreUnavailable) -> StoreUnavailable:
        """A write failed: is it the disk? What those who wait are told."""
        if isinstance(error, StoreDamaged):
            return error
        if self.reserve is None or self.full:
            return self.refusal() if self.full else error
        if isinstance(error, StoreLocked):
            return error  # however little is free, it was enough until now
        try:
            if self.reserve.free_bytes() >= max(self.reserve.wanted_bytes(), ROOM_BYTES_MIN):
                return error
            self.reserve.release()
        except OSError as failed:
            log.warning("the reserve cannot be given up: %s", failed)
            return error
        self.full = True
        return self.refusal()

    def on_full(self, told: Callable[[], None]) -> None:
        """Called when a file beside the store could not be written because the disk is full."""
        self._on_full.append(told)

    def short(self, error: StoreUnavailable) -> StoreUnavailable:
        """A file beside the store (a body, code, an upload) could not be written: is the disk full, or
        was only this one too large for it? What those who wait are told."""
        told = self._short(error)
        if self.full:
            for tell in self._on_full:
                tell()
        return told

    def _short(self, error: StoreUnavailable) -> StoreUnavailable:
        if self.full:
            return self.refusal()
        if self.reserve is not None and error.fields.get("errno") == errno.ENOSPC:
            try:
                free, files = self.reserve.free_bytes(), self.reserve.free_files()
                if free < _margin(self.reserve.wanted_bytes()):
                    self.reserve.release()
                    self.full = True
                    return self.refusal()
            except OSError as failed:
                log.warning("the disk's space cannot be looked at: %s", failed)
            else:
                error = _too_little(error, free, files)
        if self._seldom.may_say():
            log.warning("a file of the data directory cannot be written: %s", error.detail)
        return error

    async def back(self) -> bool:
        """Whether a write may be tried: always, but for a full disk, where there must be room for more
        than that one. Raises StoreUnavailable."""
        if not self.full or self.reserve is None:
            return True
        spare = await self._store.tidy()
        try:
            self.full = not self._take(self.reserve, spare)
        except OSError as error:
            log.warning("the disk's space cannot be looked at: %s", error)
        return not self.full

    def _take(self, reserve: Reserve, spare: int) -> bool:
        """Take the reserve, leaving room. spare: free in the store's own file."""
        wanted = reserve.wanted_bytes()
        margin = _margin(wanted)
        size = min(wanted, reserve.free_bytes() + reserve.held_bytes() - margin)
        # Where the store has room in itself, half a reserve will do: deleting used some of it, and
        # what was deleted comes back to the store and not to the disk.
        enough = wanted // 2 if spare >= margin else wanted
        return size >= enough and reserve.take(size)

    # ------------------------------------------------------------ for those who watch

    def free_bytes(self) -> int | None:
        """None: there is no disk to look at, or it cannot be looked at."""
        try:
            return None if self.reserve is None else self.reserve.free_bytes()
        except OSError:
            return None  # the metric is missing then

    def reserve_bytes(self) -> int | None:
        return None if self.reserve is None else self.reserve.held_bytes()

    def _stop_needs(self) -> int:
        try:
            return 0 if self.reserve is None else self.reserve.wanted_bytes() // STOPS_PART
        except OSError:
            return 0  # the disk cannot be looked at: the write says what is wrong

    def _needed(self) -> int:
        assert self.reserve is not None
        wanted = self.reserve.wanted_bytes()
        return wanted + _margin(wanted)


def _too_little(error: StoreUnavailable, free: int, files: int) -> StoreUnavailable:
    """The disk has room, but not for this file."""
    if files:
        why = f"{free:,} bytes are free, too little for this one; smaller ones are taken."
    else:
        why = (
            f"The disk can hold no more files (its inodes are used up), though {free:,} bytes are free: "
            "delete other files on it. Bodies up to limits.inline_bytes_max need no file."
        )
    return StoreUnavailable(
        f"{error.detail} {why}",
        retry_after_seconds=RETRY_SECONDS,
        **{**error.fields, "free_bytes": free},
    )


def _remedy(free: int) -> str:
    """Without the reserve's space nothing can be deleted from the store either."""
    if free < ROOM_BYTES_MIN:
        return "Deleting from the store needs room too: delete other files on that disk, or grow it"
    return "Delete mailboxes, shorten a retention and restart, or grow the disk"


def _margin(wanted: int) -> int:
    return max(wanted // ROOM_PART, ROOM_BYTES_MIN)
