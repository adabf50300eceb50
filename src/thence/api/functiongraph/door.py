"""The door of FunctionGraph, as the service knows it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from ...engine.stats import Stats
from ..metrics.tally import Tally
from ..shared.context import Context
from ..shared.door import Door, Mount
from .app import FunctionGraphApp
from .fast_path import FunctionGraphFastPath
from .log_route import log_route
from .notification import FORMS
from .state import FunctionGraphState


class FunctionGraphDoor(Door):
    name = "functiongraph"
    forms = FORMS
    contract = "functiongraph"
    once = frozenset({b"x-auth-token"})

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.state = FunctionGraphState(context)
        app = FunctionGraphApp(self.state)
        self.mounts = (Mount(app.takes, app),)
        self.fast_path = FunctionGraphFastPath(self.state)
        self.routes = (log_route(self.state),)

    async def start(self) -> None:
        await self.state.logs.start(self.context.engine, self.context.notices)

    async def stop(self) -> None:
        await self.state.logs.stop()

    def series(self, stats: Stats | None, tally: Tally) -> Iterator[Metric]:
        return self.state.logs.series(stats, tally)


DOOR = FunctionGraphDoor
