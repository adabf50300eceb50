"""Entries of the catalogue, in memory as they are in the store: aliases, asynchronous
configurations, controls, and what vendors' doors keep."""

from __future__ import annotations

from collections.abc import Iterable

from ..catalog.entry import Entry

ALIAS, ASYNC_CONFIG, CONTROL = "alias", "async_config", "control"
VERSION_NUMBER = "version_number"  # the highest that a function has had
DELETED = "deleted_configs"  # what was configured of what is deleted, while something waits
GONE_ALIAS = "gone_alias_config"  # of a deleted alias: what came by it may wait still
OWN = frozenset({ALIAS, ASYNC_CONFIG, CONTROL, VERSION_NUMBER, DELETED, GONE_ALIAS})
"""Kinds that the engine itself keeps; doors have others."""


class Entries:
    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, dict[str, Entry]]] = {}  # by kind, owner and name

    def replace(self, entries: Iterable[Entry]) -> None:
        """These are all there are."""
        self._kinds = {}
        for entry in entries:
            self.keep(entry)

    def get(self, kind: str, owner: str, name: str) -> Entry | None:
        return self._kinds.get(kind, {}).get(owner, {}).get(name)

    def all(self, kind: str, owner: str | None = None) -> list[Entry]:
        """Those of one kind, of one owner or of all, by owner and name. Those of one owner cost
        nothing for all the others."""
        owners = self._kinds.get(kind, {})
        chosen = sorted(owners) if owner is None else [owner] if owner in owners else []
        return [owners[whose][name] for whose in chosen for name in sorted(owners[whose])]

    def keep(self, entry: Entry) -> None:
        owners = self._kinds.setdefault(entry.kind, {})
        owners.setdefault(entry.owner, {})[entry.name] = entry

    def drop(self, kind: str, owner: str, name: str) -> None:
        owners = self._kinds.get(kind, {})
        owners.get(owner, {}).pop(name, None)
        if not owners.get(owner, True):
            del owners[owner]

    def forget(self, owner: str) -> None:
        """All that belonged to that owner is deleted."""
        for owners in self._kinds.values():
            owners.pop(owner, None)
