"""Telling the engine how runs ended: each exactly once, on the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from ...lifecycle.outcome import Outcome
from ..interface import Ended, Run
from .wait_until import WaitUntil

log = logging.getLogger("thence.runtimes")


class Done:
    """`wait` is looked at whenever a run has ended."""

    def __init__(self, wait: WaitUntil) -> None:
        self._wait = wait
        self.closed = False  # nobody is told any more

    def tell(self, run: Run, ended: Ended) -> None:
        try:
            run.done(run, ended)
        except Exception:
            # The engine's mistake with one run must not keep the others from being told.
            log.exception("the end of a run could not be taken in")
        if self._wait.waiting:
            self._wait.look()

    def tell_soon(self, run: Run, ended: Ended) -> None:
        """Not from inside the engine's own call."""
        asyncio.get_running_loop().call_soon(self._tell_unless_closed, run, ended)

    def give_back(self, runs: Iterable[Run]) -> None:
        """They were never begun."""
        for run in runs:
            self.tell_soon(run, Ended(Outcome.NOT_STARTED))

    def _tell_unless_closed(self, run: Run, ended: Ended) -> None:
        if not self.closed:
            self.tell(run, ended)
