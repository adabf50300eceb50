"""A pool of real processes with a clock that stands still until a test moves it.

Handlers tell the test how far they are, and wait for it, through named pipes: nothing here depends
on how fast the machine is.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import select
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from thence.catalog.function import Function, FunctionSpec
from thence.clock import ClockMark
from thence.notices import Notice, Notices
from thence.runtimes.interface import Ended, Run
from thence.runtimes.kinds import KINDS
from thence.runtimes.pool.pool import Pool

PATIENCE_SECONDS = 30


class StillClock:
    """Stands at one instant until `advance`."""

    def __init__(self) -> None:
        self._now = 1_800_000_000_000
        self._timers: list[tuple[int, int, StillTimer]] = []
        self._made = 0
        self.somebody_sleeps = asyncio.Event()

    def now(self) -> int:
        return self._now

    def wall(self) -> int:
        return self._now

    def sure(self) -> int:
        return self._now

    def begin(self, mark: ClockMark | None, floor: int) -> int:
        return 0

    def mark(self) -> ClockMark:
        return ClockMark(self._now, self._now)

    def call_at(self, when_ms: int, callback: Callable[[], None]) -> StillTimer:
        timer = StillTimer(callback)
        self._made += 1
        heapq.heappush(self._timers, (when_ms, self._made, timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        self.somebody_sleeps.set()
        woken = asyncio.Event()
        self.call_at(self._now + int(seconds * 1000), woken.set)
        await woken.wait()

    def advance(self, seconds: float) -> None:
        until = self._now + int(seconds * 1000)
        while self._timers and self._timers[0][0] <= until:
            when, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, when)
            if not timer.cancelled:
                timer.callback()
        self._now = until

    def step(self, seconds: float) -> None:
        """The machine slept, or its clock was set: no timer fires at its instant."""
        self._now += int(seconds * 1000)


class StillTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Pipe:
    """A named pipe between a handler and its test. The test holds both ends, so that opening it
    never blocks: a handler waits with `readline`."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    async def read(self) -> str:
        """What a handler writes next, in one piece."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._fd, readable.set)
        try:
            await asyncio.wait_for(readable.wait(), PATIENCE_SECONDS)
        finally:
            loop.remove_reader(self._fd)
        return os.read(self._fd, 4096).decode()

    def write(self) -> None:
        """Let one handler that waits go on."""
        os.write(self._fd, b"go\n")

    def close(self) -> None:
        os.close(self._fd)


class House:
    """A runtime, its functions and what became of their runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = StillClock()
        self.notices = Notices()
        self.seen: list[Notice] = []
        self.notices.on_all(self.seen.append)
        self.runtimes: list[Pool] = []
        self.pipes: list[Pipe] = []
        self.ids = 0
        self.ended: dict[int, Ended] = {}

    async def open(self, **settings: Any) -> Pool:
        settings.setdefault("instances_max", 8)
        runtime = Pool(
            settings.pop("kinds", KINDS),
            lambda function: self.directory / function.code_digest,
            self.notices,
            self.clock,
            **settings,
        )
        self.runtimes.append(runtime)
        await runtime.start()
        return runtime

    @property
    def runtime(self) -> Pool:
        return self.runtimes[-1]

    @property
    def launcher(self) -> Any:
        """What starts its Python instances."""
        return self.runtime._launchers["python"]

    @property
    def instances(self) -> Any:
        """What the pool knows of its instances, by number."""
        return self.runtime._books.instances

    def deploy(
        self,
        source: str,
        *,
        id: int = 1,
        revision: int = 1,
        files: Any = None,
        name: str = "",
        version: str = "latest",
        **spec: Any,
    ) -> Function:
        digest = f"code-{id}-{revision}"
        root = self.directory / digest
        root.mkdir()
        (root / "main.py").write_text(textwrap.dedent(source))
        for file, text in (files or {}).items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(textwrap.dedent(text))
        named = name or f"f{id}"
        about = FunctionSpec(**spec)
        return Function(id, named, revision, about, digest, 1, 0, 0, version=version)

    def submit(
        self, function: Function, payload: bytes = b"", **fields: Any
    ) -> tuple[int, asyncio.Future[Ended]]:
        self.ids += 1
        id = self.ids
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

        def done(run: Run, ended: Ended) -> None:
            assert run.id == id
            assert id not in self.ended, "a run was ended twice"
            self.ended[id] = ended
            if not future.done():  # a test may have given up on it
                future.set_result(ended)

        values: dict[str, Any] = {
            "attempt": 1,
            "retries_used": 0,
            "previous_may_have_run": False,
            "alone": False,
            "accepted_at": self.clock.now(),
            "expires_at": self.clock.now() + 86_400_000,
            **fields,
        }
        self.runtime.submit(Run(id=id, function=function, payload=payload, done=done, **values))
        return id, future

    async def run(self, function: Function, payload: bytes = b"", **fields: Any) -> Ended:
        return await self.end(self.submit(function, payload, **fields)[1])

    async def room(self, function: Function) -> None:
        """Wait until the runtime says that there is room."""
        grew = asyncio.Event()
        self.runtime.on_room(lambda function_id: grew.set())
        while not self.runtime.room(function):
            await asyncio.wait_for(grew.wait(), PATIENCE_SECONDS)
            grew.clear()

    async def end(self, future: asyncio.Future[Ended]) -> Ended:
        return await asyncio.wait_for(future, PATIENCE_SECONDS)

    async def make_fast(self, function: Function, waiting: int = 4) -> None:
        """Run a function until that many runs of it may wait inside an instance."""
        await self.run(function)
        while self.runtime._lanes[function.id].depth < waiting:
            await self.run(function)

    def pipe(self, name: str) -> Pipe:
        pipe = Pipe(self.directory / name)
        self.pipes.append(pipe)
        return pipe

    async def notice(self, kind: Any, where: Any = lambda notice: True) -> Any:
        for seen in self.seen:
            if isinstance(seen, kind) and where(seen):
                return seen
        return await self.notices.wait_for(kind, where, seconds=PATIENCE_SECONDS)


def gone(pid: int) -> bool:
    """Wait until that process is no more; False when it stays."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], PATIENCE_SECONDS)[0])
    finally:
        os.close(handle)


def pytest_asyncio_loop_factories(config: Any, item: Any) -> dict[str, Any]:
    """The loop that the service runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    await house.open()
    yield house
    for runtime in house.runtimes:
        await runtime.close()
    for pipe in house.pipes:
        pipe.close()


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    return gone
