"""From the journal to a sink of the status log: every change of the requests that were accepted while
the settings asked for it, in the order of the commits.

Which requests these are was written with each when it was accepted (Meta.followed), so that whatever
is changed or deleted later, each has exactly its lines. Functions that ever had such settings are
noted in the catalogue before the settings are saved: only their changes are looked at.

The journal is durable, and the position in it is kept in a file beside, once the lines before it are
in the sink. So a restart loses no line; after a crash between the two, the last group is written
twice. A position that cannot be kept is tried again without a line being repeated. A sink that fails
is tried again each second, or when it asks for it, and nothing is passed over meanwhile, as long as
the journal keeps it (retention.events_hours).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ...engine.engine import Engine
from ...engine.loop import Loop
from ...notices import Notices
from ...store.records import InvocationView, JournalEntry
from .log_files import private
from .log_line import Line, line
from .log_noted import Noted, noted
from .log_sink import NotSent, Sink

log = logging.getLogger("thence.api.functiongraph.status_log")

STEP = 200  # journal entries in one round
INTERVAL_SECONDS = 1.0
ASKED_SECONDS_MAX = 3600.0  # a sink may ask for so long a wait


class Follower:
    """One sink's way through the journal. place: the file of its position."""

    def __init__(
        self, sink: Sink, place: Path, engine: Engine, notices: Notices, region: str, project: str
    ) -> None:
        self.sink = sink
        self.lost = 0  # lines of requests that were not kept long enough
        self._place = place
        self._engine = engine
        self._region, self._project = region, project
        self._position: int | None = None  # all entries up to it are done; None: none ever was
        self._kept: int | None = None  # the same in the file
        self._looked = False  # whether the journal reaches so far
        self._left: Sequence[Line] = ()  # made of the next entries, not taken by the sink yet
        self._until = 0  # the last of these entries
        self._not_before = 0  # ms; the sink asked for it
        self._lock = asyncio.Lock()
        self.loop = Loop(
            f"status_log_{sink.name}",
            self.once,
            engine.clock,
            notices,
            interval_seconds=INTERVAL_SECONDS,
        )

    async def start(self) -> None:
        self._position = self._kept = await asyncio.to_thread(self._load)
        self.loop.start()

    async def stop(self) -> None:
        """A round under way is finished, so that its lines are not written twice; but what runs has
        the time of the shutdown, and not a sink that does not answer."""
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.sink.leave_seconds), self._lock:
                    pass
            await self.loop.stop()
        finally:
            await self.sink.close()

    async def begin(self) -> None:
        """From here on at the latest, once a function is noted. Raises StoreUnavailable, OSError."""
        if self._position is not None and noted(self._engine):
            return
        async with self._lock:
            _, high = await self._engine.events.bounds()
            if self._position is None or not noted(self._engine):
                self._position = high
                await self._keep(high)

    async def once(self) -> float | None:
        async with self._lock:
            return await self._round()

    # ------------------------------------------------------------ one round

    async def _round(self) -> float | None:
        families = noted(self._engine)
        if not families:
            return None
        wait = (self._not_before - self._engine.clock.now()) / 1000
        if wait > 0:
            return wait
        if self._position is None or not self._looked:
            self._position = await self._begin_at(self._position)
            self._looked = True
        more = bool(self._left)
        if not more:
            entries = await self._engine.events.entries(self._position, STEP)
            more = len(entries) == STEP
            if entries:
                self._say_gap(self._position, entries[0].seq)
                self._left = await self._lines(entries, families)
                self._until = entries[-1].seq
        if self._left:
            await self._give()
        self._position = max(self._position, self._until)
        if self._kept != self._position:
            await self._keep(self._position)
        return 0 if more else None

    async def _begin_at(self, position: int | None) -> int:
        """Not behind the end of the journal, or all would be passed over until it is there."""
        _, high = await self._engine.events.bounds()
        if position is None:
            return high  # a sink that was configured later begins here
        if position > high:
            log.error(
                "%s is of a later state of the store than this one (was an older copy put in its "
                "place?): the status log goes on from now",
                self._place,
            )
        return min(position, high)

    async def _give(self) -> None:
        try:
            await self.sink.write(self._left)
        except NotSent as error:
            self._left = self._left[error.done :]
            asked = min(error.retry_after_seconds or 0.0, ASKED_SECONDS_MAX)
            self._not_before = self._engine.clock.now() + round(asked * 1000)
            raise
        self._left = ()

    def _say_gap(self, position: int, first: int) -> None:
        if first > position + 1:
            log.error(
                "the status log lacks the journal's entries %d to %d: they were kept no longer "
                "(retention.events_hours)",
                position + 1,
                first - 1,
            )

    async def _lines(self, entries: list[JournalEntry], families: dict[int, Noted]) -> list[Line]:
        views: dict[int, InvocationView | None] = {}
        found = []
        for entry in entries:
            for change in entry.transitions:
                named = self._engine.functions.named(change.function_id)
                if named is None or named[1] not in families or change.delivery:
                    continue
                if change.id not in views:
                    views[change.id] = await self._engine.invocations.find(change.id)
                view = views[change.id]
                if view is None:
                    self._say_gone(change.id)
                elif families[named[1]].means(view):
                    made = line(view, change, self._region, self._project)
                    if made is not None:
                        found.append(made)
        return found

    def _say_gone(self, id: int) -> None:
        self.lost += 1
        log.error(
            "the status log lacks a change of %032x: its history was kept no longer "
            "(retention.history_days)",
            id,
        )

    # ------------------------------------------------------------ the position

    async def _keep(self, position: int) -> None:
        await asyncio.to_thread(self._save, position)
        self._kept = position

    def _save(self, position: int) -> None:
        self._place.parent.mkdir(mode=0o700, exist_ok=True)
        new = self._place.with_suffix(".new")
        with open(new, "w", opener=private) as file:
            file.write(str(position))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._place)

    def _load(self) -> int | None:
        try:
            return int(self._place.read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            log.error("%s holds no position; the status log goes on from now", self._place)
            return None
