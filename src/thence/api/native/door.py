"""The native door: the routes of `/v1`, and the fast path of accepts."""

from __future__ import annotations

from ..shared.context import Context
from ..shared.door import Door
from .fast_path import NativeFastPath
from .table import ROUTES


class NativeDoor(Door):
    name = "native"
    routes = ROUTES

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.fast_path = NativeFastPath(context)


DOOR = NativeDoor
