"""In the instance: the hooks of a function, each run once in an instance's life.

The initializer runs inside the first run, which waits for it: where it fails, that run has failed
and the instance is of no use. The pre-stop hook runs when the node retires an idle instance.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import CoroutineType
from typing import Any

from ...wire import frames
from ...wire.setup import Setup
from .contracts.contract import INITIALIZE, PRE_STOP, Contract
from .failure import InitializerFault
from .handler import is_hopeless, load


class Hooks:
    """`finish` runs a coroutine to its end."""

    def __init__(
        self,
        setup: Setup,
        contract: Contract,
        words: memoryview[int],
        finish: Callable[[CoroutineType[Any, Any, Any]], Any],
    ) -> None:
        self._setup = setup
        self._contract = contract
        self._words = words
        self._finish = finish

    def initialize(self, make: Callable[[int], Any]) -> int:
        """Run the initializer with the context that `make(ends_ns)` gives. How long it took, in
        nanoseconds: the run that waited for it has that much more time. Raises InitializerFault,
        or what ends the process: MemoryError, SystemExit, KeyboardInterrupt."""
        name = self._setup.initializer
        seconds = self._setup.initializer_timeout_seconds
        self._contract.begin(INITIALIZE, make(_from_now(seconds)))
        at = time.monotonic_ns()
        failed = loading = True
        try:
            hook = load(name, self._setup.code_path, "initializer")
            loading = False
            at = self._words[frames.INITIALIZER_BEGAN_NS] = time.monotonic_ns()
            self._call(hook, make(_from_now(seconds)))
            failed = False
        except (MemoryError, SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # the user's own error, whatever its class
            kind, message, _ = self._contract.describe(error)
            raise InitializerFault(
                "InitializerFailed",
                f"the initializer {name!r} failed with {kind.decode()}: {message.decode()}",
                hopeless=loading and is_hopeless(error),
            ) from error
        finally:
            ended = self._words[frames.INITIALIZER_ENDED_NS] = time.monotonic_ns()
            self._contract.end(INITIALIZE, failed, (ended - at) // 1000)
        return ended - at

    def pre_stop(self) -> str:
        """Run the pre-stop hook. What is to be said of its failure; empty: it did not fail."""
        context = self._contract.context(
            self._setup,
            self._contract.pre_stop_id(),
            0,
            0,
            0,
            False,
            "",
            "",
            "",
            _from_now(self._setup.pre_stop_timeout_seconds),
        )
        self._contract.begin(PRE_STOP, context)
        at = time.monotonic_ns()
        said = ""
        try:
            hook = load(self._setup.pre_stop, self._setup.code_path, "pre_stop")
            self._call(hook, *((context,) if self._contract.pre_stop_takes_context else ()))
        except BaseException as error:  # the instance ends now, whatever it was
            kind, message, stack = self._contract.describe(error)
            said = f"{stack.decode()}{kind.decode()}: {message.decode()}"
        self._contract.end(PRE_STOP, bool(said), (time.monotonic_ns() - at) // 1000)
        return said

    def _call(self, hook: Callable[..., Any], *arguments: Any) -> None:
        returned = hook(*arguments)
        if isinstance(returned, CoroutineType):
            self._finish(returned)


def _from_now(seconds: float) -> int:
    return time.monotonic_ns() + int(seconds * 1e9)
