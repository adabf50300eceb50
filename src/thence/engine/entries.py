"""Entries of the catalogue, in memory as they are in the store: aliases, asynchronous
configurations, controls, and what vendors' doors keep."""

from __future__ import annotations

import asyncio

from ..catalog.entry import Entry
from ..clock import Clock
from ..store.interface import Store

ALIAS, ASYNC_CONFIG, CONTROL = "alias", "async_config", "control"
VERSION_NUMBER = "version_number"  # the highest that a function has had
DELETED = "deleted_configs"  # what was configured of what is deleted, while something waits
GONE_ALIAS = "gone_alias_config"  # of a deleted alias: what came by it may wait still
OWN = frozenset({ALIAS, ASYNC_CONFIG, CONTROL, VERSION_NUMBER, DELETED, GONE_ALIAS})
"""Kinds that the engine itself keeps; doors have others."""


class Entries:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kinds: dict[str, dict[str, dict[str, Entry]]] = {}  # by kind, owner and name
        # One change at a time, so that memory sees them in the order in which the store does.
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        for entry in await self._store.entries():
            self._keep(entry)

    def get(self, kind: str, owner: str, name: str) -> Entry | None:
        return self._kinds.get(kind, {}).get(owner, {}).get(name)

    def all(self, kind: str, owner: str | None = None) -> list[Entry]:
        """Those of one kind, of one owner or of all, by owner and name. Those of one owner cost
        nothing for all the others."""
        owners = self._kinds.get(kind, {})
        chosen = sorted(owners) if owner is None else [owner] if owner in owners else []
        return [owners[one][name] for one in chosen for name in sorted(owners[one])]

    async def put(self, kind: str, owner: str, name: str, data: bytes) -> Entry:
        """Create or replace. Raises StoreUnavailable; then nothing is changed."""
        async with self._lock:
            entry = await self._store.put_entry(kind, owner, name, data, self._clock.now())
            self._keep(entry)
            return entry

    async def delete(self, kind: str, owner: str, name: str) -> bool:
        """False: there was none. Raises StoreUnavailable; then nothing is changed."""
        async with self._lock:
            deleted = await self._store.delete_entry(kind, owner, name)
            owners = self._kinds.get(kind, {})
            owners.get(owner, {}).pop(name, None)
            if not owners.get(owner, True):
                del owners[owner]
            return deleted

    def forget(self, owner: str) -> None:
        """The store has deleted all that belonged to that owner."""
        for owners in self._kinds.values():
            owners.pop(owner, None)

    def _keep(self, entry: Entry) -> None:
        owners = self._kinds.setdefault(entry.kind, {})
        owners.setdefault(entry.owner, {})[entry.name] = entry
