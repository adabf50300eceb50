"""One instance: its connection, and what the pool knows of it."""

from __future__ import annotations

import os
from typing import Protocol

from ...catalog.function import Function
from ...lifecycle.outcome import Outcome
from ..launcher import Launcher
from .answer import Answer
from .connection import Connection
from .lane import Lane


class Listener(Protocol):
    """Who is told what an instance says."""

    def answered(self, instance: Instance, answers: list[Answer]) -> None: ...

    def disconnected(self, instance: Instance, why: str) -> None:
        """It closed its socket, as ending processes do (`why` is empty), or made a protocol error: it
        can only be ended."""
        ...


class Instance(Connection):
    """One process, or one that is being started."""

    def __init__(
        self,
        number: int,
        function: Function,
        lane: Lane[Instance],
        launcher: Launcher,
        listener: Listener,
        now: int,
        answer_bytes_max: int,
    ) -> None:
        """OSError when the system has no more descriptors or memory."""
        super().__init__(answer_bytes_max)
        self.number = number
        self.name = f"instance-{number}"
        self.function = function
        self.lane = lane
        self.launcher = launcher
        self._listener = listener
        self.created_at = now
        self.since = now  # ms: when the first of the queue could begin, or when it became idle
        # ---- its process
        self.pid = 0
        self.ready = False
        self.start_given_up = False  # it took too long to come up
        self.failure = ""  # why it could not be set up, or its pre-stop hook was ended
        self.peak_bytes = 0  # the most memory it has held; known when it is gone
        self.memory_limit_bytes = 0
        self.statm = -1
        # ---- where it stands in the books
        self.counted = True  # holds a slot of its function and of the node
        self.shut = False  # takes no more runs, at least until its queue is empty
        self.retiring = False  # ends when its queue is empty
        # ---- its end
        self.ending = False  # has been told to end, or said that it does
        self.end_reason = "crashed"  # of the notice
        self.verdict: Outcome | None = None  # when we end it: how the run in question ended
        self.verdict_on = 0  # that run's sequence number
        self.verdict_message = ""
        self.verdict_type = ""  # the error type; empty: that of the outcome
        # ---- its hooks
        self.initialized = False  # its initializer is known to have ended
        self.initializing_since = 0  # ms: when the initializer was first seen to run
        self.pre_stop_until = 0  # ms: its pre-stop hook runs, and is ended then

    def _answered(self, answers: list[Answer]) -> None:
        self._listener.answered(self, answers)

    def _disconnected(self, why: str) -> None:
        self._listener.disconnected(self, why)

    def close(self) -> None:
        """Give back what the node holds of it. Idempotent."""
        super().close()
        if self.statm >= 0:
            os.close(self.statm)
            self.statm = -1
