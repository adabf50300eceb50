"""What doors ask of the catalogue: functions, versions, aliases, configurations, controls, entries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..catalog.alias import Alias
from ..catalog.async_config import AsyncConfig
from ..catalog.control import Control
from ..catalog.entry import Entry
from ..catalog.function import LATEST, Function, FunctionSpec
from ..runtimes.interface import Runtime
from .aliases import Aliases
from .catalogue import Catalogue
from .configs import Configs
from .controls import Controls
from .entries import OWN
from .family import Family
from .lanes import Lane
from .trial import try_code
from .versions import Versions


class Functions:
    """The engine's part that answers for the catalogue. What it raises is said where it is done."""

    catalogue: Catalogue
    runtime: Runtime
    versions_: Versions
    aliases_: Aliases
    configs_: Configs
    controls_: Controls
    room_grown: Callable[[int], None]
    """(function id): more of it may begin; set by the engine."""
    control_changed: Callable[[Family[Lane]], None]
    """Another limit or switch counts for that family; set by the engine."""
    abort: Callable[[int], Awaitable[None]]
    """Stops what runs of a family; set by the engine."""

    def _offer(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.versions_ = Versions(catalogue)
        self.aliases_ = Aliases(catalogue)
        self.configs_ = Configs(catalogue)
        self.controls_ = Controls(catalogue)

    # ------------------------------------------------------------ functions and versions

    def function(self, name: str, qualifier: str = LATEST) -> Function:
        """See Catalogue.get."""
        return self.catalogue.get(name, qualifier)

    def functions(self) -> list[Function]:
        """All that are deployed, as they are now, by name."""
        return [self.catalogue.get(name) for name in self.catalogue.names()]

    async def put_function(
        self, name: str, spec: FunctionSpec, archive: bytes | None
    ) -> tuple[Function, bool]:
        """See Catalogue.put."""
        family = self.catalogue.find(name)
        before = None if family is None else family.row(LATEST).function.spec.concurrency
        function, created = await self.catalogue.put(name, spec, archive)
        # Only then: looking for what waits promises it room, which a synchronous call that comes at
        # once would not get.
        if before is not None and spec.concurrency > before:
            self.room_grown(function.id)
        return function, created

    async def try_code(self, name: str, spec: FunctionSpec, archive: bytes | None) -> list[str]:
        """Load the code that is to be deployed, once: see trial.py."""
        return await try_code(self.catalogue, self.runtime, name, spec, archive)

    async def delete_function(self, name: str) -> None:
        """See Catalogue.delete."""
        await self.catalogue.delete(name)

    async def publish_version(
        self, name: str, note: str = "", version: str | None = None
    ) -> Function:
        """See Versions.publish."""
        return await self.versions_.publish(name, note, version)

    def versions(self, name: str) -> list[Function]:
        """See Versions.all."""
        return self.versions_.all(name)

    async def delete_version(self, name: str, version: str) -> None:
        """See Versions.delete."""
        await self.versions_.delete(name, version)

    # ------------------------------------------------------------ aliases

    def aliases(self, name: str) -> list[Alias]:
        """See Aliases.all."""
        return self.aliases_.all(name)

    def alias(self, name: str, alias: str) -> Alias:
        """See Aliases.get."""
        return self.aliases_.get(name, alias)

    async def put_alias(self, name: str, alias: Alias, *, create: bool) -> Alias:
        """See Aliases.put."""
        return await self.aliases_.put(name, alias, create=create)

    async def delete_alias(self, name: str, alias: str) -> None:
        """See Aliases.delete."""
        await self.aliases_.delete(name, alias)

    # ------------------------------------------------------------ asynchronous configuration

    def async_config(self, name: str, qualifier: str) -> AsyncConfig | None:
        """See Configs.get."""
        return self.configs_.get(name, qualifier)

    def async_configs(self, name: str) -> dict[str, AsyncConfig]:
        """See Configs.all."""
        return self.configs_.all(name)

    def effective_config(self, name: str, qualifier: str) -> AsyncConfig:
        """See Configs.effective."""
        return self.configs_.effective(name, qualifier)

    async def put_async_config(self, name: str, qualifier: str, config: AsyncConfig) -> AsyncConfig:
        """See Configs.put."""
        return await self.configs_.put(name, qualifier, config)

    async def delete_async_config(self, name: str, qualifier: str) -> bool:
        """See Configs.delete."""
        return await self.configs_.delete(name, qualifier)

    # ------------------------------------------------------------ control

    def control(self, name: str) -> Control:
        """See Controls.get."""
        return self.controls_.get(name)

    async def put_control(self, name: str, control: Control, *, abort: bool = False) -> Control:
        """See Controls.put. `abort`: attempts and synchronous calls that run now are stopped; what
        waits is left."""
        family, control = await self.controls_.put(name, control)
        self.control_changed(family)
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
        """See Entries.put. ValueError for a kind that the engine itself keeps."""
        return await self.catalogue.entries.put(_foreign(kind), owner, name, data)

    async def delete_entry(self, kind: str, owner: str, name: str) -> bool:
        """See Entries.delete. ValueError for a kind that the engine itself keeps."""
        return await self.catalogue.entries.delete(_foreign(kind), owner, name)


def _foreign(kind: str) -> str:
    if kind in OWN:
        raise ValueError(f"entries of the kind {kind!r} are changed by calls of their own")
    return kind
