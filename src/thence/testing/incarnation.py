"""One run of the service's process, from its start to its drain or its violent end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..api.doors import installed, record_forms
from ..destinations import webhook
from ..destinations.forms import Form
from ..destinations.interface import Resources
from ..destinations.kinds import found_kinds, install_kinds
from ..destinations.post import Post
from ..destinations.senders import Senders
from ..engine.engine import Engine
from ..engine.options import Options
from ..engine.sources import Inside
from ..notices import Notices
from ..runtimes.code import CodeCache
from ..store.blobs import FileBlobs
from ..store.interface import Store
from ..store.sqlite import SqliteStore
from .clock import VirtualClock
from .receivers import Receivers
from .runtime import ScriptedRuntime, Scripts
from .watched import Outage, watched

MakeStore = Callable[[Path, bool], Store]


def sqlite_store(path: Path, inline: bool) -> Store:
    """The embedded store."""
    return SqliteStore(path, inline=inline)


class Incarnation:
    def __init__(
        self,
        directory: Path,
        clock: VirtualClock,
        scripts: Scripts,
        receivers: Receivers,
        outage: Outage,
        options: Options,
        rng: random.Random,
        *,
        inline: bool,
        instances_max: int,
        kept_free: int,
        ahead: int,
        make_store: MakeStore,
    ) -> None:
        self._clock = clock
        self._branch = clock.branch()
        self.notices = Notices()
        self.driver = make_store(directory / "thence.db", inline)
        """The store as it is, without the outages that are scripted for `store`."""
        self.store, self._watch = watched(self.driver, clock, outage)
        self.runtime = ScriptedRuntime(
            self._branch, scripts, instances_max=instances_max, kept_free=kept_free, ahead=ahead
        )
        self._before = asyncio.all_tasks()
        self.killed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        forms = record_forms(installed())
        self.engine = Engine(
            store=self.store,
            runtime=self.runtime,
            code=CodeCache(directory / "code"),
            blobs=FileBlobs(directory / "blobs", inline=True),
            clock=self._branch,
            notices=self.notices,
            options=options,
            make_sending=lambda inside: Post(
                _senders(inside, receivers, forms), forms, options.record_preview_bytes_max
            ),
            rng=rng,
        )

    @property
    def dead(self) -> bool:
        """Whether it was killed."""
        return self.killed.done()

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        try:
            await self.engine.start()
        except BaseException:
            await self.kill()
            raise

    async def drain(self, seconds: float) -> None:
        task = asyncio.get_running_loop().create_task(self.engine.drain(seconds))
        over = await self._clock.advance_until(lambda: task.done() or self.dead, seconds + 60)
        if task.done():
            await task
            self._branch.cut()
            return
        await self.kill()  # it died while it drained
        assert over, f"a drain of {seconds:g} s did not end"

    def die(self) -> None:
        """The instant of death: nothing reaches the store any more, and callers hear nothing."""
        if not self.killed.done():
            self.killed.set_result(None)
        self._watch.kill()

    def vanish(self) -> None:
        """die(), and no timer fires and no run comes back: as a node that is cut off."""
        self.die()
        self._branch.cut()
        self.runtime.kill()

    async def kill(self) -> None:
        """Nothing of the engine goes on: no answer of the store, no timer, no run comes back."""
        self.vanish()
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.driver.close()

    def _tasks(self) -> list[asyncio.Task[Any]]:
        """The engine's own tasks: those made after it was, that run its code."""
        found = []
        for task in asyncio.all_tasks() - self._before:
            coroutine: Any = task.get_coro()
            code = getattr(coroutine, "cr_code", None)
            if code is not None and "/thence/engine/" in code.co_filename.replace("\\", "/"):
                found.append(task)
        return found


def _senders(inside: Inside, receivers: Receivers, forms: Mapping[str, Form]) -> Senders:
    scripted = replace(webhook.KIND, make=lambda resources: receivers)
    kinds = [scripted if kind is webhook.KIND else kind for kind in found_kinds()]
    install_kinds(kinds, tuple(forms))
    return Senders(Resources(put=inside.put, accept=inside.accept), kinds)
