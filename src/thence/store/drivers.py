"""The store drivers, and which of them the setting `store` (THENCE_STORE) means.

A driver is a folder beside this file and one line in DRIVERS (docs/build/store-drivers.md). Only this
file, and who asks it (`server.py`, `thence verify`, `thence config --local`), know that there are several.
"""

from __future__ import annotations

from ..config import without_password
from ..errors import ConfigInvalid
from .driver import Driver, Wanted
from .interface import Store
from .sqlite.driver import DRIVER as SQLITE

DRIVERS: tuple[Driver, ...] = (SQLITE,)


def make_store(wanted: Wanted) -> Store:
    """The store that the setting means, not open yet. Raises StartupError."""
    return driver_of(wanted.setting).make(wanted)


def driver_of(setting: str) -> Driver:
    """The driver that the setting means. Raises ConfigInvalid."""
    for driver in DRIVERS:
        if driver.takes(setting):
            return driver
    shown = without_password(setting)
    raise ConfigInvalid(
        f"store: no driver of this version takes {shown!r}. Set store (THENCE_STORE) to "
        f"{' or '.join(driver.usage for driver in DRIVERS)}.",
        setting="store",
        value=shown,
    )
