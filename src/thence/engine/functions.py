"""What doors ask of the catalogue: functions, versions, aliases, configurations, controls, entries.

What is a whole by itself has a call here. Who decides by what is there (an update of some fields,
`If-Match`, a limit on the number of something) gives `change` a function that makes a plan of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from ..catalog.alias import Alias
from ..catalog.async_config import AsyncConfig
from ..catalog.control import Control
from ..catalog.entry import Entry
from ..catalog.function import LATEST, Function, FunctionSpec
from ..runtimes.interface import Runtime
from .catalogue import Catalogue
from .deployed_code import Code
from .effect import of_row
from .plan import Decide, Plan, delete_entry, put_entry
from .plans import Plans
from .trial import try_code


class Functions:
    """The engine's part that answers for the catalogue. What a call raises is said where its plan is
    made (plans.py)."""

    catalogue: Catalogue
    runtime: Runtime
    abort: Callable[[int], Awaitable[None]]
    """Stops what runs of a family; set by the engine."""

    @property
    def plans(self) -> Plans:
        return self.catalogue.plans

    async def change(self, decide: Decide) -> None:
        """See Catalogue.change."""
        await self.catalogue.change(decide)

    # ------------------------------------------------------------ functions and versions

    def function(self, name: str, qualifier: str = LATEST) -> Function:
        """See Mirror.get."""
        return self.catalogue.get(name, qualifier)

    def functions(self) -> list[Function]:
        """All that are deployed, as they are now, by name."""
        return [self.catalogue.get(name) for name in self.catalogue.names()]

    def code_kept(self, archive: bytes | None) -> AbstractAsyncContextManager[Code | None]:
        """See DeployedCode.kept."""
        return self.catalogue.code.kept(archive)

    async def put_function(
        self, name: str, spec: FunctionSpec, archive: bytes | None
    ) -> tuple[Function, bool]:
        """Create or replace; (function, created). Without an archive the present code is kept."""
        self.plans.check_function(name, spec)  # before anything is written
        created = False

        async def decide() -> Plan:
            nonlocal created
            created = self.catalogue.find(name) is None
            return self.plans.put_function(name, spec, code)

        async with self.code_kept(archive) as code:
            await self.change(decide)
            return self.function(name), created

    async def try_code(self, name: str, spec: FunctionSpec, archive: bytes | None) -> list[str]:
        """Load the code that is to be deployed, once: see trial.py."""
        return await try_code(self.catalogue, self.runtime, name, spec, archive)

    async def delete_function(self, name: str) -> None:
        async def decide() -> Plan:
            return self.plans.delete_function(name)

        await self.change(decide)

    async def publish_version(
        self, name: str, note: str = "", version: str | None = None
    ) -> Function:
        """Without a name it gets the next whole number."""
        chosen = ""

        async def decide() -> Plan:
            nonlocal chosen
            chosen = self.plans.next_version(name) if version is None else version
            return self.plans.publish_version(name, note, chosen)

        await self.change(decide)
        return self.function(name, chosen)

    def versions(self, name: str) -> list[Function]:
        """The published ones, oldest first. Raises FunctionNotFound."""
        rows = self.catalogue.family(name).rows
        found = [lane.function for version, lane in rows.items() if version != LATEST]
        return sorted(found, key=lambda function: function.id)

    async def delete_version(self, name: str, version: str) -> None:
        async def decide() -> Plan:
            return self.plans.delete_version(name, version)

        await self.change(decide)

    # ------------------------------------------------------------ aliases

    def aliases(self, name: str) -> list[Alias]:
        """By name. Raises FunctionNotFound."""
        found = self.catalogue.family(name).aliases
        return [found[alias] for alias in sorted(found)]

    def alias(self, name: str, alias: str) -> Alias:
        """Raises FunctionNotFound, AliasNotFound."""
        return self.catalogue.family(name).alias(alias)

    async def put_alias(self, name: str, alias: Alias, *, create: bool) -> Alias:
        async def decide() -> Plan:
            return self.plans.put_alias(name, alias, create=create)

        await self.change(decide)
        return self.alias(name, alias.name)

    async def delete_alias(self, name: str, alias: str) -> None:
        async def decide() -> Plan:
            return self.plans.delete_alias(name, alias)

        await self.change(decide)

    # ------------------------------------------------------------ asynchronous configuration

    def async_config(self, name: str, qualifier: str) -> AsyncConfig | None:
        """What was put for that qualifier. Raises FunctionNotFound, VersionNotFound,
        AliasNotFound."""
        family = self.catalogue.family(name)
        family.row(qualifier)
        return family.written.get(qualifier)

    def async_configs(self, name: str) -> dict[str, AsyncConfig]:
        """What was put, by qualifier, in their order. Raises FunctionNotFound."""
        written = self.catalogue.family(name).written
        return {qualifier: written[qualifier] for qualifier in sorted(written)}

    def effective_config(self, name: str, qualifier: str) -> AsyncConfig:
        """What counts: that of the qualifier, else of the (main) version's own spec. Raises as
        `async_config`."""
        return self.async_config(name, qualifier) or of_row(self.function(name, qualifier))

    async def put_async_config(self, name: str, qualifier: str, config: AsyncConfig) -> AsyncConfig:
        async def decide() -> Plan:
            return self.plans.put_async_config(name, qualifier, config)

        await self.change(decide)
        return self.catalogue.family(name).written[qualifier]

    async def delete_async_config(self, name: str, qualifier: str) -> bool:
        """False: there was none."""
        there = False

        async def decide() -> Plan:
            nonlocal there
            decided = self.plans.delete_async_config(name, qualifier)
            there = bool(decided.steps)
            return decided

        await self.change(decide)
        return there

    # ------------------------------------------------------------ control

    def control(self, name: str) -> Control:
        """Raises FunctionNotFound."""
        return self.catalogue.family(name).control

    async def put_control(self, name: str, control: Control, *, abort: bool = False) -> Control:
        """`abort`: attempts and synchronous calls that run now are stopped; what waits is left."""

        async def decide() -> Plan:
            return self.plans.put_control(name, control)

        return await self.change_control(name, decide, abort=abort)

    async def change_control(self, name: str, decide: Decide, *, abort: bool = False) -> Control:
        """`decide`: makes a plan of that function's control."""
        await self.change(decide)
        family = self.catalogue.family(name)
        control = family.control
        if abort:
            await self.abort(family.id)
        return control

    # ------------------------------------------------------------ what doors keep

    def entries(self, kind: str, owner: str | None = None) -> list[Entry]:
        """See Entries.all."""
        return self.catalogue.entries.all(kind, owner)

    def entry(self, kind: str, owner: str, name: str) -> Entry | None:
        """See Entries.get."""
        return self.catalogue.entries.get(kind, owner, name)

    async def put_entry(self, kind: str, owner: str, name: str, data: bytes) -> Entry:
        """Create or replace. ValueError for a kind that the engine itself keeps."""

        async def decide() -> Plan:
            return put_entry(kind, owner, name, data)

        await self.change(decide)
        entry = self.catalogue.entries.get(kind, owner, name)
        assert entry is not None
        return entry

    async def delete_entry(self, kind: str, owner: str, name: str) -> bool:
        """False: there was none. ValueError for a kind that the engine itself keeps."""
        there = False

        async def decide() -> Plan:
            nonlocal there
            there = self.catalogue.entries.get(kind, owner, name) is not None
            return delete_entry(kind, owner, name)

        await self.change(decide)
        return there
