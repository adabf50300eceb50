"""Controls: the limit over all versions of a function, and the switch that disables it."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ..catalog.changes import briefs
from ..catalog.control import Control
from .catalogue import Catalogue
from .configs import checked
from .entries import CONTROL
from .family import Family
from .lanes import Lane


class Controls:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def get(self, name: str) -> Control:
        """Raises FunctionNotFound."""
        return self._catalogue.family(name).control

    async def put(self, name: str, control: Control) -> tuple[Family[Lane], Control]:
        """From its commit on it counts for all that begins. Raises FunctionNotFound, InvalidInput."""
        catalogue = self._catalogue
        control = replace(checked(Control, control), updated_at=catalogue.clock.now())
        async with catalogue.lock:
            family = catalogue.family(name)
            fields = briefs(family.control, control)
            await catalogue.entries.put(CONTROL, str(family.id), "", msgspec.json.encode(control))
            family.take(control)
            if control.disabled is not None:
                # What waits now waits for the switch, not for room: no budget of time is used up.
                for lane in family.lanes:
                    lane.throttled_since = None
        catalogue.changed(name, fields)
        return family, control
