"""The stream of transitions: durable, in commit order, resumable.

Each commit appends its transitions to the journal as one entry; an event's id is
`<entry>.<position>`. A reader that comes back with the last id it saw goes on right behind it, also
after a restart of the server, as long as the journal keeps that entry
(`retention.events_hours`). Every reader reads from the store, STEP entries at a time, and holds no
more: one that is slow costs nothing but its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from msgspec import Struct

from ..errors import InvalidInput
from ..notices import Committed, Notices
from ..store.interface import Store
from ..store.records import JournalEntry, Transition

STEP = 200


class Event(Struct):
    """One transition with its place in the stream. `gap`: what came before is not kept any more; or,
    where it is `unknown`, this store never had the place that was asked for."""

    id: str
    transition: Transition | None
    gap: bool = False
    unknown: bool = False


def parse_event_id(text: str) -> tuple[int, int]:
    """`"12.3"` → (12, 3). Raises InvalidInput."""
    entry, _, position = text.partition(".")
    numbers = entry.isdecimal() and (position.isdecimal() or not position)
    if numbers and text.isascii() and len(text) <= 40:
        return int(entry), int(position or 0)
    raise InvalidInput(
        f"Last-Event-ID: {text[:60]!r} is not an id of this stream (like 12.3).",
        field="Last-Event-ID",
        value=text[:60],
    )


class Events:
    def __init__(self, store: Store, notices: Notices) -> None:
        self._store = store
        self._readers: set[asyncio.Event] = set()
        notices.on(Committed, self._committed)

    def _committed(self, notice: Committed) -> None:
        if notice.entry is not None:
            self.changed()

    def changed(self) -> None:
        """There is something new in the journal."""
        for reader in self._readers:
            reader.set()

    async def bounds(self) -> tuple[int, int]:
        """The lowest and the highest entry that is kept; (0, 0) when there is none."""
        return await self._store.journal_bounds()

    async def entries(self, after: int, limit: int) -> list[JournalEntry]:
        """Entries behind that one, in their order."""
        return await self._store.journal(after, limit)

    async def read(self, after: str | None) -> AsyncIterator[Event]:
        """Every event behind `after` (None: from now on), then those to come, without end."""
        wake = asyncio.Event()
        self._readers.add(wake)
        try:
            low, high = await self._store.journal_bounds()
            entry, position = (high, 1 << 30) if after is None else parse_event_id(after)
            if entry > high:
                # An id this store never gave: it belongs to another store.
                yield Event(f"{high}.{1 << 20}", None, gap=True, unknown=True)
                entry, position = high, 1 << 30
            elif low and entry < low - 1:
                yield Event(f"{low - 1}.0", None, gap=True)
                entry, position = low - 1, 1 << 30
            while True:
                wake.clear()
                # From one entry earlier: the reader may have seen only a part of it.
                found = await self._store.journal(entry - 1, STEP)
                if found and found[0].seq > entry + 1:
                    # Pruned behind the reader's back: it was slower than their retention.
                    entry, position = found[0].seq - 1, 1 << 30
                    yield Event(f"{entry}.0", None, gap=True)
                for journaled in found:
                    for index, transition in enumerate(journaled.transitions):
                        if (journaled.seq, index) > (entry, position):
                            yield Event(f"{journaled.seq}.{index}", transition)
                    if (journaled.seq, len(journaled.transitions)) > (entry, position):
                        entry, position = journaled.seq, len(journaled.transitions)
                if len(found) < STEP:
                    await wake.wait()
        finally:
            self._readers.discard(wake)
