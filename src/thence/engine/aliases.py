"""Aliases: put, moved to another version, deleted. A call that came by one keeps its version."""

from __future__ import annotations

import math

import msgspec
from msgspec.structs import replace

from ..catalog.alias import Alias
from ..catalog.changes import briefs
from ..errors import Conflict, InvalidInput
from .catalogue import Catalogue
from .entries import ALIAS, ASYNC_CONFIG, GONE_ALIAS
from .family import Family
from .lanes import Lane
from .versions import check_qualifier

WEIGHTS_MAX = 20
DESCRIPTION_MAX = 1024
GONE_MAX = 100  # deleted aliases of one function whose configuration is kept


class Aliases:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def all(self, name: str) -> list[Alias]:
        """By name. Raises FunctionNotFound."""
        found = self._catalogue.family(name).aliases
        return [found[alias] for alias in sorted(found)]

    def get(self, name: str, alias: str) -> Alias:
        """Raises FunctionNotFound, AliasNotFound."""
        return self._catalogue.family(name).alias(alias)

    async def put(self, name: str, alias: Alias, *, create: bool) -> Alias:
        """Create, or replace one that there is. Raises FunctionNotFound, InvalidInput, Conflict (it
        is there already, or a version has that name), AliasNotFound, VersionNotFound."""
        catalogue = self._catalogue
        async with catalogue.lock:
            family = catalogue.family(name)
            before = family.aliases.get(alias.name)
            if create:
                _check_new(family, alias.name)
            elif before is None:
                raise family.no_alias(alias.name)
            _check(family, alias)
            now = catalogue.clock.now()
            created_at = now if before is None else before.created_at
            alias = replace(alias, created_at=created_at, updated_at=now)
            data = msgspec.json.encode(alias)
            await catalogue.entries.put(ALIAS, str(family.id), alias.name, data)
            family.aliases[alias.name] = alias
            if before is None:
                await self._forget(family, alias.name)
        fields = briefs(before or Alias(alias.name, "none"), alias) or ["put again"]
        catalogue.changed(name, [f"alias {alias.name}: {one}" for one in fields])
        return alias

    async def delete(self, name: str, alias: str) -> None:
        """Its asynchronous configuration goes with it for new calls; what came by it and waits still
        ends as it was configured, also after a restart, until an alias of that name is created
        again. Raises FunctionNotFound, AliasNotFound."""
        catalogue = self._catalogue
        async with catalogue.lock:
            family = catalogue.family(name)
            family.alias(alias)
            owner = str(family.id)
            config = family.written.get(alias)
            if config is not None:
                await self._keep(family, alias, msgspec.json.encode(config))
            await catalogue.entries.delete(ALIAS, owner, alias)
            del family.aliases[alias]
            if family.written.pop(alias, None) is not None:
                await catalogue.entries.delete(ASYNC_CONFIG, owner, alias)
        catalogue.changed(name, [f"alias {alias} deleted"])

    async def _keep(self, family: Family[Lane], alias: str, data: bytes) -> None:
        """The configuration of an alias that is about to be deleted; of too many, the oldest go."""
        entries, owner = self._catalogue.entries, str(family.id)
        kept = sorted(entries.all(GONE_ALIAS, owner), key=lambda entry: entry.updated_at)
        for entry in kept[: max(0, len(kept) - GONE_MAX + 1)]:
            await self._forget(family, entry.name)
        await entries.put(GONE_ALIAS, owner, alias, data)

    async def _forget(self, family: Family[Lane], alias: str) -> None:
        if await self._catalogue.entries.delete(GONE_ALIAS, str(family.id), alias):
            family.configs.pop(alias, None)


def _check_new(family: Family[Lane], alias: str) -> None:
    check_qualifier("name", alias)
    if alias in family.aliases or alias in family.rows:
        what = "alias" if alias in family.aliases else "version"
        raise Conflict(f"Function {family.name!r} has the {what} {alias!r} already.", alias=alias)


def _check(family: Family[Lane], alias: Alias) -> None:
    for version in (alias.version, *alias.weights):
        if version not in family.rows:
            raise family.no_version(version)
    if len(alias.description) > DESCRIPTION_MAX:
        raise InvalidInput(
            f"description: {len(alias.description)} characters; at most {DESCRIPTION_MAX}.",
            field="description",
            limit=DESCRIPTION_MAX,
        )
    if len(alias.weights) > WEIGHTS_MAX:
        raise InvalidInput(
            f"weights: {len(alias.weights)} versions; at most {WEIGHTS_MAX}.",
            field="weights",
            limit=WEIGHTS_MAX,
        )
    for version, share in alias.weights.items():
        if not 0 <= share <= 1 or version == alias.version:
            raise InvalidInput(
                f"weights: {share!r} for {version!r} is not a share of calls: 0 to 1, for another "
                "version than the alias's own.",
                field="weights",
                value=share,
                limit=1,
            )
    if math.fsum(alias.weights.values()) > 1 + 1e-9:
        raise InvalidInput(
            f"weights: together {math.fsum(alias.weights.values()):g}; at most 1.",
            field="weights",
            limit=1,
        )
