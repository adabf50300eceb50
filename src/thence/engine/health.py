"""Whether the service can work, and what it works with: for probes, metrics and refusals."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import StoreUnavailable
from ..runtimes.interface import Occupancy, Runtime
from .dispatch import Dispatch
from .room import Room
from .tend import Tend
from .writer import Writer


class Health:
    def __init__(
        self,
        room: Room,
        writer: Writer,
        dispatch: Dispatch,
        runtime: Runtime,
        tend: Tend,
        *,
        draining: Callable[[], bool],
    ) -> None:
        self._room = room
        self._writer = writer
        self._dispatch = dispatch
        self._runtime = runtime
        self._tend = tend
        self._draining = draining

    @property
    def draining(self) -> bool:
        """The service is shutting down: it takes nothing any more."""
        return self._draining()

    # ------------------------------------------------------------ the store and its disk

    @property
    def store_down(self) -> bool:
        """The store cannot be written now; see `refusal`."""
        return self._writer.outage.down

    @property
    def store_damaged(self) -> bool:
        """Damage was found in the store: it stays down until the service is started anew."""
        return self._writer.outage.damaged is not None

    @property
    def disk_full(self) -> bool:
        """Nothing new is taken until there is room."""
        return self._room.full

    def refusal(self) -> StoreUnavailable:
        """Why nothing is taken while the store is down, and what to do."""
        return self._writer.outage.refusal()

    @property
    def disk_free_bytes(self) -> int | None:
        """On the data directory's disk; None: it cannot be looked at."""
        return self._room.free_bytes()

    @property
    def disk_reserve_bytes(self) -> int | None:
        """Kept back for a full disk; None: there is no disk to look at."""
        return self._room.reserve_bytes()

    @property
    def store_log_bytes(self) -> int:
        """Written to the store's log and not in its place yet."""
        return self._tend.log_bytes

    # ------------------------------------------------------------ instances

    def occupancy(self) -> Occupancy:
        """How much of the node's instances is in use."""
        return self._runtime.occupancy()

    @property
    def functions_in_line(self) -> int:
        """Functions that could run more if the node had an instance for them."""
        return len(self._dispatch.node_queue)
