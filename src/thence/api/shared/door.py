"""What a door is: one interface of the service over HTTP. It has a folder of its own and one line in
`api/doors.py`; whatever serves all doors loops over that list.

The folder has a module `door` with a subclass of `Door` called `DOOR`. All but `name` may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from msgspec import Struct
from prometheus_client.core import Metric
from starlette.types import ASGIApp, Scope

from ...config import Settings
from ...destinations.forms import Form
from ...engine.stats import Stats
from ..metrics.tally import Tally
from .context import Context
from .fast_path import FastPath
from .rest.route import Route


class Mount(Struct, frozen=True):
    """An application and the requests that are its own.

    any_host: it is asked before those that look at paths, and may be asked for under any `Host`: it
    judges itself who asks. Else requests of other sites' pages are refused before it.
    """

    takes: Callable[[Scope], bool]
    app: ASGIApp
    any_host: bool = False


class Door:
    """One door of one service. The engine has not started yet where it is made."""

    name: ClassVar[str]
    contract: ClassVar[str] = ""
    """Of the handlers of functions that are made at it, where the contract is its own."""
    forms: ClassVar[Mapping[str, Form]] = {}
    """What records may look like that it brings, by the name that a destination writes."""
    mounts: tuple[Mount, ...] = ()
    fast_path: FastPath | None = None
    once: frozenset[bytes] = frozenset()
    """Headers (in lower case) of which a second one is refused: they say who asks."""
    routes: tuple[Route, ...] = ()
    """Those that it adds to `/v1`."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @classmethod
    def platform_wait_cap_seconds(cls, settings: Settings) -> float | None:
        """Longest wait before an attempt that follows platform errors, of functions of its contract;
        0 is none. None: as for all others."""
        return None

    async def start(self) -> None:
        """The engine has started; no request is answered yet. Raises StartupError."""

    async def stop(self) -> None:
        """The service shuts down; the engine still runs. Idempotent."""

    def series(self, stats: Stats | None, tally: Tally) -> Iterator[Metric]:
        """For Prometheus. stats: of the store, None where it cannot be read."""
        return iter(())

    def function_series(self, stats: Stats | None, tally: Tally) -> Iterator[Metric]:
        """Those with a line or more for each function: called in a thread, for some functions at a
        time. It reads what it is given and nothing else."""
        return iter(())
