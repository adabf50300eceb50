"""The contract between the pool and whatever starts the processes of a runtime.

An instance is a process with three descriptors that the pool has made: a socket for frames, a file
that takes its output, and a page of shared memory (wire/frames.py). A launcher makes that process,
says which it is, and says when it is gone; it alone may end it, for it alone knows whether a process
id is still that of its child. It never counts, waits for or chooses instances: that is the pool's.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec import Struct

from .sandbox.confine import CLOSED, READABLE
from .wire.setup import Setup


class Descriptors(NamedTuple):
    """What the process of an instance gets, in this order."""

    socket: int  # the launcher's from then on, as `words` is: it closes both
    output: int  # the pool's: it stays open
    words: int


class SandboxFolders(Struct, frozen=True):
    """What functions shall not see: the folder `closed`, but for the folder `readable` in it. Both
    are absolute, without links."""

    closed: Path
    readable: Path

    def environment(self) -> dict[str, str]:
        """As the process that starts instances is told of it (sandbox/confine.py)."""
        return {CLOSED: str(self.closed), READABLE: str(self.readable)}


class LauncherEvents(Protocol):
    """Who is told what became of the instances: the pool. Only ever called on the event loop, and
    never from inside a call of the launcher's own methods."""

    def instance_started(self, number: int, pid: int) -> None:
        """That instance has a process. It may have said that it is ready before."""
        ...

    def instance_ended(
        self, number: int, status: int | None, error: str = "", peak_bytes: int = 0
    ) -> None:
        """Its process is gone, and so is all that it had started. `status` as waitpid gives it; None:
        it never became a process, `error` says why. `peak_bytes`: the most memory it has held; 0:
        not known. Said exactly once of every instance that was asked for, unless the launcher is
        lost or closed."""
        ...

    def launcher_lost(self, launcher: Launcher, sentence: str, all_ended: bool) -> None:
        """Every instance of that launcher has ended, because what started them has; `all_ended`: and
        with them all that they had started."""
        ...


class Launcher(Protocol):
    """Starts the processes of one runtime on this node."""

    async def prepare(self, seconds: float) -> None:
        """Be ready to start instances, within so many seconds. Called once, before all else. Raises
        StartupError with a sentence that says what to do."""
        ...

    def start(self, setup: Setup, descriptors: Descriptors) -> None:
        """Start an instance. Its socket and its shared words are closed here as soon as the process
        has them, or when there will be none. Does not block. Raises OSError where no process can be
        had; then nothing was closed, and nobody is told of that number."""
        ...

    def kill(self, number: int) -> None:
        """End that instance now, with all that it has started; its end is told as any other. Numbers
        that are unknown, or of instances that are gone, are ignored."""
        ...

    async def close(self) -> None:
        """End every instance and whatever starts them. Idempotent; nobody is told any more when it
        returns."""
        ...


class MakeLauncher(Protocol):
    def __call__(self, events: LauncherEvents, sandbox: SandboxFolders | None) -> Launcher:
        """Nothing is started yet. `sandbox`: None where all folders stay open."""
        ...
