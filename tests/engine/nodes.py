"""Two services over the same data, in the same virtual time: what nodes mean to one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from thence.store.interface import Store
from thence.store.sqlite import SqliteStore
from thence.testing import Service
from thence.testing.watched import Outage


def _store_of(name: str) -> Any:
    def make(path: Path, inline: bool) -> Store:
        return SqliteStore(path, inline=inline, shared=name)

    return make


class Node(Service):
    """A service on a store that others have open too. beside: another node, with the same data, time
    and functions; its store may be away by itself."""

    def __init__(self, name: str, beside: Service | None = None, **options: Any) -> None:
        super().__init__(
            None if beside is None else beside.directory,
            seed=sum(name.encode()),
            make_store=_store_of(name),
            node_name=name,
            **options,
        )
        if beside is not None:
            self.clock, self.scripts, self.receivers = (
                beside.clock, beside.scripts, beside.receivers,
            )  # fmt: skip
            self.outage = Outage(self.clock)

    def vanish(self) -> None:
        """As a node that is cut off: nothing of it reaches the store any more, and it says no word."""
        self.incarnation.vanish()
