"""How the embedded store is asked for and made."""

from __future__ import annotations

from ..driver import Driver, Wanted
from ..folder import STORE
from .look import look
from .store import SqliteStore

NAME = "sqlite"


def _takes(setting: str) -> bool:
    return setting == NAME


def _make(wanted: Wanted) -> SqliteStore:
    return SqliteStore(
        wanted.folder / STORE, fresh=wanted.fresh, held_to_the_end=wanted.held_to_the_end
    )


DRIVER = Driver(NAME, f"{NAME!r} (a database in the data directory)", _takes, _make, look)
