"""Which functions have, or had, settings that ask for lines in the status log: noted in the catalogue
before such settings are saved, and kept when they are changed or the function is deleted."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ...catalog.async_config import AsyncConfig
from ...engine.engine import Engine
from ...engine.plan import NOTHING, Plan, delete_entry, put_entry, together
from ...store.records import InvocationView

FAMILIES = "functiongraph.status_log_functions"  # entries; owner: none, name: the family
DOOR, BEFORE = "functiongraph", "status_log"  # where an earlier version kept what was asked for


class Noted(Struct, frozen=True):
    """`qualifiers`: of requests that were accepted before `until` (ms), by a version that did not
    mark them yet."""

    until: int = 0
    qualifiers: tuple[str, ...] = ()

    def means(self, view: InvocationView) -> bool:
        """Whether a request of that function has lines."""
        before = view.accepted_at < self.until and view.qualifier in self.qualifiers
        return view.meta.followed or before


def noted(engine: Engine) -> dict[int, Noted]:
    """By family."""
    return {
        int(entry.name): msgspec.json.decode(entry.data, type=Noted)
        for entry in engine.functions.entries(FAMILIES)
    }


async def note_family(engine: Engine, family: int) -> None:
    """Raises StoreUnavailable."""

    async def decide() -> Plan:
        return NOTHING if family in noted(engine) else _put(family, Noted())

    await engine.functions.change(decide)


async def bring_up_to_date(engine: Engine) -> None:
    """At start: forget functions of which nothing is left, and take over settings that an earlier
    version saved. Raises StoreUnavailable."""

    async def decide() -> Plan:
        written = engine.functions.written_configs()
        gone = noted(engine).keys() - written.keys() - engine.functions.past()
        plan = together(delete_entry(FAMILIES, "", str(family)) for family in gone)
        for family, (name, configs) in written.items():
            plan += _taken_over(engine, family, name, configs)
        return plan

    await engine.functions.change(decide)


def _taken_over(engine: Engine, family: int, name: str, configs: dict[str, AsyncConfig]) -> Plan:
    """Settings of a function that an earlier version saved."""
    old = {
        qualifier: config
        for qualifier, config in configs.items()
        if config.attributes.get(DOOR, {}).get(BEFORE) is not None
    }
    asking = tuple(
        qualifier for qualifier, config in old.items() if config.attributes[DOOR][BEFORE]
    )
    plan = _put(family, Noted(engine.clock.now(), asking)) if asking else NOTHING
    for qualifier, config in old.items():
        kept = {key: value for key, value in config.attributes[DOOR].items() if key != BEFORE}
        changed = replace(
            config,
            followed=qualifier in asking,
            attributes={**config.attributes, DOOR: kept},
        )
        plan += engine.functions.plans.put_async_config(name, qualifier, changed)
    return plan


def _put(family: int, what: Noted) -> Plan:
    return put_entry(FAMILIES, "", str(family), msgspec.json.encode(what))
