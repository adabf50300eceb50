"""From the journal to a sink of the status log: every change of the requests of functions whose
settings ask for it, in the order of the commits.

The journal is durable and the position in it is kept in a file beside, once the lines before it are
in the sink. So a restart loses no line; after a crash between the two, the last group is written
twice. A sink that fails is tried again each second, and nothing is passed over meanwhile, as long as
the journal keeps it (retention.events_hours). Which settings count is looked up when a line is
written, which is within about a second.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from ...catalog.async_config import AsyncConfig
from ...engine.engine import Engine
from ...engine.entries import DELETED
from ...engine.loop import Loop
from ...notices import Notices
from ...store.records import InvocationView, JournalEntry
from .log_line import Line, line

log = logging.getLogger("thence.api.functiongraph.status_log")

DOOR = "functiongraph"
STEP = 200  # journal entries in one round
INTERVAL_SECONDS = 1.0

On = dict[int, set[str]]
"""The qualifiers whose settings ask for lines, by family."""


class Sink(Protocol):
    name: str

    async def write(self, lines: Sequence[Line]) -> None:
        """Return when they are kept. Raises whatever went wrong; they are given again then."""
        ...

    async def close(self) -> None: ...


class Follower:
    """One sink's way through the journal. place: the file of its position."""

    def __init__(
        self, sink: Sink, place: Path, engine: Engine, notices: Notices, region: str, project: str
    ) -> None:
        self._sink = sink
        self._place = place
        self._engine = engine
        self._region, self._project = region, project
        self._position: int | None = None  # all entries up to it are done; None: nobody wants any
        self._lock = asyncio.Lock()
        self.loop = Loop(
            f"status_log_{sink.name}",
            self.once,
            engine.clock,
            notices,
            interval_seconds=INTERVAL_SECONDS,
        )

    async def start(self) -> None:
        self._position = await asyncio.to_thread(self._load)
        self.loop.start()

    async def stop(self) -> None:
        """A round under way is finished, so that its lines are not written twice."""
        async with self._lock:
            await self.loop.stop()
        await self._sink.close()

    async def begin(self) -> None:
        """From here on at the latest. Raises StoreUnavailable, OSError."""
        async with self._lock:
            if self._position is None:
                _, high = await self._engine.store.journal_bounds()
                await self._keep(high)

    async def once(self) -> float | None:
        async with self._lock:
            return await self._round()

    # ------------------------------------------------------------ one round

    async def _round(self) -> float | None:
        on = wanted(self._engine)
        if not on:
            if self._position is not None:
                await asyncio.to_thread(self._place.unlink, missing_ok=True)
                self._position = None
            return None
        if self._position is None:
            _, self._position = await self._engine.store.journal_bounds()
        entries = await self._engine.store.journal(self._position, STEP)
        if not entries:
            return None
        if entries[0].seq > self._position + 1:
            log.error(
                "the status log lacks the journal's entries %d to %d: they were kept no longer "
                "(retention.events_hours)",
                self._position + 1,
                entries[0].seq - 1,
            )
        lines = await self._lines(entries, on)
        if lines:
            await self._sink.write(lines)
        await self._keep(entries[-1].seq)
        return 0 if len(entries) == STEP else None

    async def _lines(self, entries: list[JournalEntry], on: On) -> list[Line]:
        views: dict[int, InvocationView | None] = {}
        found = []
        for entry in entries:
            for change in entry.transitions:
                lane = self._engine.lanes.get(change.function_id)
                if lane is None or lane.family.id not in on or change.delivery:
                    continue
                if change.id not in views:
                    views[change.id] = await self._engine.store.invocation(change.id)
                view = views[change.id]
                if view is None or view.qualifier not in on[lane.family.id]:
                    continue
                one = line(view, change, self._region, self._project)
                if one is not None:
                    found.append(one)
        return found

    # ------------------------------------------------------------ the position

    async def _keep(self, position: int) -> None:
        await asyncio.to_thread(self._save, position)
        self._position = position

    def _save(self, position: int) -> None:
        self._place.parent.mkdir(mode=0o700, exist_ok=True)
        new = self._place.with_suffix(".new")
        with open(new, "w") as file:
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


def wanted(engine: Engine) -> On:
    """What is configured now, and what was of functions and versions that are deleted but still have
    requests."""
    on: On = {}
    for family in engine.lanes.families():
        _add(on, family.id, family.written)
    for entry in engine.entries(DELETED):
        _add(on, int(entry.name), msgspec.json.decode(entry.data, type=dict[str, AsyncConfig]))
    return on


def _add(on: On, family: int, written: dict[str, AsyncConfig]) -> None:
    found = {
        name for name, one in written.items() if one.attributes.get(DOOR, {}).get("status_log")
    }
    if found:
        on.setdefault(family, set()).update(found)
