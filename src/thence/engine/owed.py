"""What an ending owes: the deliveries of on_success and on_failure, by the configuration that counts
when it ends."""

from __future__ import annotations

from ..lifecycle.ids import IdSource
from ..lifecycle.states import DEAD, State
from ..store.records import NewDelivery
from .lanes import Lane


class Owed:
    def __init__(self, ids: IdSource) -> None:
        self._ids = ids

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
        return (NewDelivery(self._ids.next(now), target.receiver, target.encoded, condition, now),)
