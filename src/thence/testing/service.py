"""The whole service in one process, in virtual time: SQLite in a folder, scripted functions and
receivers, no sockets, no waiting.

    async with Service() as s:
        await s.function("f", answers=[Error(), Error(), "ok"], max_retries=3)
        id = await s.invoke("f", {"n": 1})
        await s.clock.advance(5 * 3600)
        assert (await s.show(id)).state == "succeeded"

The engine, the store, the records and the delivery rules are the product's own; only functions and
webhooks are scripted. docs/testing.md shows more.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from msgspec.structs import replace

from ..catalog.code import pack
from ..catalog.function import Function, check_waits
from ..engine.options import Options
from ..engine.stop import Stopped
from ..engine.why import Why
from ..lifecycle.ids import format_id, parse_id
from ..runtimes.interface import kept_free
from ..runtimes.kinds import parse_function
from ..store.records import InvocationView
from .answers import Script
from .clock import START_MS, VirtualClock
from .incarnation import Incarnation, MakeStore, sqlite_store
from .receivers import Receiver, Receivers
from .runtime import Scripts
from .watched import Outage

CODE = pack([("main.py", b"def handler(event, context):\n    raise SystemExit('scripted')\n")])
PAGE = 1000


class Service:
    """directory: kept when given, else a temporary folder that goes at the end. seed: of everything
    random. inline: the store works on the event loop's own thread, in the same order in every run.
    instances_max, ahead: see ScriptedRuntime. kept_free_percent: as the setting runtime.kept_free_percent. options: see engine/options.py, by name."""

    def __init__(
        self,
        directory: Path | None = None,
        *,
        seed: int = 0,
        inline: bool = True,
        instances_max: int = 1000,
        kept_free_percent: int = 25,
        ahead: int = 0,
        make_store: MakeStore = sqlite_store,
        **options: Any,
    ) -> None:
        self._temporary = directory is None
        self.directory = (
            Path(tempfile.mkdtemp(prefix="thence-")) if directory is None else directory
        )
        self.clock = VirtualClock()
        self.scripts = Scripts()
        self.receivers = Receivers(self.clock)
        self.outage = Outage(self.clock)
        self.options = replace(Options(), **options)
        self._random = random.Random(seed)
        self._inline = inline
        self._instances_max = instances_max
        self._kept_free = kept_free(instances_max, kept_free_percent)
        self._ahead = ahead
        self._make_store = make_store
        self._now: Incarnation | None = None

    # ------------------------------------------------------------ life

    async def __aenter__(self) -> Service:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._now is not None:
            # A drain would run into whatever fault is still scripted; the files are all there.
            await self.kill()
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)  # of no use to anybody any more

    async def start(self) -> None:
        """Begin an incarnation over the files that are there."""
        assert self._now is None, "it runs already"
        made = Incarnation(
            self.directory,
            self.clock,
            self.scripts,
            self.receivers,
            self.outage,
            self.options,
            random.Random(self._random.getrandbits(64)),
            inline=self._inline,
            instances_max=self._instances_max,
            kept_free=self._kept_free,
            ahead=self._ahead,
            make_store=self._make_store,
        )
        await made.start()
        self._now = made
        await self.clock.settle()

    async def stop_service(self, grace_seconds: float = 25.0) -> None:
        """Drain as on SIGTERM: give back, finish what ends in time, leave."""
        try:
            await self.incarnation.drain(grace_seconds)
        finally:
            self._now = None

    async def kill(self) -> None:
        """As kill -9: no goodbye, nothing is finished or given back. Nothing runs afterwards."""
        now, self._now = self.incarnation, None
        await now.kill()

    async def crash(self) -> None:
        """kill(), then a new incarnation over the same files."""
        await self.kill()
        await self.start()

    async def restart(self, grace_seconds: float = 25.0) -> None:
        """stop_service(), then a new incarnation over the same files."""
        await self.stop_service(grace_seconds)
        await self.start()

    @property
    def running(self) -> bool:
        """False before its start, after a stop and after a kill."""
        return self._now is not None

    @property
    def incarnation(self) -> Incarnation:
        """The present run of the service's process."""
        assert self._now is not None, "the service does not run"
        return self._now

    @property
    def engine(self) -> Any:
        """The engine of the present incarnation (thence.engine.engine.Engine)."""
        return self.incarnation.engine

    @property
    def notices(self) -> Any:
        return self.incarnation.notices

    @property
    def store(self) -> Any:
        return self.incarnation.store

    @property
    def runtime(self) -> Any:
        return self.incarnation.runtime

    # ------------------------------------------------------------ faults

    def set_wall(self, seconds: float) -> None:
        """The machine's wall clock is wrong by so much from now on (0: right again). Its steady
        clock, by which the service measures, is `clock`."""
        self.clock.wall_ahead = seconds

    async def reboot(self) -> None:
        """kill(), and the machine starts anew: only the wall clock knows how long that took."""
        await self.kill()
        self.clock.boot += "1"
        await self.start()

    def disk_full(self, seconds: float) -> None:
        """Every write of the store fails for so long; reads go on."""
        self.outage.full_until = self.clock.now() + seconds * 1000

    def store_down(self, seconds: float) -> None:
        """The store answers nothing for so long."""
        self.outage.gone_until = self.clock.now() + seconds * 1000

    # ------------------------------------------------------------ functions and receivers

    async def function(self, name: str, *, answers: Script | None = None, **spec: Any) -> Function:
        """Deploy, or deploy again. `answers`: see answers.py; the other names are those of
        PUT /v1/functions (max_retries, concurrency, on_failure, …)."""
        if answers is not None:
            self.scripts.set(name, answers)
        parsed = parse_function(spec)
        check_waits(parsed.retry_wait)
        with self.clock.hold():  # the archive is checked and written in threads
            function, _ = await self.ask(self.engine.functions.put(name, parsed, CODE))
        assert isinstance(function, Function)
        return function

    async def delete(self, name: str) -> None:
        await self.ask(self.engine.functions.delete(name))
        await self.clock.settle()

    def receiver(self, url: str) -> Receiver:
        """The other end of a webhook: script it, or look at what it got."""
        return self.receivers.at(url)

    async def mail(self, box: str) -> list[Any]:
        """The records in a box of the built-in mailbox, oldest first: `mail("queue:done")`."""
        kind, _, name = box.partition(":")
        found: list[Any] = []
        after = 0
        while page := await self.store.mailbox_read(kind, name, after, PAGE):
            found += (msgspec.json.decode(message.body) for message in page)
            after = page[-1].seq
        return found

    # ------------------------------------------------------------ invocations

    async def invoke(self, name: str, payload: Any = None, **settings: Any) -> str:
        """Accept an asynchronous invocation; its id, once it is on disk. payload: bytes, or what
        becomes JSON. settings: delay_seconds, idempotency_key, content_type, traceparent, …"""
        body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        accepted = await self.ask(self.engine.accepted(name, body, **settings))
        return format_id(accepted.id)

    async def show(self, id: str | int) -> InvocationView:
        """Everything about it: state, attempts, deliveries."""
        view = await self.ask(self.engine.invocations.get(number(id)))
        assert isinstance(view, InvocationView)
        return view

    async def why(self, id: str | int) -> Why | None:
        """Why it waits; None when it does not."""
        why: Why | None = self.engine.invocations.why(await self.show(id))
        return why

    async def result(self, id: str | int) -> Any:
        """What the function answered, decoded; None where there is nothing."""
        body = await self.store.result(number(id))
        data = None if body is None else await self.engine.invocations.body(body)
        return None if data is None else msgspec.json.decode(data)

    async def stop(self, id: str | int) -> Stopped:
        stopped: Stopped = await self.ask(self.engine.stop(number(id)))
        return stopped

    async def redrive(
        self, id: str | int, *, again: bool = False, qualifier: str | None = None
    ) -> str:
        """Run it again as a new invocation; the id of that. `again`: also where it has succeeded.
        `qualifier`: the version or alias that runs it."""
        redriven = self.engine.redrive.invocation(number(id), again=again, qualifier=qualifier)
        new, _ = await self.ask(redriven)
        return format_id(new)

    async def ask(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do `work`, or raise ConnectionResetError when the service is killed meanwhile."""
        killed = self.incarnation.killed
        task = asyncio.get_running_loop().create_task(work)
        try:
            await asyncio.wait({task, killed}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise ConnectionResetError("the service was killed before it answered")
        finally:
            task.cancel()

    def starts(self, name: str) -> list[float]:
        """When attempts of that function began, in seconds since the clock's first instant."""
        return [
            (start.at - START_MS) / 1000 for start in self.scripts.starts if start.function == name
        ]

    async def verify(self) -> list[str]:
        """What is wrong in the whole store by the invariants; an empty list when nothing is."""
        found = await self.store.verify()
        problems = [str(problem) for problem in found["problems"]]
        stats = await self.engine.stats()
        if stats.conservation_difference:
            problems.append(f"conservation differs by {stats.conservation_difference}")
        return problems

    async def settle(self) -> None:
        """Let everything that is due now happen, without time passing."""
        await self.clock.settle()


def number(id: str | int) -> int:
    """An invocation's id as the engine has it."""
    if isinstance(id, int):
        return id
    parsed = parse_id(id)
    if parsed is None:
        raise ValueError(f"{id!r} is not an id of an invocation")
    return parsed


async def gather_now(service: Service, *work: Any) -> list[Any]:
    """Run several calls of the service together and let what is due now happen."""
    tasks = [asyncio.ensure_future(call) for call in work]
    await service.settle()
    return list(await asyncio.gather(*tasks, return_exceptions=True))
