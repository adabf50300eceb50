"""The catalogue: what is deployed, in memory as in the store, and the one way in which it changes.

Nothing is locked. A change is decided by what is in memory, whose revision the write names; the store
makes it in one transaction, or refuses it because somebody came first: another door, another request,
another node. Then it is decided anew by what is there now. So whatever a decision looked at (what
`If-Match` names, that an alias's version is there, that destinations form no cycle) still holds in
the instant in which it is written.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ..catalog.code import ArchiveInfo
from ..catalog.function import LATEST
from ..catalog.step import CatalogueRows
from ..clock import Clock
from ..errors import CatalogueChanged
from ..notices import FunctionChanged, Notices
from ..runtimes.code import CodeCache
from ..runtimes.interface import Runtime
from ..store.interface import Store
from .actor import ACTOR
from .deployed_code import Code, DeployedCode
from .family import Family
from .flow import Flow
from .lanes import Callee, Lane, Lanes
from .mirror import Effects, Mirror
from .options import Options
from .plan import Decide, Plan, Told, plan
from .plans import Plans, present_code

CHANGE_TRIES_MAX = 200
"""How often one change is decided. Each time in which it came too late another change was made; so this
is met only where other nodes change the catalogue without an end."""
AT_ONCE = 1
"""Changes of this node that are decided and written at once; the others wait, each in its turn. It only
saves work, nothing rests on it: of several all but one would be decided in vain, and one that takes long
to decide would come too late each time."""


class Catalogue(Mirror):
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
        super().__init__(lanes, options)
        self.code = DeployedCode(
            code,
            lanes,
            clock,
            check_archive=check_archive,
            unused_retention_seconds=options.unused_retention_seconds,
        )
        self.plans = Plans(self, options, clock)
        self.clock = clock
        self._store = store
        self._runtime = runtime
        self._notices = notices
        self._random = rng.random
        self._flow = flow
        self._turn = asyncio.Semaphore(AT_ONCE)

    def resolve(self, name: str, qualifier: str) -> Callee:
        """What runs one call of `name`. Asked once an invocation: where an alias shares its calls, each
        time may answer another. Raises FunctionNotFound, QualifierNotFound."""
        lane = self.lane(name)
        if qualifier == LATEST:
            return lane.called
        lane = lane.family.chosen(qualifier, self._random())
        return lane.called if lane.function.version == qualifier else Callee(lane, qualifier)

    # ------------------------------------------------------------ as the store has it

    async def start(self) -> None:
        """Read the catalogue. Deleted functions whose invocations remain keep a lane, so that those
        reach their final state."""
        self.load(await self._store.catalogue())
        await self.change(self._without_unused)

    async def refresh(self) -> None:
        """Others may have changed it: read again what they touched."""
        rows = await self._store.catalogue_since(self.revision)
        if rows is None:
            return
        effects = self.load(rows) if isinstance(rows, CatalogueRows) else self.merge(rows)
        self._part(effects)
        self._wake(effects)

    async def _without_unused(self) -> Plan:
        return plan(*self.unused())

    async def forget(self, family: Family[Lane]) -> None:
        """A deleted lane of it is dropped: what was kept for it goes too."""

        async def decide() -> Plan:
            return plan(*self.kept_in_vain(family.id))

        await self.change(decide)

    # ------------------------------------------------------------ changing

    async def change(self, decide: Decide) -> None:
        """Make what `decide` answers, as a whole. When this returns it is in memory, and nothing that
        came later is. Raises what `decide` raises, Conflict (see Store.change), StoreUnavailable,
        CatalogueChanged; then nothing is changed."""
        async with self._turn:
            for _ in range(CHANGE_TRIES_MAX):
                try:
                    await self._try(decide)
                    return
                except CatalogueChanged as error:
                    refused = error
                    # Another task of this node has brought it here, or another node has changed it.
                    if error.fields["revision"] > self.revision:
                        await self.refresh()
        raise refused

    async def _try(self, decide: Decide) -> None:
        """Raises CatalogueChanged: it was decided by what is not there any more."""
        revision = self.revision
        decided = await decide()
        if not decided.steps:
            return
        made = await self._store.change(decided.steps, self.clock.now(), if_unchanged=revision)
        effects = self.apply(decided.steps, made)
        self._part(effects)
        for told in decided.told:
            self._tell(told)
        self._wake(effects)

    def _part(self, effects: Effects) -> None:
        """From instances of earlier rows, and from what is deleted."""
        for function_id in effects.replaced:
            self._runtime.forget(function_id)
        for lane in effects.ended:
            self._runtime.forget(lane.function.id)
            self._flow.deleted(lane)

    def _wake(self, effects: Effects) -> None:
        """Last: looking for what waits promises it room, which a synchronous call that comes at once
        would not get."""
        for lane in effects.grown:
            self._flow.grown(lane)
        for family in effects.controls:
            self._flow.controlled(family)

    def _tell(self, told: Told) -> None:
        """An update without any fields is told too: who put what was there already may be what a
        reader looks for."""
        revision, fields = told.revision, told.fields
        if revision is None:
            lane = self.by_name.get(told.name)
            revision = 0 if lane is None else lane.function.revision
        if not fields and told.change == "updated":
            fields = ("put again",)
        self._notices.publish(
            FunctionChanged(told.name, told.change, fields, revision, ACTOR.get())
        )

    # ------------------------------------------------------------ code

    @asynccontextmanager
    async def code_in_use(self, name: str, archive: bytes | None) -> AsyncIterator[Code]:
        """The archive, or without one the code that `name` has now; on the disk until this ends,
        though it may be deployed nowhere. Raises as DeployedCode.kept; InvalidInput: there is none."""
        if archive is None:
            lane = self.by_name.get(name)
            present = present_code(None if lane is None else lane.function)
            async with self.code.used(present) as code:
                yield code
            return
        async with self.code.kept(archive) as kept:
            assert kept is not None
            yield kept
