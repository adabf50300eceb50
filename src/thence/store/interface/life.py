"""Opening, closing and damage; nodes and their leases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ...clock import ClockMark
from ...errors import StoreCorrupt, StoreDamaged, StoreUnavailable
from ..records import Lost


class Life(Protocol):
    @property
    def shared(self) -> bool:
        """Whether other nodes may have the same data open. False: nothing changes but by calls of
        this object, so that nobody has to look for what others did."""
        ...

    async def open(self) -> None:
        """Make or migrate the schema and take the exclusive hold on it, where the driver has one.

        Declares dead only incarnations that cannot be alive; what those held is lost at once. Where the
        driver holds the data alone these are all earlier ones; where other nodes may use it, only the
        former ones of this node, if the driver can be sure which they are (they joined from a data
        directory that one process at a time can have). Another node's incarnation lives until its
        lease has ended: see `lost`.

        Raises StoreTooNew, StoreInUse, StoreCorrupt. A second call is an error.
        """
        ...

    async def close(self) -> None:
        """Let go. Idempotent."""
        ...

    async def healthy(self) -> bool:
        """Whether a small write and fsync succeed now (used to recover after a full disk)."""
        ...

    def on_damage(self, told: Callable[[StoreDamaged], None]) -> None:
        """`told` is called once, on the event loop, when damage is found."""
        ...

    def on_unwritten(self, told: Callable[[StoreUnavailable], bool]) -> None:
        """`told` is called, on the event loop, with what a write other than a commit failed for, damage
        excepted. Where it answers True there is room for it now: the write is tried once more. What it
        raises is raised in place of that."""
        ...

    async def find_damage(self, found: StoreDamaged) -> StoreDamaged:
        """The same with the names of what is damaged (tables, indexes) in its sentence and its
        `tables`, as far as a look of some seconds finds them."""
        ...

    async def refusal(self, found: StoreDamaged) -> StoreCorrupt:
        """What a start that found damage ends with."""
        ...

    async def join(
        self, name: str, now: int, expires_at: int, mark: ClockMark | None = None
    ) -> int:
        """Register a new incarnation of a node; its number is the lease of all it claims.
        Numbers grow and are never used twice. Declares nobody dead: another of that name may be a node
        that was given the same one. `mark` is kept for the next start, here and below."""
        ...

    async def renew(self, incarnation: int, expires_at: int, mark: ClockMark | None = None) -> bool:
        """Extend the lease of all that the incarnation holds. False: it was already declared dead."""
        ...

    async def leave(self, incarnation: int, mark: ClockMark | None = None) -> None:
        """The incarnation is gone; the attempts it still holds are lost at once, the deliveries it
        was sending are due at once."""
        ...

    async def clock_mark(self) -> ClockMark | None:
        """The mark that was kept last; one that is behind it is not kept."""
        ...

    async def shift_ages(self, ms: int, mark: ClockMark) -> None:
        """Time has jumped by `ms` while nothing was under way: event ages, retry budgets, idempotency
        keys and mailbox messages end so much later. What is due stays due. Keeps `mark` with it."""
        ...

    async def lost(self, now: int, limit: int) -> list[Lost]:
        """Attempts held by incarnations that left or whose lease ended at `now`, whichever node they
        were of; they are settled with outcome LOST under the lease given here. Such an incarnation is
        dead from now on: `renew` refuses it, and the settles of its attempts lose against the one that
        came first. Those that were lost before come last."""
        ...
