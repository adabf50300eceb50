"""The catalogue: deployed functions in memory, backed by the store. Changes are checked for cycles
of destinations before they are saved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..catalog.code import ArchiveInfo
from ..catalog.destination import FunctionDestination
from ..catalog.function import LATEST, Function, FunctionSpec, check_name
from ..catalog.graph import find_cycle
from ..clock import Clock
from ..errors import DestinationCycle, FunctionNotFound, InvalidInput
from ..lifecycle.policy import PLATFORM_WAIT, Policy
from ..notices import FunctionChanged, Notices
from ..runtimes.code import CodeCache
from ..runtimes.interface import Runtime
from ..store.interface import Store
from .lanes import Lane, Lanes
from .options import Options


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
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._code = code
        self._runtime = runtime
        self._clock = clock
        self._notices = notices
        self._options = options
        self._by_name: dict[str, Lane] = {}
        self._lock = asyncio.Lock()
        self.check_archive: Callable[[bytes], ArchiveInfo]
        """Checks an archive by the configured limits; set by the engine's builder."""
        self.retire: Callable[[Lane], None]
        """Told of a deleted function, so that what waits for it ends; set by the engine."""

    async def load(self) -> None:
        """Read the catalogue at start. Deleted functions whose invocations remain keep a lane, so
        that those reach their final state."""
        for function in await self._store.functions(deleted=True):
            lane = self._lanes.put(function, self._policy(function))
            if function.deleted_at is None:
                self._by_name[function.name] = lane
            else:
                lane.deleted = True

    def lane(self, name: str) -> Lane:
        """The lane of a deployed function; FunctionNotFound otherwise."""
        lane = self._by_name.get(name)
        if lane is None:
            raise FunctionNotFound(
                f"There is no function {name[:140]!r}. Deploy it first, or see GET /v1/functions.",
                kind="function",
                name=name[:140],
            )
        return lane

    def names(self) -> list[str]:
        return sorted(self._by_name)

    def get(self, name: str) -> Function:
        return self.lane(name).function

    async def put(
        self, name: str, spec: FunctionSpec, archive: bytes | None
    ) -> tuple[Function, bool]:
        """Create or replace; (function, created). Without an archive the present code is kept.

        Raises InvalidInput, InvalidCode, DestinationCycle, FunctionNotFound (a destination that
        does not exist is allowed: it may be deployed later), StoreUnavailable; nothing is changed.
        """
        check_name(name)
        async with self._lock:
            before = self._by_name.get(name)
            self._check_cycle(name, spec)
            if archive is not None:
                info = await asyncio.to_thread(self.check_archive, archive)
                await self._code.store(archive, info)
                digest, size = info.digest, info.bytes
            elif before is not None:
                digest, size = before.function.code_digest, before.function.code_bytes
            else:
                raise InvalidInput(
                    "code: a new function needs its code: a zip archive in base64 in 'code'.",
                    field="code",
                )
            function = await self._store.put_function(name, spec, digest, size, self._clock.now())
            lane = self._lanes.put(function, self._policy(function))
            self._by_name[name] = lane
        self._runtime.forget(function.id)
        created = before is None
        self._notices.publish(FunctionChanged(name, "created" if created else "updated"))
        return function, created

    async def delete(self, name: str) -> None:
        """Delete; what waits becomes invalid (function_deleted), what runs may finish."""
        async with self._lock:
            lane = self.lane(name)
            await self._store.delete_function(lane.function.id, self._clock.now())
            del self._by_name[name]
            lane.deleted = True
        self._runtime.forget(lane.function.id)
        self._notices.publish(FunctionChanged(name, "deleted"))
        self.retire(lane)

    async def prune_code(self, running: set[str]) -> None:
        """Remove the code of revisions that are deployed no more and not `running` (digests)."""
        async with self._lock:  # nothing is stored meanwhile
            keep = {lane.function.code_digest for lane in self._by_name.values()} | running
            await asyncio.to_thread(self._code.prune, keep)

    def _policy(self, function: Function) -> Policy:
        spec, options = function.spec, self._options
        wait = PLATFORM_WAIT
        return Policy(
            spec.max_retries,
            spec.retry_wait,
            type(wait)(
                wait.first_seconds, wait.factor, options.platform_wait_cap_seconds, wait.jitter
            ),
            options.platform_budget_seconds,
            options.losses_max,
        )

    def _check_cycle(self, name: str, spec: FunctionSpec) -> None:
        def targets(of: str) -> list[str]:
            if of == name:
                function = Function(0, name, 0, spec, "", 0, 0, 0)
            else:
                lane = self._by_name.get(of)
                if lane is None:
                    return []
                function = lane.function
            found = (function.destination(success=True), function.destination(success=False))
            return [one.name for one in found if isinstance(one, FunctionDestination)]

        for which, written in (("on_success", True), ("on_failure", False)):
            target = Function(0, name, 0, spec, "", 0, 0, 0).destination(success=written)
            if isinstance(target, FunctionDestination) and target.qualifier != LATEST:
                raise InvalidInput(
                    f"{which}: {target.qualifier!r} is not a version or alias; use {LATEST!r}.",
                    field=which,
                    value=target.qualifier,
                )
        cycle = find_cycle(name, targets)
        if cycle is not None:
            spelled = " → ".join(cycle)
            raise DestinationCycle(
                f"on_success/on_failure: these destinations form a cycle: {spelled}. An invocation "
                "would never end; send one of them elsewhere.",
                field="on_success",
                cycle=cycle,
            )
