"""Whether there is room for a file beside the store: asked by whoever writes one, and told when one could
not be written. The engine answers (engine/room.py); where nobody looks after the disk there always is."""

from __future__ import annotations

from .errors import StoreUnavailable


class Space:
    def check(self) -> None:
        """Before a file is written. Raises StoreUnavailable while nothing new may be."""

    def short(self, error: StoreUnavailable) -> StoreUnavailable:
        """A file could not be written, for the reason that `error` tells (`errno` in its fields). What to
        raise: where the disk is full that says how much is free, and everybody is told so."""
        return error
