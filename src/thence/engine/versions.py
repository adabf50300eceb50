"""Published versions: frozen copies of `latest`, each a row, a lane and instances of its own."""

from __future__ import annotations

import re

from ..catalog.function import LATEST, Function
from ..errors import Conflict, InvalidInput
from .catalogue import Catalogue
from .entries import ASYNC_CONFIG, GONE_ALIAS, VERSION_NUMBER
from .family import Family
from .lanes import Lane
from .load import keep_configs

NOTE_MAX = 1024
QUALIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


class Versions:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def all(self, name: str) -> list[Function]:
        """The published ones, oldest first. Raises FunctionNotFound."""
        rows = self._catalogue.family(name).rows
        found = [lane.function for version, lane in rows.items() if version != LATEST]
        return sorted(found, key=lambda one: one.id)

    async def publish(self, name: str, note: str, version: str | None) -> Function:
        """`latest` as it is now, as a version. Without a name it gets the next whole number, which
        no version of this function has had. Raises FunctionNotFound, InvalidInput, Conflict (the
        name is taken)."""
        catalogue = self._catalogue
        if len(note) > NOTE_MAX:
            raise InvalidInput(
                f"note: {len(note)} characters; at most {NOTE_MAX}.", field="note", limit=NOTE_MAX
            )
        async with catalogue.lock:
            family = catalogue.family(name)
            chosen = self._next(family) if version is None else _check(family, version)
            await self._remember(family, chosen)
            if await catalogue.entries.delete(GONE_ALIAS, str(family.id), chosen):
                family.configs.pop(chosen, None)  # that name means the version from now on
            function = await catalogue.store.publish(family.id, chosen, note, catalogue.clock.now())
            catalogue.take(function)
        catalogue.changed(name, [f"version {chosen} published"])
        return function

    async def delete(self, name: str, version: str) -> None:
        """What waits for it becomes invalid, what runs may finish. Its asynchronous configuration
        goes with it. Raises FunctionNotFound, VersionNotFound, Conflict (an alias names it)."""
        catalogue = self._catalogue
        async with catalogue.lock:
            family = catalogue.family(name)
            lane = family.version(version)
            users = sorted(a.name for a in family.aliases.values() if version in a.versions())
            if users:
                raise Conflict(
                    f"Version {version!r} of {name!r} is used by the alias {users[0]!r}; change or "
                    "delete the alias first.",
                    aliases=users,
                )
            config = family.written.get(version)
            if config is not None:
                await keep_configs(family, catalogue.entries, {version: config})
            await catalogue.store.delete_version(lane.function.id, catalogue.clock.now())
            del family.rows[version]
            catalogue.ended(lane)
            if config is not None:
                del family.written[version], family.configs[version]
                await catalogue.entries.delete(ASYNC_CONFIG, str(family.id), version)
        catalogue.changed(name, [f"version {version} deleted"])

    # ------------------------------------------------------------ numbers

    def _next(self, family: Family[Lane]) -> str:
        number = max([self._highest(family), *map(_number, family.rows)]) + 1
        while str(number) in family.aliases:
            number += 1
        return str(number)

    def _highest(self, family: Family[Lane]) -> int:
        entry = self._catalogue.entries.get(VERSION_NUMBER, str(family.id), "")
        return 0 if entry is None else int(entry.data)

    async def _remember(self, family: Family[Lane], version: str) -> None:
        """Before it is published: a number may be left out, but never given twice."""
        number = _number(version)
        if number > self._highest(family):
            data = str(number).encode()
            await self._catalogue.entries.put(VERSION_NUMBER, str(family.id), "", data)


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0


def _check(family: Family[Lane], version: str) -> str:
    check_qualifier("version", version)
    if version in family.rows or version in family.aliases:
        what = "version" if version in family.rows else "alias"
        raise Conflict(
            f"Function {family.name!r} has the {what} {version!r} already; choose another name.",
            version=version,
        )
    return version


def check_qualifier(field: str, name: str) -> None:
    """A name for a version or an alias. Raises InvalidInput."""
    if QUALIFIER.fullmatch(name) is None or name.lower() == LATEST:
        raise InvalidInput(
            f"{field}: {name[:140]!r} is not the name of one. Use letters, digits, _, . and - (not the "
            f"last two first), at most 128 characters, and not {LATEST!r}.",
            field=field,
            value=name[:140],
            limit=QUALIFIER.pattern,
        )
