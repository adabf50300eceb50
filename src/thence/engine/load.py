"""What belongs to a family, read back from its entries at start; and what is kept of configurations
whose qualifier is deleted, as long as invocations of it may wait."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..catalog.alias import Alias
from ..catalog.async_config import AsyncConfig
from ..catalog.control import Control
from .effect import InEffect, in_effect
from .entries import ALIAS, ASYNC_CONFIG, CONTROL, DELETED, GONE_ALIAS, Entries
from .family import Family
from .lanes import Lane
from .options import Options

_configs = msgspec.json.Decoder(dict[str, AsyncConfig]).decode


async def load_family(family: Family[Lane], entries: Entries, options: Options) -> None:
    owner = str(family.id)
    for entry in entries.all(ALIAS, owner):
        family.aliases[entry.name] = msgspec.json.decode(entry.data, type=Alias)
    for entry in entries.all(ASYNC_CONFIG, owner):
        if entry.name not in family.rows and entry.name not in family.aliases:
            # The process ended between the deletion of a qualifier and that of its configuration.
            await entries.delete(ASYNC_CONFIG, owner, entry.name)
            continue
        config = msgspec.json.decode(entry.data, type=AsyncConfig)
        family.written[entry.name] = config
        family.configs[entry.name] = in_effect(config, options, stored=True)
    for entry in entries.all(GONE_ALIAS, owner):
        if entry.name in family.aliases:
            # The process ended between the new alias of that name and the end of the old one's.
            await entries.delete(GONE_ALIAS, owner, entry.name)
            continue
        config = msgspec.json.decode(entry.data, type=AsyncConfig)
        family.configs[entry.name] = in_effect(config, options, stored=True)
    entry_of_control = entries.get(CONTROL, owner, "")
    if entry_of_control is not None:
        family.take(msgspec.json.decode(entry_of_control.data, type=Control))
    _load_deleted(family, entries, options)


def _load_deleted(family: Family[Lane], entries: Entries, options: Options) -> None:
    entry = entries.get(DELETED, "", str(family.id))
    if entry is None:
        return
    kept = {
        name: in_effect(config, options, stored=True)
        for name, config in _configs(entry.data).items()
    }
    both: dict[str, InEffect] = {**kept, **family.configs}
    for lane in family.lanes:
        if lane.deleted:
            lane.configs = both


async def drop_unused(families: Iterable[Family[Lane]], entries: Entries) -> None:
    """Forget what was kept for deleted lanes that are no more."""
    used = {str(family.id) for family in families if any(lane.deleted for lane in family.lanes)}
    for entry in entries.all(DELETED):
        if entry.name not in used:
            await entries.delete(DELETED, "", entry.name)


async def drop_kept(family: Family[Lane], entries: Entries) -> None:
    """The same of one family, once its last deleted lane is dropped."""
    name = str(family.id)
    if entries.get(DELETED, "", name) and not any(lane.deleted for lane in family.lanes):
        await entries.delete(DELETED, "", name)


async def keep_configs(
    family: Family[Lane], entries: Entries, written: dict[str, AsyncConfig]
) -> None:
    """Before their entries go with what is deleted: its last invocations end by them, also after a
    restart."""
    if not written:
        return
    name = str(family.id)
    before = entries.get(DELETED, "", name)
    kept = {} if before is None else _configs(before.data)
    await entries.put(DELETED, "", name, msgspec.json.encode({**kept, **written}))
