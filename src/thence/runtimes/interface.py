"""The contract between the engine and whatever runs a function's code.

The engine hands over a `Run` only after its claim is committed, and gets exactly one `Ended` for
it, on the event loop, whatever happens. A runtime never retries and never touches the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

from ..catalog.function import Function
from ..lifecycle.outcome import Fault, Outcome


class Run(Struct, gc=False):
    """One attempt to be run."""

    id: int
    function: Function
    attempt: int
    payload: bytes
    accepted_at: int
    expires_at: int
    retries_used: int
    previous_may_have_run: bool  # an earlier one began, its ending is not known: handlers are told
    alone: bool  # suspected of killing its node: never shares an instance's queue
    done: Callable[[Run, Ended], None]
    content_type: str = ""
    traceparent: str = ""
    lease: int = 0  # the engine's own; a runtime carries it only
    spent: object = None  # the engine's own
    stops: int = 0  # the engine's own: asked of it, and not refused
    qualifier: str = ""  # what the call named, where it was not `function.version`
    measure: bool = False  # fill Ended.memory_bytes
    trial: bool = False  # the runtime's own: no call, see Runtime.trial
    aborted: bool = False  # the engine's own: stopped because its function was disabled
    ended: bool = False  # the engine's own: what it came to is on its way to the store
    due_at: int = 0  # the engine's own
    meta: object = None  # the engine's own: store.records.Meta


class Ended(Struct, gc=False):
    """How it ended. `result` is the JSON (or raw bytes) the function answered, None unless OK."""

    outcome: Outcome
    started_at: int | None = None  # ms; None: the function's code never began
    duration_us: int = 0
    result: bytes | None = None
    result_type: str = "application/json"
    error_type: str = ""
    error_message: str = ""
    error_stack: str = ""
    log: bytes | None = None  # captured output, bounded
    log_truncated: bool = False
    retry_after_seconds: float | None = None
    instance: str = ""
    fault: Fault | None = None  # what the runtime itself found; None: the user's code raised it
    hopeless: bool = False  # every other attempt would end so: it is not retried
    memory_bytes: int = 0  # the most the instance has used, where Run.measure asked; 0: not known
    function: Function | None = None  # the engine's own: which version answered a synchronous call

    def cut_off(self) -> None:
        """Our own shutdown ended it, nobody is at fault: a loss is told as that."""
        if self.outcome is Outcome.LOST:
            self.outcome = Outcome.DRAINED
            self.error_type = "NodeDrained"
            self.error_message = "The node shut down before the function was done."


Found = Literal[
    "ok",
    "no_module",
    "no_function",
    "dependency",
    "syntax",
    "import",
    "arguments",
    "raised",
    "unknown",
]
"""What a trial found. `no_module`, `no_function`: the code has not what the configuration names.
`dependency`: a module that the code imports is not there. `syntax`, `import`: SyntaxError, another
ImportError. `arguments`: the handler does not take two. `raised`: the import raised something else, or ended the process. `unknown`: it could
not be tried, or did not end."""


class Trial(Struct, frozen=True, kw_only=True):
    """What loading a function's code came to."""

    found: Found = "ok"
    setting: str = ""  # handler, initializer or pre_stop: which of them could not be loaded
    missing: str = ""  # the module that is not there
    error_type: str = ""
    error_message: str = ""
    error_stack: str = ""


class Occupancy(Struct, frozen=True):
    """How much of the node is held. What is promised counts as held."""

    instances_max: int
    in_use: int  # instances that work; those that wait for work make way for others
    holders: int  # functions, each with all its versions, that hold any
    kept_free: int  # of instances_max: only for functions that hold none
    kept_short: int  # of kept_free: only for those whose runs are short


def kept_free(instances_max: int, percent: int) -> int:
    """How many instances that is: at least one unless it is 0, and one always remains for functions
    that hold something."""
    if percent <= 0:
        return 0
    return min(max(1, instances_max * percent // 100), instances_max - 1)


SHORT_US = 1_000_000  # mean duration of runs that count as short


def kept_short(kept_free: int) -> int:
    """How many of those that are kept free only short runs may take: a quarter, and none of a single
    one. Else many functions with long runs, each of which holds nothing now and then, would take all."""
    return max(1, kept_free // 4) if kept_free > 1 else 0


class Runtime(Protocol):
    async def start(self) -> None:
        """Be ready to run; raises StartupError with a sentence when that is impossible."""
        ...

    def room(self, function: Function, alone: bool = False) -> int:
        """How many more runs of this function may be handed over now, beyond what is promised to
        it. Never more than its `concurrency` slots being run at once; a few more may wait inside
        fast instances, so that frames travel many at a time. 0 at the function's or the node's
        limit: what promised runs of others will take of the node is not offered, nor to a function
        that holds instances what is kept free for those that hold none, nor to one with long runs
        what is kept for short ones. `alone`: for runs that share no instance; what is kept free is
        there for them."""
        ...

    def promise(self, function: Function, number: int) -> None:
        """So many runs of the function are on their way; below 0: they have come, or never will."""
        ...

    def crowded(self, function: Function) -> bool:
        """Whether it is the node, and not the function's own limit, that keeps more of its runs
        from being handed over now."""
        ...

    def held(self, function: Function) -> int:
        """Instances that work or are promised, of all versions of the function together."""
        ...

    def short(self, function: Function) -> bool:
        """Whether its runs are known to end within SHORT_US in the mean."""
        ...

    def occupancy(self) -> Occupancy:
        """How much of the node is held now."""
        ...

    def submit(self, run: Run) -> None:
        """Take a run (there was room for it). Never raises, never blocks; `run.done` tells."""
        ...

    def stop(self, id: int) -> bool:
        """End the attempt of that invocation now (the process is ended if it is running it);
        `done` is called with STOPPED. False: it is not here any more."""
        ...

    def begun(self, id: int) -> bool:
        """Whether the function's code has begun with that invocation; False also when it is not
        here."""
        ...

    async def trial(self, function: Function) -> Trial:
        """Load the function's code once, in an instance of its own that serves no call and is ended
        then, as the first call would: modules are imported, handlers and hooks looked up, none of
        them is called. Never raises; bounded in time."""
        ...

    def limits(self, function: Function) -> tuple[int, int]:
        """(slots in use, slots allowed now): what "function limit 5/5" shows."""
        ...

    def on_room(self, callback: Callable[[int], None]) -> None:
        """`callback(function_id)` when a run of that function has ended or one of its instances has
        come up or gone (coalesced is fine): there may be more room for it, and so for others."""
        ...

    def forget(self, function_id: int) -> None:
        """The function was changed or deleted: idle instances of older revisions are retired now,
        busy ones when they are done."""
        ...

    async def drain(self, seconds: float) -> None:
        """Wait up to `seconds` for what runs; then every remaining run ends as LOST (begun) or
        NOT_STARTED. Runs that have not begun are ended as NOT_STARTED at once."""
        ...

    async def close(self) -> None:
        """End every instance. Idempotent; no `done` is called after it returns."""
        ...
