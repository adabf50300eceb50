"""Archives of code on this node's disk: stored before they are deployed, swept once nothing is
deployed with them, and left alone in between.

The lock here is over files of this node, which are stored and swept one after the other. It says
nothing of the catalogue.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec import Struct

from ..catalog.code import ArchiveInfo
from ..clock import Clock
from ..errors import CodeNotLoaded
from ..runtimes.code import CodeCache
from .lanes import Lanes


class Code(Struct, frozen=True):
    """An archive that is on the disk."""

    digest: str
    bytes: int


class DeployedCode:
    def __init__(
        self,
        cache: CodeCache,
        lanes: Lanes,
        clock: Clock,
        *,
        check_archive: Callable[[bytes], ArchiveInfo],
        unused_retention_seconds: float,
    ) -> None:
        self._cache = cache
        self._check_archive = check_archive
        self._lanes = lanes
        self._clock = clock
        self._kept_ms = round(unused_retention_seconds * 1000)
        self._in_use: Counter[str] = Counter()  # by digest: is to be deployed, or is tried
        self._files = asyncio.Lock()

    @asynccontextmanager
    async def kept(self, archive: bytes | None) -> AsyncIterator[Code | None]:
        """The archive, on the disk and left alone until this ends, though it is deployed nowhere. One
        that was not there before and is refused (CodeNotLoaded) goes at once. None: there is none.
        Raises InvalidCode, StoreUnavailable."""
        if archive is None:
            yield None
            return
        info = await asyncio.to_thread(self._check_archive, archive)
        async with self._files:
            new = not self._cache.archive_path(info.digest).exists()
            await self._cache.store(archive, info)
            self._in_use[info.digest] += 1
        async with self._using(info.digest, drop=new):
            yield Code(info.digest, info.bytes)

    @asynccontextmanager
    async def used(self, code: Code) -> AsyncIterator[Code]:
        """Code that is deployed now: left alone until this ends, though it may be deployed no more."""
        async with self._files:
            self._in_use[code.digest] += 1
        async with self._using(code.digest, drop=False):
            yield code

    @asynccontextmanager
    async def _using(self, digest: str, *, drop: bool) -> AsyncIterator[None]:
        refused = False
        try:
            yield
        except CodeNotLoaded:
            refused = True
            raise
        finally:
            self._in_use[digest] -= 1
            self._in_use = +self._in_use
            if refused and drop:
                await self._drop(digest)

    async def _drop(self, digest: str) -> None:
        """Of what was brought to be tried and is deployed nowhere."""
        async with self._files:
            used = any(lane.function.code_digest == digest for lane in self._lanes.all())
            if not used and digest not in self._in_use:
                await asyncio.to_thread(self._cache.drop, digest)

    async def prune(self, running: set[str]) -> tuple[int, int]:
        """Remove the code of revisions that are deployed no more and not `running` (digests), once
        that has been so for `unused_retention_seconds`. Answers how many are unused, and how many of
        them went. A catalogue that knows of no code is no reason to remove any."""
        async with self._files:  # nothing is stored meanwhile
            keep = {lane.function.code_digest for lane in self._lanes.all() if not lane.deleted}
            keep |= {*self._in_use, *running}
            if not keep:
                return 0, 0
            return await asyncio.to_thread(
                self._cache.prune, keep, self._clock.now(), self._kept_ms
            )
