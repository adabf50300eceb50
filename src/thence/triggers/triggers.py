"""All triggers of the service: put, looked at, deleted; watched while they are enabled.

What is configured is in the store, as entries that belong to the function and go with it; positions
likewise. What is watched follows that: at once where it was changed here, within `LOOK_SECONDS` where
another node changed it. Cost: a look goes over all triggers, a firing over none but its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ..catalog.entry import Entry
from ..clock import Clock
from ..engine import sources
from ..engine.engine import Engine
from ..engine.loop import Loop
from ..engine.plan import NOTHING, Plan, delete_entry, put_entry
from ..errors import FunctionNotFound, InvalidInput, TriggerNotFound
from ..notices import FunctionChanged, Notices
from .interface import Firing, Kind, Source, Tools
from .kinds import installed_kinds
from .runner import Counts, Runner, Status, WatchState
from .trigger import Trigger, checked, configuration

log = logging.getLogger("thence.triggers")

TRIGGER, POSITION = "trigger", "trigger_position"  # kinds of entries; owner: the family
LOOK_SECONDS = 5.0
Key = tuple[str, str]
"""Owner and name."""


class TriggerView(Struct, frozen=True):
    """One trigger and what it does. `status`: None where it is not watched."""

    function: str
    trigger: Trigger
    shown: Any  # its configuration without secrets
    installed: bool  # whether its kind is
    status: Status | None
    created_at: int
    updated_at: int


class Triggers:
    """A service: `start` when the engine has started, `stop` before it drains."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        notices: Notices,
        kinds: Mapping[str, Kind] | None = None,
    ) -> None:
        self.kinds = installed_kinds() if kinds is None else kinds
        self._engine = engine
        self._clock = clock
        self._notices = notices
        self._watched: dict[Key, tuple[Entry, Runner]] = {}
        self.counts: dict[str, Counts] = {type: Counts() for type in self.kinds}
        """By type."""
        self._running = False
        self._loop = Loop("triggers", self._look, clock, notices, interval_seconds=LOOK_SECONDS)
        notices.on(FunctionChanged, self._function_changed)

    async def start(self) -> None:
        self._running = True
        self._loop.start()

    async def stop(self) -> None:
        """Watch no source any more. Idempotent."""
        self._running = False  # nor one that is put meanwhile
        await self._loop.stop()
        await asyncio.gather(*map(self._end, list(self._watched)))

    # ------------------------------------------------------------ configured

    async def put(self, function: str, trigger: Trigger) -> tuple[TriggerView, bool]:
        """Create (True) or replace. A replaced one of the same type goes on from where it was. Raises
        FunctionNotFound, QualifierNotFound, InvalidInput naming the field, StoreUnavailable."""
        functions = self._engine.functions
        functions.get(function, trigger.qualifier)
        trigger = checked(trigger, self.kinds)
        before: Entry | None = None

        async def decide() -> Plan:
            nonlocal before
            functions.get(function, trigger.qualifier)
            owner = str(functions.get(function).family)
            before = self._entry(owner, trigger.name)
            put = put_entry(TRIGGER, owner, trigger.name, msgspec.json.encode(trigger))
            if before is not None and _read(before).type != trigger.type:
                put += delete_entry(POSITION, owner, trigger.name)
            return put

        await functions.change(decide)
        entry = self._entry(str(functions.get(function).family), trigger.name)
        assert entry is not None  # nothing came between
        await self._follow(function, (entry.owner, entry.name))
        return self._view(function, entry), before is None

    def get(self, function: str, name: str) -> TriggerView:
        """Raises FunctionNotFound, TriggerNotFound."""
        entry = self._entry(str(self._engine.functions.get(function).family), name)
        if entry is None:
            raise self._missing(function, name)
        return self._view(function, entry)

    def all(self, function: str) -> list[TriggerView]:
        """By name. Raises FunctionNotFound."""
        owner = str(self._engine.functions.get(function).family)
        return [
            self._view(function, entry) for entry in self._engine.functions.entries(TRIGGER, owner)
        ]

    async def delete(self, function: str, name: str) -> None:
        """Raises FunctionNotFound, TriggerNotFound, StoreUnavailable."""
        functions, owner = self._engine.functions, ""

        async def decide() -> Plan:
            nonlocal owner
            owner = str(functions.get(function).family)
            if self._entry(owner, name) is None:
                raise self._missing(function, name)
            return delete_entry(TRIGGER, owner, name) + delete_entry(POSITION, owner, name)

        await functions.change(decide)
        await self._end((owner, name))

    def _entry(self, owner: str, name: str, kind: str = TRIGGER) -> Entry | None:
        return self._engine.functions.entry(kind, owner, name)

    def _missing(self, function: str, name: str) -> TriggerNotFound:
        return TriggerNotFound(
            f"Function {function!r} has no trigger {name[:140]!r}.", kind="trigger", name=name[:140]
        )

    def _view(self, function: str, entry: Entry) -> TriggerView:
        trigger = _read(entry)
        kind = self.kinds.get(trigger.type)
        watched = self._watched.get((entry.owner, entry.name))
        return TriggerView(
            function=function,
            trigger=trigger,
            shown={} if kind is None else _shown(trigger, kind),
            installed=kind is not None,
            status=None if watched is None else watched[1].status,
            created_at=entry.created_at,
            updated_at=entry.updated_at,
        )

    def watched(self) -> Iterator[tuple[str, WatchState]]:
        """Type and state of each trigger that is watched here."""
        for entry, runner in self._watched.values():
            yield _read(entry).type, runner.status.state

    # ------------------------------------------------------------ watched

    async def _look(self) -> None:
        """What is configured is watched, and nothing else."""
        configured = {
            (entry.owner, entry.name): entry for entry in self._engine.functions.entries(TRIGGER)
        }
        watched = {key: entry for key, (entry, _) in self._watched.items()}
        changed = [
            key for key in {**configured, **watched} if configured.get(key) != watched.get(key)
        ]
        if not changed:
            return
        functions = {
            str(function.family): function.name for function in self._engine.functions.all()
        }
        # A source that takes its time to end holds up no other.
        await asyncio.gather(*(self._follow(functions.get(key[0]), key) for key in changed))

    async def _follow(self, function: str | None, key: Key) -> None:
        """Watch one trigger as it is configured now, or no more. `function`: its name; None: deleted."""
        while True:
            entry = None if function is None else self._entry(*key)
            watched = self._watched.get(key)
            if watched is None or watched[0] == entry:
                break
            await self._end(key)  # meanwhile it may be changed again
        if watched is not None or entry is None or function is None or not self._running:
            return
        trigger = _read(entry)
        kind = self.kinds.get(trigger.type)
        if trigger.enabled and kind is not None:
            runner = self._runner(function, entry, trigger, kind)
            self._watched[key] = (entry, runner)
            runner.start()

    async def _end(self, key: Key) -> None:
        watched = self._watched.pop(key, None)
        if watched is not None:
            await watched[1].stop()

    def _function_changed(self, notice: FunctionChanged) -> None:
        if notice.change == "deleted":
            self._loop.wake()

    def _runner(self, function: str, entry: Entry, trigger: Trigger, kind: Kind) -> Runner:
        owner, name, engine = entry.owner, entry.name, self._engine

        def make() -> Source:
            config = configuration(trigger.config, kind)
            return kind.make(config, Tools(self._clock, entry.created_at))

        async def accept(firing: Firing, key: str) -> bool:
            if str(engine.functions.get(function).family) != owner:
                raise FunctionNotFound(
                    f"The function of trigger {name!r} is deleted.", name=function
                )
            call = sources.Firing(
                payload=firing.payload,
                content_type=firing.content_type,
                source=f"trigger:{trigger.type}:{name}",
                idempotency_key=key,
                fingerprint=b"",  # the key alone says that it is the same
            )
            accepted = await engine.sources.accept(function, call, qualifier=trigger.qualifier)
            return not accepted.duplicate

        async def keep(position: str) -> None:
            async def decide() -> Plan:
                there = self._entry(owner, name)
                if there is None or there.created_at != entry.created_at:
                    return NOTHING  # it was deleted meanwhile: its position went with it
                if _read(there).type != trigger.type:
                    return NOTHING  # it has another source, which begins anew
                return put_entry(POSITION, owner, name, msgspec.json.encode(position))

            await engine.functions.change(decide)

        kept = self._entry(owner, name, POSITION)
        return Runner(
            function,
            name,
            trigger.type,
            f"{owner}/{name}/{entry.created_at}/{trigger.type}",  # another type begins anew
            make,
            "" if kept is None else msgspec.json.decode(kept.data, type=str),
            accept,
            keep,
            self.counts.setdefault(trigger.type, Counts()),
            self._clock,
            self._notices,
        )


def _shown(trigger: Trigger, kind: Kind) -> Any:
    """Its configuration without secrets. Nothing of one that the kind cannot show, or takes no longer
    (its state says so): it can still be looked at, replaced and deleted."""
    try:
        return msgspec.to_builtins(kind.shown(configuration(trigger.config, kind)))
    except InvalidInput:
        return {}
    except Exception:  # a kind may be of others
        log.warning("the configuration of a %r trigger cannot be shown", kind.type, exc_info=True)
        return {}


def _read(entry: Entry) -> Trigger:
    return msgspec.json.decode(entry.data, type=Trigger)
