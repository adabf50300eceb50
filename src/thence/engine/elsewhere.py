"""elsewhere: what other nodes have written is noticed here.

A round each second, where other nodes may have the store open (with SQLite none can, and there is no
such loop): what they changed of the catalogue, functions, versions, aliases, configurations, switches
and limits; lanes of which something waits, invocations that were lost before, and receivers to whom
something is owed, by whichever node it was written. Whatever is found is only noted, as if it had been
written here; who claims it first has it. Each question looks at a bounded number, from where the round
before ended, so that a round costs the same however many there are.

A wake of another node may make it sooner and may be lost; the round is the promise.
"""

from __future__ import annotations

from ..clock import Clock
from ..notices import Notices
from ..store.interface import Store
from .backlog import Backlog
from .catalogue import Catalogue
from .deliver import Deliver
from .lanes import Lanes
from .loop import Loop

SECONDS = 1.0
LOOKED_AT_MAX = 1000  # lanes, and receivers, of one round


class Elsewhere:
    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        lanes: Lanes,
        backlog: Backlog,
        deliver: Deliver,
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._lanes = lanes
        self._backlog = backlog
        self._deliver = deliver
        self._clock = clock
        self._function_id = 0  # where the last round ended
        self._receiver = ""
        self.loop = Loop("elsewhere", self.once, clock, notices, interval_seconds=SECONDS)

    async def once(self) -> float | None:
        await self._catalogue.refresh()
        await self._waiting()
        await self._suspects()
        await self._owed()
        return None

    async def _waiting(self) -> None:
        due = await self._store.due_functions(self._function_id, LOOKED_AT_MAX)
        self._function_id = max(due) if len(due) == LOOKED_AT_MAX else 0
        for function_id, due_at in due.items():
            lane = self._lanes.get(function_id)
            # (A lane that the catalogue does not know yet is found again, and known, the next time.)
            if lane is not None and due_at is not None:
                self._backlog.found(lane, due_at)

    async def _suspects(self) -> None:
        for function_id, due_at in (await self._store.suspects()).items():
            lane = self._lanes.get(function_id)
            if lane is not None:
                self._backlog.found_suspect(lane, due_at)

    async def _owed(self) -> None:
        owed = await self._store.receivers_owed(self._receiver, LOOKED_AT_MAX)
        self._receiver = max(owed) if len(owed) == LOOKED_AT_MAX else ""
        now = self._clock.now()
        for receiver, due_at in owed.items():
            self._deliver.note(receiver, due_at, now)
