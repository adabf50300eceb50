"""Lanes: what the engine keeps in memory of each function and of each of its versions. Bounded
whatever the backlog.

A lane never holds waiting invocations, only whether there may be some that are due (`ready`).
Memory is therefore one small object a function; of a deleted one only its name and family stay when
nothing of it waits or runs any more (retire.py). `all()` and `families()` are for the start, for
timers and for what a person asks; nothing on the way of an invocation walks them.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from ..catalog.function import Function
from ..lifecycle.policy import Policy
from .effect import InEffect
from .family import Family
from .slots import Slots

UNKNOWN = 1 << 40
"""As many as there may be: how long a backlog is has not been counted."""
BESIDE_MAX = 16
"""Runs of a function with large results that may be claimed beyond its slots; as many of the node's
results may be on their way to the disk without keeping one."""
PAST_MAX = 100_000
"""Names of functions that are deleted, for whoever asks for their history; some 200 bytes each."""


class Callee(Struct, frozen=True):
    """What a call has been resolved to: the lane that runs it, and the alias by which it came ("":
    none), whose configuration counts for it."""

    lane: Lane
    alias: str = ""


class Lane:
    """One function's (or version's) way to its instances."""

    __slots__ = (
        "backlog",
        "called",
        "claiming",
        "configs",
        "deleted",
        "family",
        "function",
        "keeps",
        "keeps_of_all",
        "kept_of_node",
        "large",
        "last_turn",
        "own",
        "ready",
        "reserved",
        "slots",
        "sync_waiters",
        "throttled_since",
        "under_way",
        "unwritten",
        "waiting",
    )

    def __init__(
        self,
        function: Function,
        own: InEffect,
        family: Family[Lane],
        slots: Slots,
    ) -> None:
        self.function = function
        self.own = own  # by its spec: counts where a qualifier has no configuration
        self.family = family
        self.configs = family.configs  # by qualifier; a deleted lane keeps those it had
        self.last_turn = 0  # its number, over all lanes; see dispatch.py
        self.ready = False  # there may be waiting invocations that are due
        self.backlog = 0  # of the waiting, how many may be due and are not being claimed yet
        self.claiming = 0  # how many a claim on its way asks for; 0: there is none
        self.reserved = 0  # room promised to claims on their way; see slots.py
        self.under_way = 0  # runs that the runtime has and has not answered
        self.large = False  # its last result was; see strict_room()
        self.unwritten = 0  # runs that have ended and keep their slots; see slots.py
        self.kept_of_node = 0  # of these, those that keep room of the node too
        self.waiting = 0  # waiting invocations, as counted here since the start
        self.sync_waiters: dict[Callable[[], None], None] = {}  # in the order of their coming
        self.keeps = False  # its next slot, for a suspect of its own
        self.keeps_of_all = False  # and one of the limit of all versions
        self.deleted = False
        self.throttled_since: int | None = None  # at its limit with a backlog since
        self.slots = slots  # who counts its runs
        self.called = Callee(self)
        """By a call that names no alias."""

    def config(self, alias: str) -> InEffect:
        """What counts for a call that came by that alias; "": by the lane's own version."""
        configs = self.configs
        if not configs:
            return self.own
        return configs.get(alias or self.function.version, self.own)

    def policy(self, alias: str) -> Policy:
        """The same of retrying: how long the platform's errors are waited out is the function's own,
        whatever the configuration."""
        found, own = self.config(alias).policy, self.own.policy
        if found is own:
            return own
        return replace(
            found, platform_wait=own.platform_wait, platform_seconds=own.platform_seconds
        )

    def at_limit(self, slots_used: int) -> bool:
        """Whether a limit of the function itself is reached, whatever room the node has.
        `slots_used`: as the runtime counts them."""
        family = self.family
        if slots_used >= self.function.spec.concurrency:
            return True
        return family.limit is not None and family.used >= family.limit

    @property
    def idle(self) -> bool:
        """Nothing of it runs here or is on its way to run."""
        here = self.under_way or self.reserved or self.unwritten
        return not (here or self.claiming or self.sync_waiters)

    def delete(self) -> None:
        """Nothing begins any more; what waits ends by the configuration that there was."""
        self.deleted = True
        self.configs = dict(self.configs)

    # ------------------------------------------------------------ counted here and in its family

    def keep_slot(self, keeps: bool, of_all: bool = False) -> None:
        """Whether its next slot is kept for one that was lost before, and the next of the limit of
        all versions; see suspects.py."""
        self.family.keeps += of_all - self.keeps_of_all
        self.keeps, self.keeps_of_all = keeps, of_all

    def beside(self) -> int:
        """Slots of its own that one which is kept leaves to others."""
        return self.function.spec.concurrency - 1 - self.under_way - self.reserved - self.unwritten

    @property
    def kept(self) -> bool:
        """Whether what is left of its own slots, or of those of all versions, is kept for suspects."""
        family = self.family
        if family.keeps and family.limit is not None and family.held:
            return True
        return self.keeps and self.beside() <= 0

    def strict_room(self) -> int:
        """How many may be claimed where results are large. Else there are as many more as fast
        instances take, and all of them could end before any is on disk."""
        beside = 0 if self.unwritten else BESIDE_MAX
        taken = self.under_way + self.reserved + self.unwritten
        return self.function.spec.concurrency + beside - taken

    @property
    def filled(self) -> bool:
        """Whether that leaves nothing."""
        return (self.large or self.unwritten > 0) and self.strict_room() <= 0

    def count_waiting(self, number: int) -> None:
        """So many more wait; below 0: fewer. Never below none, as what waits from before the start
        is not counted."""
        number = max(number, -self.waiting)
        self.waiting += number
        self.family.waiting += number

    def queue_call(self, call: Callable[[], None]) -> None:
        """A synchronous call waits for a slot."""
        self.sync_waiters[call] = None
        self.family.sync_waiting += 1

    def drop_call(self, call: Callable[[], None]) -> bool:
        """It waits no longer; False: it did not."""
        if call not in self.sync_waiters:
            return False
        del self.sync_waiters[call]
        self.family.sync_waiting -= 1
        return True

    def next_call(self) -> Callable[[], None]:
        """The one that has waited longest; it leaves."""
        call = next(iter(self.sync_waiters))
        self.drop_call(call)
        return call


class Lanes:
    """All lanes, by function id."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._lanes: dict[int, Lane] = {}
        self._families: dict[int, Family[Lane]] = {}
        self._past: dict[int, tuple[str, int]] = {}  # of what was dropped: its name and family

    def get(self, function_id: int) -> Lane | None:
        return self._lanes.get(function_id)

    def family(self, family_id: int) -> Family[Lane] | None:
        return self._families.get(family_id)

    def put(self, function: Function, own: InEffect) -> Lane:
        lane = self._lanes.get(function.id)
        if lane is not None:
            lane.function, lane.own = function, own
            return lane
        family = self._families.get(function.family)
        if family is None:
            family = self._families[function.family] = Family(function.family, function.name)
        lane = self._lanes[function.id] = Lane(function, own, family, self._slots)
        family.lanes.append(lane)
        return lane

    def keep(self, lane: Lane) -> None:
        """One that may have been dropped is asked for again."""
        if lane.function.id not in self._lanes:
            self._lanes[lane.function.id] = lane
            self._past.pop(lane.function.id, None)
            self._families.setdefault(lane.function.family, lane.family)
            lane.family.lanes.append(lane)

    def drop(self, lane: Lane) -> None:
        """Forget a deleted one, and its family with the last of it."""
        del self._lanes[lane.function.id]
        self._past[lane.function.id] = (lane.function.name, lane.function.family)
        if len(self._past) > PAST_MAX:
            del self._past[next(iter(self._past))]
        family = lane.family
        family.lanes.remove(lane)
        if not family.lanes and not family.rows:
            self._families.pop(family.id, None)

    def named(self, function_id: int) -> tuple[str, int] | None:
        """The name of a function, or of one that was, and its family; None: that is not known here."""
        lane = self._lanes.get(function_id)
        if lane is not None:
            return lane.function.name, lane.function.family
        return self._past.get(function_id)

    def shown(self, function_id: int) -> str:
        """The same name, or a number where it is not known."""
        found = self.named(function_id)
        return f"#{function_id}" if found is None else found[0]

    def past_families(self, name: str | None = None) -> set[int]:
        """Of what is deleted, all or of that name. For the start and for questions."""
        waits = ((lane.function.name, lane.function.family) for lane in self.all() if lane.deleted)
        both = (*waits, *self._past.values())
        return {family for called, family in both if name is None or called == name}

    def all(self) -> list[Lane]:
        """For the start, timers and questions."""
        return list(self._lanes.values())

    def families(self) -> list[Family[Lane]]:
        """For the start."""
        return list(self._families.values())
