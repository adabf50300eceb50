"""What an ending owes: the deliveries of on_success and on_failure, by the configuration that counts
when it ends."""

from __future__ import annotations

from collections.abc import Callable

from ..catalog.destination import Destination
from ..lifecycle.ids import IdSource
from ..lifecycle.states import DEAD, State
from ..store.records import NewDelivery
from .lanes import Lane


class Owed:
    """key_of: whom a delivery is owed to; those of one key share limits and turns."""

    def __init__(self, ids: IdSource, key_of: Callable[[Destination], str]) -> None:
        self._ids = ids
        self._key_of = key_of

    def at_end(self, lane: Lane, alias: str, state: State, now: int) -> tuple[NewDelivery, ...]:
        """A stop owes one only where the configuration says so. `alias`: by which the call came."""
        config = lane.config(alias)
        if state is State.SUCCEEDED:
            target, condition = config.on_success, "success"
        elif state in DEAD or config.stop_notifies:
            target, condition = config.on_failure, "failure"
        else:
            return ()
        if target is None:
            return ()
        encoded, destination = target
        key = self._key_of(destination)
        return (NewDelivery(self._ids.next(now), key, encoded, condition, now),)
