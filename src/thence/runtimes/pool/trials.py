"""Trials: a function's code is loaded once in an instance of its own, before it is deployed.

Such an instance is no part of the function's lane and takes no slot of the node: on a full node a
deployment can still be tried. AT_ONCE_MAX bounds them instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from ...catalog.function import Function
from ...lifecycle.outcome import Outcome
from ..interface import Ended, Run, Trial

AT_ONCE_MAX = 2
LOAD_SECONDS_MAX = 20.0


class Trials:
    """`submit` puts a run into an instance that serves nothing else; it may raise."""

    def __init__(self, submit: Callable[[Run], None]) -> None:
        self._submit = submit
        self._turn = asyncio.Semaphore(AT_ONCE_MAX)

    async def load(self, function: Function, now: int) -> Trial:
        """See Runtime.trial. now: ms."""
        async with self._turn:
            future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

            def done(run: Run, ended: Ended) -> None:
                if not future.done():
                    future.set_result(ended)

            run = Run(0, plain(function), 1, _names(function), now, now, 0, False, True, done)
            run.trial = True
            try:
                self._submit(run)
            except Exception as error:  # no instance, whatever the reason: nothing is known then
                return Trial(found="unknown", error_message=str(error))
            return read(await future)


def plain(function: Function) -> Function:
    """The function as a trial has it: its hooks are loaded and not run, its time is a trial's."""
    spec = replace(function.spec, initializer="", pre_stop="", timeout_seconds=LOAD_SECONDS_MAX)
    return replace(function, spec=spec)


def _names(function: Function) -> bytes:
    spec = function.spec
    named = {"handler": spec.handler, "initializer": spec.initializer, "pre_stop": spec.pre_stop}
    return msgspec.json.encode({setting: name for setting, name in named.items() if name})


def read(ended: Ended) -> Trial:
    """What the ending of a trial says."""
    if ended.outcome is Outcome.OK:
        try:
            return msgspec.json.decode(ended.result or b"{}", type=Trial)
        except msgspec.MsgspecError as error:
            # The code that was imported runs in the same process and may have answered itself.
            return Trial(found="unknown", error_message=f"its answer cannot be read ({error})")
    message = ended.error_message
    if ended.outcome is Outcome.TIMED_OUT:
        message = f"its code was not loaded within {LOAD_SECONDS_MAX:g} s"
    ran = ended.outcome in (Outcome.CRASHED, Outcome.OUT_OF_MEMORY, Outcome.FUNCTION_ERROR)
    return Trial(
        found="raised" if ran else "unknown",
        setting="handler",
        error_type=ended.error_type,
        error_message=message or f"the node ended it ({ended.outcome})",
        error_stack=ended.error_stack,
    )
