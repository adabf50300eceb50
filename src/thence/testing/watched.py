"""A store that the virtual clock waits for, and that can be taken away: full, gone or killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from ..clock import Clock
from ..errors import StoreDamaged, StoreUnavailable
from ..store.interface import Store
from .clock import VirtualClock

WRITES = frozenset(
    {
        "commit",
        "join",
        "renew",
        "leave",
        "shift_ages",
        "change",
        "add_minutes",
        "redrive_delivery",
        "stop_deliveries",
        "mark_redriven",
        "mailbox_receive",
        "mailbox_delete",
        "prune",
    }
)
LIFE = frozenset({"open", "close"})


class Outage:
    """Until when the store does not write, or does not even read. Times: ms."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.full_until = 0.0
        self.gone_until = 0.0

    def check(self, method: str) -> bool:
        """Raise StoreUnavailable where `method` cannot be done now; True: it can."""
        now = self._clock.now()
        if now < self.gone_until:
            raise StoreUnavailable("The store does not answer (scripted).")
        if now < self.full_until and method in WRITES:
            raise StoreUnavailable("The disk is full (scripted); nothing was changed.")
        return True


class Watched:
    """Stands before a store: holds the clock during each call, obeys `outage`, and once killed
    never answers again."""

    def __init__(self, store: Store, clock: VirtualClock, outage: Outage) -> None:
        self._store = store
        self._clock = clock
        self._outage = outage
        self._unwritten: Callable[[StoreUnavailable], bool] = lambda error: False
        self.killed = False

    def kill(self) -> None:
        self.killed = True

    @property
    def shared(self) -> bool:
        return self._store.shared

    def on_damage(self, told: Callable[[StoreDamaged], None]) -> None:
        self._store.on_damage(told)

    def on_unwritten(self, told: Callable[[StoreUnavailable], bool]) -> None:
        self._store.on_unwritten(told)
        self._unwritten = told

    async def healthy(self) -> bool:
        if self.killed:
            await _never()
        now = self._clock.now()
        if now < max(self._outage.full_until, self._outage.gone_until):
            return False
        with self._clock.hold():
            return await self._store.healthy()

    def _check(self, name: str) -> None:
        try:
            self._outage.check(name)
        except StoreUnavailable as error:
            if name == "commit" or name not in WRITES or not self._unwritten(error):
                raise
            try:
                self._outage.check(name)
            except StoreUnavailable as again:
                self._unwritten(again)
                raise

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def call(*args: Any, **named: Any) -> Any:
            if self.killed:
                await _never()
            if name not in LIFE:
                self._check(name)
            try:
                with self._clock.hold():
                    answer = await method(*args, **named)
            except Exception:
                if not self.killed:
                    raise
            # Whatever came of it, a dead process hears no answer.
            if self.killed:
                await _never()
            return answer

        # Kept as an attribute of its own, so that the next look-up is an ordinary one.
        self.__dict__[name] = call
        return call


async def _never() -> None:
    """Wait for ever: the process that asked is dead."""
    await asyncio.get_running_loop().create_future()


def watched(store: Store, clock: VirtualClock, outage: Outage) -> tuple[Store, Watched]:
    """The watched store as a Store, and the handle that kills it."""
    made = Watched(store, clock, outage)
    return cast(Store, made), made
