"""The catalogue: deployed functions in memory, backed by the store. Changes are checked for cycles
of destinations before they are saved.

versions.py, aliases.py, configs.py and controls.py change the rest of a family, under the same lock.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from ..catalog.changes import brief, differences
from ..catalog.code import ArchiveInfo
from ..catalog.function import LATEST, Function, FunctionSpec, check_name
from ..clock import Clock
from ..errors import CodeNotLoaded, FunctionNotFound, InvalidInput
from ..notices import FunctionChanged, Notices
from ..runtimes.code import CodeCache
from ..runtimes.interface import Runtime
from ..store.interface import Store
from .actor import ACTOR
from .effect import in_effect, of_row
from .entries import Entries
from .family import Family
from .flow import Flow
from .lanes import Callee, Lane, Lanes
from .load import drop_kept, drop_unused, keep_configs, load_family
from .options import Options
from .targets import check_targets


class Catalogue:
    def __init__(
        self,
        store: Store,
        lanes: Lanes,
        code: CodeCache,
        runtime: Runtime,
        clock: Clock,
        notices: Notices,
        options: Options,
        rng: random.Random,
        flow: Flow,
        *,
        check_archive: Callable[[bytes], ArchiveInfo],
    ) -> None:
        """check_archive: by the configured limits."""
        self.store = store
        self.clock = clock
        self.options = options
        self.entries = Entries(store, clock)
        self.lock = asyncio.Lock()
        """Held while anything of the catalogue is changed."""
        self._lanes = lanes
        self._code = code
        self._runtime = runtime
        self._notices = notices
        self._random = rng.random
        self._by_name: dict[str, Lane] = {}  # the `latest` of each
        self._in_use: Counter[str] = Counter()  # code that is tried, by digest
        self._flow = flow
        self._check_archive = check_archive

    async def load(self) -> None:
        """Read the catalogue at start. Deleted functions whose invocations remain keep a lane, so
        that those reach their final state."""
        await self.entries.load()
        for function in await self.store.functions(deleted=True):
            lane = self.take(function)
            if function.deleted_at is not None:
                lane.deleted = True
            elif function.version == LATEST:
                self._by_name[function.name] = lane
        for family in self._lanes.families():
            await load_family(family, self.entries, self.options)
        await drop_unused(self._lanes.families(), self.entries)

    def take(self, function: Function) -> Lane:
        """The lane of a row as it is now."""
        own = in_effect(of_row(function), self.options, function.spec.contract, stored=True)
        lane = self._lanes.put(function, own)
        if function.deleted_at is None:
            lane.family.rows[function.version] = lane
        return lane

    # ------------------------------------------------------------ looking

    def lane(self, name: str) -> Lane:
        """The lane of a deployed function; FunctionNotFound otherwise."""
        lane = self._by_name.get(name)
        if lane is None:
            raise FunctionNotFound(
                f"There is no function {name[:140]!r}. Deploy it first, or see 'thence ls functions' "
                "(GET /v1/functions).",
                kind="function",
                name=name[:140],
            )
        return lane

    def resolve(self, name: str, qualifier: str) -> Callee:
        """What runs one call of `name`. Asked
        once an invocation: where an alias shares its calls, each time may answer another. Raises
        FunctionNotFound, QualifierNotFound."""
        lane = self.lane(name)
        if qualifier == LATEST:
            return lane.called
        lane = lane.family.chosen(qualifier, self._random())
        return lane.called if lane.function.version == qualifier else Callee(lane, qualifier)

    def family(self, name: str) -> Family[Lane]:
        """Raises FunctionNotFound."""
        return self.lane(name).family

    def find(self, name: str) -> Family[Lane] | None:
        lane = self._by_name.get(name)
        return None if lane is None else lane.family

    def names(self) -> list[str]:
        return sorted(self._by_name)

    def get(self, name: str, qualifier: str = LATEST) -> Function:
        """The row of a version; of an alias, of its main version. Raises FunctionNotFound,
        VersionNotFound, AliasNotFound."""
        lane = self.lane(name)
        return (lane if qualifier == LATEST else lane.family.row(qualifier)).function

    # ------------------------------------------------------------ changing

    async def put(
        self, name: str, spec: FunctionSpec, archive: bytes | None
    ) -> tuple[Function, bool]:
        """Create or replace `latest`; (function, created). Without an archive the present code is
        kept.

        Raises InvalidInput, InvalidCode, DestinationCycle, StoreUnavailable; nothing is changed.
        (A destination function that does not exist is allowed: it may be deployed later.)
        """
        check_name(name)
        async with self.lock:
            before = self._by_name.get(name)
            # (Not in the store yet: only its spec counts here.)
            new = in_effect(of_row(Function(0, name, 0, spec, "", 0, 0, 0)), self.options)
            check_targets(name, new, self.find)
            earlier = None if before is None else before.function
            digest, size = await self._keep_code(name, archive)
            function = await self.store.put_function(name, spec, digest, size, self.clock.now())
            self._by_name[name] = self.take(function)
        self._runtime.forget(function.id)
        if before is None:
            self.changed(name, change="created", revision=function.revision)
            return function, True
        self.changed(name, _differences(earlier, function), revision=function.revision)
        return function, False

    @asynccontextmanager
    async def code_in_use(self, name: str, archive: bytes | None) -> AsyncIterator[tuple[str, int]]:
        """As `_keep_code`; that code is not swept away meanwhile, though it is deployed nowhere. Where
        it was not there before and is refused (CodeNotLoaded), it goes at once."""
        async with self.lock:
            info = None if archive is None else await self._checked(archive)
            new = info is not None and not self._code.archive_path(info.digest).exists()
            digest, size = await self._keep_code(name, archive, info)
            self._in_use[digest] += 1
        refused = False
        try:
            yield digest, size
        except CodeNotLoaded:
            refused = True
            raise
        finally:
            self._in_use[digest] -= 1
            self._in_use = +self._in_use
            if refused and new:
                await self._drop_code(digest)

    async def _drop_code(self, digest: str) -> None:
        """Of what was brought to be tried and is deployed nowhere."""
        async with self.lock:
            used = any(lane.function.code_digest == digest for lane in self._lanes.all())
            if not used and digest not in self._in_use:
                await asyncio.to_thread(self._code.drop, digest)

    async def _checked(self, archive: bytes) -> ArchiveInfo:
        return await asyncio.to_thread(self._check_archive, archive)

    async def _keep_code(
        self, name: str, archive: bytes | None, info: ArchiveInfo | None = None
    ) -> tuple[str, int]:
        """(digest, bytes) of the archive, which is on disk then, or without one of the code that
        `name` has now. `info`: of the archive, where it is checked. Raises InvalidInput, InvalidCode,
        StoreUnavailable."""
        if archive is not None:
            info = info or await self._checked(archive)
            await self._code.store(archive, info)
            return info.digest, info.bytes
        before = self._by_name.get(name)
        if before is not None:
            return before.function.code_digest, before.function.code_bytes
        raise InvalidInput(
            "code: a new function needs its code: a zip archive in base64 in 'code'.", field="code"
        )

    async def delete(self, name: str) -> None:
        """Delete with all versions; what waits becomes invalid (function_deleted), what runs may
        finish."""
        async with self.lock:
            lane = self.lane(name)
            family, revision = lane.family, lane.function.revision
            await keep_configs(family, self.entries, family.written)
            await self.store.delete_function(family.id, self.clock.now())
            del self._by_name[name]
            self.entries.forget(str(family.id))
            lanes = list(family.rows.values())
            family.rows.clear()
        for lane in lanes:
            self.ended(lane)
        self.changed(name, change="deleted", revision=revision)

    def ended(self, lane: Lane) -> None:
        """That row is deleted in the store."""
        lane.delete()
        self._runtime.forget(lane.function.id)
        self._flow.deleted(lane)

    async def forget(self, family: Family[Lane]) -> None:
        """A deleted lane of it is dropped: what was kept for it goes too."""
        async with self.lock:  # nothing of it is being deleted meanwhile
            await drop_kept(family, self.entries)

    def changed(
        self,
        name: str,
        fields: Iterable[str] = (),
        *,
        change: str = "updated",
        revision: int | None = None,
    ) -> None:
        """Tell of a change that is committed: `fields` as catalog/changes.py writes them for a log. An
        update without any is told too: who put what was there already may be what a reader looks for."""
        if revision is None:
            lane = self._by_name.get(name)
            revision = 0 if lane is None else lane.function.revision
        told = tuple(fields)
        if not told and change == "updated":
            told = ("put again",)
        self._notices.publish(FunctionChanged(name, change, told, revision, ACTOR.get()))

    async def prune_code(self, running: set[str]) -> tuple[int, int]:
        """Remove the code of revisions that are deployed no more and not `running` (digests), once
        that has been so for `unused_retention_seconds`. Answers how many are unused, and how many of
        them went. A catalogue that knows of no code is no reason to remove any."""
        async with self.lock:  # nothing is stored meanwhile
            keep = {lane.function.code_digest for lane in self._lanes.all() if not lane.deleted}
            keep |= {*self._in_use, *running}
            if not keep:
                return 0, 0
            kept_ms = round(self.options.unused_retention_seconds * 1000)
            return await asyncio.to_thread(self._code.prune, keep, self.clock.now(), kept_ms)


def _differences(before: Function | None, after: Function) -> list[str]:
    if before is None:
        return []
    found = [brief(one) for one in differences(before.spec, after.spec)]
    return found if before.code_digest == after.code_digest else [*found, "code"]
