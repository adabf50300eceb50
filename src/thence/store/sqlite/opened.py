"""An open store, for the parts of the driver that ask it."""

from __future__ import annotations

from ...errors import StoreUnavailable
from .work import Work


class Opened:
    _open: Work | None = None

    @property
    def work(self) -> Work:
        """The threads and connections behind it: for the parts of the driver, and for tests that look
        at the database itself."""
        if self._open is None:
            raise StoreUnavailable("The store is not open.")
        return self._open
