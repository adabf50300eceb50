"""Lanes: what the engine keeps in memory of each function and of each of its versions. Bounded
whatever the backlog.

A lane never holds waiting invocations, only whether there may be some that are due (`ready`) and
when the next one will be (`next_due`). Memory is therefore one small object a function.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from ..catalog.function import Function
from ..lifecycle.policy import Policy
from .effect import InEffect
from .family import Family

UNKNOWN = 1 << 40
"""As many as there may be: how long a backlog is has not been counted."""


class Lane:
    """One function's (or version's) way to its instances."""

    __slots__ = (
        "backlog",
        "claiming",
        "configs",
        "deleted",
        "family",
        "function",
        "next_due",
        "own",
        "promised",
        "ready",
        "reserved",
        "served",
        "sync_waiters",
        "throttled_since",
        "under_way",
        "waiting",
    )

    def __init__(
        self, function: Function, own: InEffect, family: Family[Lane], promised: dict[int, int]
    ) -> None:
        self.function = function
        self.own = own  # by its spec: counts where a qualifier has no configuration
        self.family = family
        self.configs = family.configs  # by qualifier; a deleted lane keeps those it had
        self.ready = False  # there may be waiting invocations that are due
        self.next_due: int | None = None  # when waiting ones not yet due will be; None: none known
        self.backlog = 0  # of the waiting, how many may be due and are not being claimed yet
        self.claiming = 0  # how many a claim on its way asks for; 0: there is none
        self.reserved = 0  # room promised to claims on their way; see reserve()
        self.under_way = 0  # runs that the runtime has and has not answered
        self.promised = promised  # that of all lanes that have any, by function id
        self.served = 0  # the round in which it was last given something: fairness
        self.throttled_since: int | None = None  # at its limit with a backlog since
        self.waiting = 0  # waiting invocations, as counted here since the start
        self.sync_waiters: deque[Callable[[], None]] = deque()
        self.deleted = False

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

    def delete(self) -> None:
        """Nothing begins any more; what waits ends by the configuration that there was."""
        self.deleted = True
        self.configs = dict(self.configs)

    def reserve(self, number: int) -> None:
        """Promise room to so many on their way; below 0: they have come, or never will."""
        self.reserved += number
        if self.reserved:
            self.promised[self.function.id] = self.reserved
        else:
            self.promised.pop(self.function.id, None)

    def note_due(self, due_at: int, now: int, number: int = 1) -> None:
        """So many wait and are due then."""
        if due_at <= now:
            self.ready = True
            self.backlog += number
        elif self.next_due is None or due_at < self.next_due:
            self.next_due = due_at


class Lanes:
    """All lanes, by function id."""

    def __init__(self) -> None:
        self._lanes: dict[int, Lane] = {}
        self._families: dict[int, Family[Lane]] = {}
        self.promised: dict[int, int] = {}
        """Room promised to claims on their way, by function id; none where there is none."""

    def get(self, function_id: int) -> Lane | None:
        return self._lanes.get(function_id)

    def put(self, function: Function, own: InEffect) -> Lane:
        lane = self._lanes.get(function.id)
        if lane is not None:
            lane.function, lane.own = function, own
            return lane
        family = self._families.get(function.family)
        if family is None:
            family = self._families[function.family] = Family(function.family, function.name)
        lane = self._lanes[function.id] = Lane(function, own, family, self.promised)
        family.lanes.append(lane)
        return lane

    def all(self) -> list[Lane]:
        return list(self._lanes.values())

    def families(self) -> list[Family[Lane]]:
        return list(self._families.values())
