"""What doors ask of the catalogue: functions, versions, aliases, configurations, controls, entries.

What is a whole by itself has a call here. Who decides by what is there (an update of some fields,
`If-Match`, a limit on the number of something) gives `change` a function that makes a plan of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from ..catalog.alias import Alias
from ..catalog.async_config import AsyncConfig, of_function
from ..catalog.control import Control
from ..catalog.entry import Entry
from ..catalog.function import LATEST, Function, FunctionSpec
from ..errors import VersionNotFound
from ..runtimes.code import CodeCache
from ..runtimes.interface import Runtime
from .catalogue import Catalogue
from .lanes import Lanes
from .plan import Decide, Plan, delete_entry, put_entry
from .trial import try_code


class Functions:
    """What doors and triggers ask of what is deployed, and have changed. What a change raises is said
    where its plan is made (plans.py)."""

    def __init__(
        self,
        catalogue: Catalogue,
        lanes: Lanes,
        code: CodeCache,
        runtime: Runtime,
        *,
        abort: Callable[[int], Awaitable[None]],
    ) -> None:
        """abort: stops what runs of a family."""
        self._catalogue = catalogue
        self._lanes = lanes
        self._code = code
        self._runtime = runtime
        self._abort = abort
        self.plans = catalogue.plans
        """Makes plans of changes, of which `change` makes one."""
        self.change = catalogue.change
        self.code_kept = catalogue.code.kept
        self.entries = catalogue.entries.all
        self.entry = catalogue.entries.get

    # ------------------------------------------------------------ functions and versions

    def get(self, name: str, qualifier: str = LATEST) -> Function:
        """The row of a version; of an alias, of its main version. Raises FunctionNotFound,
        VersionNotFound, AliasNotFound."""
        return self._catalogue.get(name, qualifier)

    def has(self, name: str) -> bool:
        """Whether it is deployed."""
        return self._catalogue.find(name) is not None

    def names(self) -> list[str]:
        """Of all that are deployed, in their order."""
        return self._catalogue.names()

    def named(self, function_id: int) -> tuple[str, int] | None:
        """The name of a function, or of one that was, and its family; None: that is not known here."""
        return self._lanes.named(function_id)

    def past(self, name: str | None = None) -> set[int]:
        """The families of what is deleted, all or of that name. Looks at all."""
        return self._lanes.past_families(name)

    def all(self) -> list[Function]:
        """All that are deployed, as they are now, by name."""
        return [self._catalogue.get(name) for name in self._catalogue.names()]

    async def put(
        self, name: str, spec: FunctionSpec, archive: bytes | None
    ) -> tuple[Function, bool]:
        """Create or replace; (function, created). Without an archive the present code is kept."""
        self.plans.check_function(name, spec)  # before anything is written
        created = False

        async def decide() -> Plan:
            nonlocal created
            created = self._catalogue.find(name) is None
            return self.plans.put_function(name, spec, code)

        async with self.code_kept(archive) as code:
            await self.change(decide)
            return self.get(name), created

    async def try_code(self, name: str, spec: FunctionSpec, archive: bytes | None) -> list[str]:
        """Load the code that is to be deployed, once: see trial.py."""
        return await try_code(self._catalogue, self._runtime, name, spec, archive)

    async def delete(self, name: str) -> None:
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
        return self.get(name, chosen)

    def versions(self, name: str) -> list[Function]:
        """The published ones, oldest first. Raises FunctionNotFound."""
        rows = self._catalogue.family(name).rows
        found = [lane.function for version, lane in rows.items() if version != LATEST]
        return sorted(found, key=lambda function: function.id)

    def has_version(self, name: str, version: str) -> bool:
        """Raises FunctionNotFound."""
        return version in self._catalogue.family(name).rows

    def no_version(self, name: str, version: str) -> VersionNotFound:
        """What is said of a version that is not there. Raises FunctionNotFound."""
        return self._catalogue.family(name).no_version(version)

    async def delete_version(self, name: str, version: str) -> None:
        async def decide() -> Plan:
            return self.plans.delete_version(name, version)

        await self.change(decide)

    # ------------------------------------------------------------ aliases

    def aliases(self, name: str) -> list[Alias]:
        """By name. Raises FunctionNotFound."""
        found = self._catalogue.family(name).aliases
        return [found[alias] for alias in sorted(found)]

    def has_alias(self, name: str, alias: str) -> bool:
        """Raises FunctionNotFound."""
        return alias in self._catalogue.family(name).aliases

    def alias(self, name: str, alias: str) -> Alias:
        """Raises FunctionNotFound, AliasNotFound."""
        return self._catalogue.family(name).alias(alias)

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
        family = self._catalogue.family(name)
        family.row(qualifier)
        return family.written.get(qualifier)

    def async_configs(self, name: str) -> dict[str, AsyncConfig]:
        """What was put, by qualifier, in their order. Raises FunctionNotFound."""
        written = self._catalogue.family(name).written
        return {qualifier: written[qualifier] for qualifier in sorted(written)}

    def written_configs(self) -> dict[int, tuple[str, dict[str, AsyncConfig]]]:
        """By family the name, and what was put by qualifier, of everything that is deployed or of which
        something waits or runs. Looks at all."""
        families = self._lanes.families()
        return {family.id: (family.name, dict(family.written)) for family in families}

    def effective_config(self, name: str, qualifier: str) -> AsyncConfig:
        """What counts: that of the qualifier, else of the (main) version's own spec. Raises as
        `async_config`."""
        return self.async_config(name, qualifier) or of_function(self.get(name, qualifier))

    async def put_async_config(self, name: str, qualifier: str, config: AsyncConfig) -> AsyncConfig:
        async def decide() -> Plan:
            return self.plans.put_async_config(name, qualifier, config)

        await self.change(decide)
        return self._catalogue.family(name).written[qualifier]

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
        return self._catalogue.family(name).control

    async def put_control(self, name: str, control: Control, *, abort: bool = False) -> Control:
        """`abort`: attempts and synchronous calls that run now are stopped; what waits is left."""

        async def decide() -> Plan:
            return self.plans.put_control(name, control)

        return await self.change_control(name, decide, abort=abort)

    async def change_control(self, name: str, decide: Decide, *, abort: bool = False) -> Control:
        """`decide`: makes a plan of that function's control."""
        await self.change(decide)
        family = self._catalogue.family(name)
        control = family.control
        if abort:
            await self._abort(family.id)
        return control

    # ------------------------------------------------------------ code

    def archive(self, digest: str) -> bytes:
        """The code's archive, as it came. Raises StoreUnavailable where it is missing."""
        return self._code.archive(digest)

    def archive_path(self, digest: str) -> Path:
        """The file that it is in."""
        return self._code.archive_path(digest)

    # ------------------------------------------------------------ what doors keep

    async def put_entry(self, kind: str, owner: str, name: str, data: bytes) -> Entry:
        """Create or replace. ValueError for a kind that the engine itself keeps."""

        async def decide() -> Plan:
            return put_entry(kind, owner, name, data)

        await self.change(decide)
        entry = self._catalogue.entries.get(kind, owner, name)
        assert entry is not None
        return entry

    async def delete_entry(self, kind: str, owner: str, name: str) -> bool:
        """False: there was none. ValueError for a kind that the engine itself keeps."""
        there = False

        async def decide() -> Plan:
            nonlocal there
            there = self._catalogue.entries.get(kind, owner, name) is not None
            return delete_entry(kind, owner, name)

        await self.change(decide)
        return there
