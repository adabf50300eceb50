"""Asynchronous configurations by qualifier: put, looked up, deleted.

A change counts for what waits too: the retries, the destinations and the rest are looked up when an
attempt has ended. Only the event age was fixed when the invocation was accepted.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from ..catalog.async_config import AsyncConfig
from ..catalog.changes import briefs
from ..catalog.refusal import refusal
from .catalogue import Catalogue
from .effect import in_effect, of_row
from .entries import ASYNC_CONFIG
from .targets import check_targets


class Configs:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def get(self, name: str, qualifier: str) -> AsyncConfig | None:
        """What was put for that qualifier. Raises FunctionNotFound, VersionNotFound,
        AliasNotFound."""
        family = self._catalogue.family(name)
        family.row(qualifier)
        return family.written.get(qualifier)

    def all(self, name: str) -> dict[str, AsyncConfig]:
        """What was put, by qualifier, in their order. Raises FunctionNotFound."""
        written = self._catalogue.family(name).written
        return {qualifier: written[qualifier] for qualifier in sorted(written)}

    def effective(self, name: str, qualifier: str) -> AsyncConfig:
        """What counts: that of the qualifier, else of the (main) version's own spec. Raises as
        `get`."""
        family = self._catalogue.family(name)
        lane = family.row(qualifier)
        return family.written.get(qualifier) or of_row(lane.function)

    async def put(self, name: str, qualifier: str, config: AsyncConfig) -> AsyncConfig:
        """Create or replace. Raises FunctionNotFound, VersionNotFound, AliasNotFound, InvalidInput
        naming the field, DestinationCycle."""
        catalogue = self._catalogue
        config = checked(AsyncConfig, config)
        effect = in_effect(config, catalogue.options)
        async with catalogue.lock:
            family = catalogue.family(name)
            row = family.row(qualifier)
            check_targets(name, effect, catalogue.find)
            before, now = family.written.get(qualifier), catalogue.clock.now()
            created_at = now if before is None else before.created_at
            config = replace(config, created_at=created_at, updated_at=now)
            data = msgspec.json.encode(config)
            await catalogue.entries.put(ASYNC_CONFIG, str(family.id), qualifier, data)
            family.written[qualifier] = config
            family.configs[qualifier] = effect
        fields = briefs(before or of_row(row.function), config) or [
            "created" if before is None else "put again"
        ]
        catalogue.changed(name, [f"async_config {qualifier}: {one}" for one in fields])
        return config

    async def delete(self, name: str, qualifier: str) -> bool:
        """From now on the function's own spec counts. False: there was none. Raises as `get`."""
        catalogue = self._catalogue
        async with catalogue.lock:
            family = catalogue.family(name)
            family.row(qualifier)
            if qualifier not in family.written:
                return False
            await catalogue.entries.delete(ASYNC_CONFIG, str(family.id), qualifier)
            del family.written[qualifier], family.configs[qualifier]
        catalogue.changed(name, [f"async_config {qualifier} deleted"])
        return True


def checked(kind: type[Any], made: Any) -> Any:
    """What a program made, checked as what was read is: constructors check no ranges. Raises
    InvalidInput naming the field."""
    plain = msgspec.to_builtins(made)
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise refusal(error, kind, plain) from None
