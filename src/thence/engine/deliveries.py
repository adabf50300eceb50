"""What doors ask of deliveries. They are changed by `redrive` and `stop` only."""

from __future__ import annotations

from ..store.interface import Store
from ..store.records import DeliveryView, Page


class Deliveries:
    """Each question may raise StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, id: int) -> DeliveryView | None:
        """None: there is none of that id, or its retention has ended."""
        return await self._store.delivery(id)

    async def page(
        self, state: str | None, function_id: int | None, limit: int, cursor: str | None
    ) -> Page:
        """DeliveryView items in that state (None: in any), newest first. `function_id`: of that
        function in all its versions. Raises InvalidInput for a cursor that is none."""
        return await self._store.deliveries(state, function_id, limit, cursor)
