"""What the engine does when its store is damaged, away, or back."""

from __future__ import annotations

import logging

from ..errors import StoreDamaged, StoreUnavailable
from ..notices import Notices, StoreBack, StoreHit, StoreLost
from .tasks import Tasks
from .wiring import Parts

log = logging.getLogger("thence.engine")


class StoreWatch:
    def __init__(self, parts: Parts, notices: Notices) -> None:
        self._parts = parts
        self._notices = notices
        self._tasks = Tasks()
        notices.on(StoreBack, self._store_back)
        notices.on(StoreLost, self._store_lost)
        parts.store.on_damage(self._damaged)
        parts.store.on_unwritten(parts.writer.outage.unwritten)

    def _damaged(self, error: StoreDamaged) -> None:
        self._parts.writer.outage.condemn(error)
        tables = tuple(error.fields["tables"])
        self._notices.publish(StoreHit(error.detail, tables))
        if not tables:
            self._tasks.spawn(self._find_damage(error))

    async def _find_damage(self, error: StoreDamaged) -> None:
        """Say which tables are hit, as soon as that is known."""
        try:
            known = await self._parts.store.find_damage(error)
        except StoreUnavailable as unread:
            log.warning("the damaged tables could not be looked for: %s", unread.detail)
            return
        if not known.fields["tables"]:
            return
        self._parts.writer.outage.condemn(known)
        self._notices.publish(StoreHit(known.detail, tuple(known.fields["tables"])))

    def _store_lost(self, _: StoreLost) -> None:
        if self._parts.room.full:
            self._parts.prune.loop.wake()  # what may go makes room

    def _store_back(self, _: StoreBack) -> None:
        # What was refused meanwhile is asked again; the lease first, so that what still runs here
        # is not taken for lost.
        for loop in (
            self._parts.node.loop,
            self._parts.rescue.loop,
            self._parts.expire.loop,
            self._parts.retire.loop,
        ):
            loop.wake()
        self._parts.suspects.loop.wake()
        self._parts.dispatch.pump()
