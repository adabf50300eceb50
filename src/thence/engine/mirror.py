"""The catalogue in memory, as the store has it at one revision: lanes, families and entries.

Everything here but the counts of lanes follows from rows of the store, whoever wrote them: a change of
this node is applied by what its steps left behind (`apply`), one of another by reading again what it
touched (`merge`), or the whole (`load`). What follows outside of memory is told as Effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from ..catalog.alias import Alias
from ..catalog.async_config import AsyncConfig, of_function
from ..catalog.control import Control
from ..catalog.entry import Entry
from ..catalog.function import LATEST, Function
from ..catalog.step import (
    CatalogueParts,
    CatalogueRows,
    Changed,
    DeleteEntry,
    DeleteFunction,
    DeleteVersion,
    Left,
    PublishVersion,
    PutEntry,
    PutFunction,
    Step,
)
from ..errors import FunctionNotFound
from . import entries
from .effect import InEffect, in_effect
from .entries import ALIAS, ASYNC_CONFIG, CONTROL, DELETED, GONE_ALIAS, Entries
from .family import Family
from .lanes import Lane, Lanes
from .options import Options

T = TypeVar("T")
_configs = msgspec.json.Decoder(dict[str, AsyncConfig]).decode


class Effects(Struct):
    """What a change asks for beside memory."""

    replaced: list[int] = field(default_factory=list)  # functions whose rows are new ones
    ended: list[Lane] = field(default_factory=list)  # deleted: what waits for them ends
    grown: list[Lane] = field(default_factory=list)  # of which more may run at once
    controls: list[Family[Lane]] = field(default_factory=list)  # another limit or switch counts


class Mirror:
    def __init__(self, lanes: Lanes, options: Options) -> None:
        self.revision = 0
        """Of the catalogue: all changes up to it are here, and no later ones."""
        self.by_name: dict[str, Lane] = {}  # the `latest` of each
        self.entries = Entries()
        self._lanes = lanes
        self._options = options

    # ------------------------------------------------------------ looking

    def lane(self, name: str) -> Lane:
        """The lane of a deployed function; FunctionNotFound otherwise."""
        lane = self.by_name.get(name)
        if lane is None:
            raise FunctionNotFound(
                f"There is no function {name[:140]!r}. Deploy it first, or see 'thence ls functions' "
                "(GET /v1/functions).",
                kind="function",
                name=name[:140],
            )
        return lane

    def family(self, name: str) -> Family[Lane]:
        """Raises FunctionNotFound."""
        return self.lane(name).family

    def find(self, name: str) -> Family[Lane] | None:
        lane = self.by_name.get(name)
        return None if lane is None else lane.family

    def names(self) -> list[str]:
        return sorted(self.by_name)

    def get(self, name: str, qualifier: str = LATEST) -> Function:
        """The row of a version; of an alias, of its main version. Raises FunctionNotFound,
        VersionNotFound, AliasNotFound."""
        lane = self.lane(name)
        return (lane if qualifier == LATEST else lane.family.row(qualifier)).function

    # ------------------------------------------------------------ a change of this node

    def apply(self, steps: Sequence[Step], changed: Changed) -> Effects:
        """What these steps left. Nothing where that is here already: it was read with the whole."""
        effects = Effects()
        if changed.revision > self.revision:
            for step, left in zip(steps, changed.left, strict=True):
                self._apply(step, left, effects)
            self.revision = changed.revision
        return effects

    def _apply(self, step: Step, left: Left, effects: Effects) -> None:
        match step, left:
            case ((PutFunction() | PublishVersion()), Function()):
                self.take(left, effects)
            case DeleteVersion(function_id), True:
                self._end(self._lanes.get(function_id), effects)
            case DeleteFunction(family_id), True:
                family = self._lanes.family(family_id)
                self.entries.forget(str(family_id))
                for lane in [] if family is None else list(family.rows.values()):
                    self._end(lane, effects)
            case PutEntry(), Entry():
                self.entries.keep(left)
                self._entered(left, effects)
            case DeleteEntry(kind, owner, name), _:
                self.entries.drop(kind, owner, name)
                self._left(kind, owner, name)

    def take(self, function: Function, effects: Effects) -> Lane:
        """The lane of a deployed row as it is now."""
        before = self._lanes.get(function.id)
        was = None if before is None else before.function
        if before is not None and was == function:
            return before
        own = in_effect(of_function(function), self._options, function.spec.contract, stored=True)
        lane = self._lanes.put(function, own)
        lane.family.rows[function.version] = lane
        if function.version == LATEST:
            self.by_name[function.name] = lane
        effects.replaced.append(function.id)
        if was is not None and function.spec.concurrency > was.spec.concurrency:
            effects.grown.append(lane)
        return lane

    def _end(self, lane: Lane | None, effects: Effects) -> None:
        """That row is deleted in the store."""
        if lane is None or lane.deleted:
            return
        function = lane.function
        lane.family.rows.pop(function.version, None)
        if function.version == LATEST and self.by_name.get(function.name) is lane:
            del self.by_name[function.name]
        lane.delete()
        effects.ended.append(lane)

    def _entered(self, entry: Entry, effects: Effects) -> None:
        family = self._owner(entry.kind, entry.owner)
        if family is None:
            return
        match entry.kind:
            case entries.ALIAS:
                family.aliases[entry.name] = _read(entry, Alias)
            case entries.ASYNC_CONFIG:
                family.written[entry.name] = config = _read(entry, AsyncConfig)
                family.configs[entry.name] = in_effect(config, self._options, stored=True)
            case entries.GONE_ALIAS:
                family.configs[entry.name] = in_effect(
                    _read(entry, AsyncConfig), self._options, stored=True
                )
            case entries.CONTROL:
                _control(family, _read(entry, Control), effects)

    def _left(self, kind: str, owner: str, name: str) -> None:
        family = self._owner(kind, owner)
        if family is None:
            return
        if kind == ALIAS:
            family.aliases.pop(name, None)
        elif kind == ASYNC_CONFIG:
            family.written.pop(name, None)
            family.configs.pop(name, None)
        elif kind == GONE_ALIAS and name not in family.written:
            family.configs.pop(name, None)

    def _owner(self, kind: str, owner: str) -> Family[Lane] | None:
        """The family of an entry that says something of one."""
        if kind not in (ALIAS, ASYNC_CONFIG, GONE_ALIAS, CONTROL):
            return None
        return self._lanes.family(int(owner))

    # ------------------------------------------------------------ the whole

    def load(self, rows: CatalogueRows) -> Effects:
        """As the store has it. What is here already and the same stays as it is."""
        effects = Effects()
        if rows.revision <= self.revision:
            return effects
        self.entries.replace(rows.entries)
        self._load_rows(rows.functions, self._lanes.all(), effects)
        for family in self._lanes.families():
            self._load_family(family, effects)
        self.revision = rows.revision
        return effects

    def merge(self, parts: CatalogueParts) -> Effects:
        """What was touched as the store has it; all else stays as it is."""
        effects = Effects()
        if parts.revision <= self.revision:
            return effects
        for family_id in parts.families:
            self.entries.forget(str(family_id))
        for key in parts.keys:
            self.entries.drop(*key)
        for entry in (*parts.owned, *parts.entries):
            self.entries.keep(entry)
        known = [self._lanes.family(family_id) for family_id in parts.families]
        lanes = [lane for family in known if family is not None for lane in family.rows.values()]
        self._load_rows(parts.functions, lanes, effects)
        for family_id in parts.families | set(map(_family_of, parts.keys)):
            family = self._lanes.family(family_id)
            if family is not None:
                self._load_family(family, effects)
        self.revision = parts.revision
        return effects

    def _load_rows(
        self, functions: Sequence[Function], before: Sequence[Lane], effects: Effects
    ) -> None:
        """`before`: the lanes that there were of all that may be in `functions`."""
        there = {function.id for function in functions if function.deleted_at is None}
        for lane in before:
            if lane.function.id not in there:
                self._end(lane, effects)
        for function in functions:
            if function.deleted_at is None:
                self.take(function, effects)
            elif self._lanes.get(function.id) is None:
                # Invocations of it remain: they reach their final state by a lane.
                own = in_effect(
                    of_function(function), self._options, function.spec.contract, stored=True
                )
                lane = self._lanes.put(function, own)
                lane.deleted = True
                # Dropped like any other that is deleted, once nothing of it waits or runs.
                effects.ended.append(lane)

    def _load_family(self, family: Family[Lane], effects: Effects) -> None:
        owner = str(family.id)
        family.aliases.clear()
        family.written.clear()
        family.configs.clear()  # (its lanes share it)
        for kind in (ALIAS, GONE_ALIAS):
            for entry in self.entries.all(kind, owner):
                if kind == ALIAS or entry.name not in family.aliases:
                    self._entered(entry, effects)
        for entry in self.entries.all(ASYNC_CONFIG, owner):
            if entry.name in family.rows or entry.name in family.aliases:
                self._entered(entry, effects)
        control = self.entries.get(CONTROL, owner, "")
        wanted = Control() if control is None else _read(control, Control)
        if wanted != family.control:
            _control(family, wanted, effects)
        self._load_deleted(family)

    def _load_deleted(self, family: Family[Lane]) -> None:
        """What its deleted lanes end by."""
        entry = self.entries.get(DELETED, "", str(family.id))
        if entry is None:
            return
        kept = {
            name: in_effect(config, self._options, stored=True)
            for name, config in _configs(entry.data).items()
        }
        both: dict[str, InEffect] = {**kept, **family.configs}
        for lane in family.lanes:
            if lane.deleted:
                lane.configs = both

    # ------------------------------------------------------------ looking for what nobody needs

    def unused(self) -> list[DeleteEntry]:
        """Entries that no function needs any more: of qualifiers that are gone (schema 6 and older
        deleted both in two steps), and what was kept for deleted lanes that are no more."""
        found = []
        for family in self._lanes.families():
            owner = str(family.id)
            names = {*family.rows, *family.aliases}
            found += [
                DeleteEntry(ASYNC_CONFIG, owner, entry.name)
                for entry in self.entries.all(ASYNC_CONFIG, owner)
                if entry.name not in names
            ]
            found += [
                DeleteEntry(GONE_ALIAS, owner, entry.name)
                for entry in self.entries.all(GONE_ALIAS, owner)
                if entry.name in family.aliases
            ]
        for entry in self.entries.all(DELETED):
            found += self.kept_in_vain(int(entry.name))
        return found

    def kept_in_vain(self, family_id: int) -> list[DeleteEntry]:
        """What was kept for deleted lanes of that family, where none is left."""
        name, family = str(family_id), self._lanes.family(family_id)
        if self.entries.get(DELETED, "", name) is None:
            return []
        if family is not None and any(lane.deleted for lane in family.lanes):
            return []
        return [DeleteEntry(DELETED, "", name)]


def _family_of(key: tuple[str, str, str]) -> int:
    """The family that an entry says something of; 0: none."""
    kind, owner, name = key
    if kind == DELETED:
        return int(name)
    return int(owner) if kind in (ALIAS, ASYNC_CONFIG, GONE_ALIAS, CONTROL) else 0


def kept_configs(entries: Entries, family: Family[Any]) -> dict[str, AsyncConfig]:
    """What was kept of its deleted versions."""
    entry = entries.get(DELETED, "", str(family.id))
    return {} if entry is None else _configs(entry.data)


def _control(family: Family[Lane], control: Control, effects: Effects) -> None:
    family.take(control)
    if control.disabled is not None:
        # What waits now waits for the switch, not for room: no budget of time is used up.
        for lane in family.lanes:
            lane.throttled_since = None
    effects.controls.append(family)


def _read(entry: Entry, kind: type[T]) -> T:
    return msgspec.json.decode(entry.data, type=kind)
